"""Rank and linear correlation with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata


@dataclass(frozen=True)
class Correlation:
    """A correlation with its 95 % percentile bootstrap interval over ``n`` resampled units."""

    value: float
    low: float
    high: float
    n: int

    def without_n(self) -> str:
        """Value and interval, as a cell of a table whose heading says n."""
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def __str__(self) -> str:
        return f"{self.without_n()} (n={self.n})"


def plcc(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's correlation. Raises ``ValueError`` if an input is constant: it is undefined then."""
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x * x).sum() * (y * y).sum()))
    if norm == 0:
        raise ValueError("the correlation of a constant is undefined")
    return float((x * y).sum() / norm)


def srcc(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's correlation: Pearson's on mid-ranks. Raises ``ValueError`` if an input is constant."""
    return plcc(rankdata(x), rankdata(y))


def with_interval(
    measure, x: np.ndarray, y: np.ndarray, groups: np.ndarray | None = None, samples: int = 1000, seed: int = 0
) -> Correlation:
    """``measure`` (``srcc`` or ``plcc``) of x and y with an interval.

    ``groups`` gives the unit that is resampled for each element (the photograph that distorted versions come from);
    without it every element is its own. ``n`` counts elements.
    """
    values = [measure(x[chosen], y[chosen]) for chosen in _resamples(len(x), groups, samples, seed)]
    low, high = np.percentile(values, (2.5, 97.5))
    return Correlation(measure(x, y), float(low), float(high), len(x))


def gain(
    measure,
    x: np.ndarray,
    other: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray | None = None,
    samples: int = 1000,
    seed: int = 0,
) -> Correlation:
    """``measure`` of x and y minus that of ``other`` and y, with a paired interval: both on the same resamples."""
    values = [
        measure(x[chosen], y[chosen]) - measure(other[chosen], y[chosen])
        for chosen in _resamples(len(x), groups, samples, seed)
    ]
    low, high = np.percentile(values, (2.5, 97.5))
    return Correlation(measure(x, y) - measure(other, y), float(low), float(high), len(x))


def _resamples(count: int, groups: np.ndarray | None, samples: int, seed: int) -> Iterator[np.ndarray]:
    """Places of the elements of each bootstrap sample."""
    units = np.arange(count) if groups is None else np.unique(groups, return_inverse=True)[1]
    members = [np.flatnonzero(units == unit) for unit in range(units.max() + 1)]
    rng = np.random.default_rng(seed)
    for _ in range(samples):
        yield np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
