"""Training samples: groups of eight versions of one crop, a pure function of (seed, group number).

Because nothing but the two numbers decides about a group, a run can be interrupted and resumed anywhere, with any
number of loader processes, and sees the same samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from torch.utils.data import Dataset

from .chains import draw_chain
from .distortions import KINDS, compression, distort
from .distortions.convert import to_float, to_uint8
from .distortions.faults import FAULTS, ORDER_ONLY
from .labels import CLEAN_KADID, CLEAN_LABEL, LEVELS, level_means, to_score
from .photos import Photo, read_rgb, resize_short_side
from .reference_quality import content_factor, losses

PATCH = 224
#: Distortions are rendered on a larger window, so that no border effect and no fixed block grid shows in the patch.
WINDOW = 256
GROUP = 8


@dataclass(frozen=True)
class SampleOptions:
    """What a group is made of.

    ``chains``: of the eight versions, how many are one camera chain at different strengths; ``faults``: how many have a
    single fault outside KADID. One version is unimpaired, the rest are KADID distortions, two levels of a type at a
    time. ``estimate_weight``: weight of the labels of chains and faults, which are estimates, in the regression loss.
    ``content_exponent``: how far a crop's own loss by the full-reference measure moves the label of its KADID type and
    level (0 not at all, 1 in proportion). ``measure_share``: share of that measure in a chain's label; the rest is the
    chain's own estimate from its faults. ``grey_share`` of the groups are made from a black-and-white version of the
    photograph, ``tone_share`` from one with a slightly different tone curve and saturation, as cameras differ.
    ``sides``: range of the shorter side of the photograph that crops are cut from; ``usual_side`` is used for the share
    ``usual_share`` of the groups.
    """

    chains: int = 2
    faults: int = 1
    estimate_weight: float = 0.5
    content_exponent: float = 0.5
    measure_share: float = 0.5
    grey_share: float = 0.06
    tone_share: float = 0.3
    sides: tuple[int, int] = (300, 600)
    usual_side: int = 384
    usual_share: float = 0.6

    def __post_init__(self) -> None:
        if self.chains < 0 or self.faults < 0 or self.chains + self.faults >= GROUP:
            raise ValueError(f"chains and faults must be 0..{GROUP - 1} together, not {self.chains} and {self.faults}")
        if not WINDOW <= self.sides[0] <= self.sides[1] or self.usual_side < WINDOW:
            raise ValueError(f"sides must ascend from at least {WINDOW}")

    @classmethod
    def table_only(cls, chains: int = 0) -> SampleOptions:
        """For measuring: scale 384, photographs as they are, labels of the table without a crop's own part."""
        return cls(
            chains=chains, faults=0, content_exponent=0, measure_share=0, grey_share=0, tone_share=0, usual_share=1
        )


@dataclass(frozen=True)
class Group:
    """Eight versions of one crop: ``patches`` uint8 8×224×224×3, ``labels`` and ``weights`` float32 of length 8."""

    patches: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


def sharpest_window(image: np.ndarray, rng: np.random.Generator, tries: int = 3) -> np.ndarray:
    """A random 256×256 window; of ``tries`` drawn, the one with most detail.

    Skies and defocused backgrounds show little of a distortion: labelled as the whole picture is, they would teach
    noise.
    """
    height, width = image.shape[:2]
    best, best_detail = image, -1.0
    for _ in range(tries):
        top = int(rng.integers(0, height - WINDOW + 1))
        left = int(rng.integers(0, width - WINDOW + 1))
        window = image[top : top + WINDOW, left : left + WINDOW]
        grey = cv2.cvtColor(window, cv2.COLOR_RGB2GRAY)
        detail = float(np.abs(cv2.Laplacian(grey, cv2.CV_16S)).mean())
        if detail > best_detail:
            best, best_detail = window, detail
    return np.ascontiguousarray(best)


def draw_window(image: np.ndarray, options: SampleOptions, rng: np.random.Generator) -> np.ndarray:
    """A 256×256 window of a photograph at a random scale, mirrored half of the time."""
    side = options.usual_side
    if rng.random() >= options.usual_share:
        side = int(rng.integers(options.sides[0], options.sides[1] + 1))
    image = resize_short_side(image, side)
    if min(image.shape[:2]) < WINDOW:
        raise ValueError(f"photographs must have at least {WINDOW} pixels on the shorter side")
    window = sharpest_window(image, rng)
    return np.ascontiguousarray(window[:, ::-1]) if rng.random() < 0.5 else window


def varied(window: np.ndarray, options: SampleOptions, rng: np.random.Generator) -> np.ndarray:
    """The window as it is, in black and white, or with a slightly different tone curve and saturation."""
    draw = rng.random()
    if draw < options.grey_share:
        weights = rng.dirichlet((3.0, 6.0, 1.0))
        return np.repeat(to_uint8(to_float(window) @ weights)[..., None], 3, axis=2)
    if draw < options.grey_share + options.tone_share:
        pixels = to_float(window) ** np.float32(np.exp(rng.normal(0, 0.15)))
        grey = pixels.mean(axis=2, keepdims=True)
        return to_uint8(grey + (pixels - grey) * np.float32(rng.uniform(0.75, 1.15)))
    return window


#: Saturation in HSV at factor 0: in the database people saw the colour original beside it and marked it down. By itself
#: it is a black-and-white photograph, and those are not damaged; nothing is learnt from it.
_GREY_LEVEL = (7, 4)


def make_group(image: np.ndarray, options: SampleOptions, rng: np.random.Generator) -> Group:
    """Eight versions of one crop of ``image`` (RGB uint8)."""
    window = varied(draw_window(image, options, rng), options, rng)
    clean = compression.jpeg(window, rng.uniform(88, 97), rng) if rng.random() < 0.3 else window

    singles = GROUP - 1 - options.chains - options.faults
    types = rng.choice(list(KINDS), size=(singles + 1) // 2, replace=False)
    pairs = [(int(t), int(level)) for t in types for level in rng.choice(LEVELS, size=2, replace=False) + 1][:singles]
    chain = draw_chain(rng)
    strengths = 1 - rng.random(options.chains)
    faults = [(str(name), rng.random()) for name in rng.choice(list(FAULTS), options.faults, replace=False)]

    versions = [distort(window, number, level, rng) for number, level in pairs]
    versions += [FAULTS[name](window, strength, rng) for name, strength in faults]
    versions += [chain.render(window, strength) for strength in strengths]

    # The measure costs as much as the distortions: only where a label uses it.
    measured = options.content_exponent > 0 or options.faults > 0 or (options.chains > 0 and options.measure_share > 0)
    found = losses(window, versions) if measured else np.zeros(len(versions))
    labels, weights = [CLEAN_LABEL], [1.0]
    for (number, level), loss in zip(pairs, found, strict=False):
        factor = content_factor(number, level, float(loss), options.content_exponent)
        labels.append(to_score(max(1.0, CLEAN_KADID - factor * (CLEAN_KADID - level_means()[number, level].mean))))
        weights.append(0.0 if options.grey_share > 0 and (number, level) == _GREY_LEVEL else 1.0)
    for (name, _), loss in zip(faults, found[singles:], strict=False):
        labels.append(to_score(CLEAN_KADID - float(loss)))
        weights.append(0.0 if name in ORDER_ONLY else options.estimate_weight)
    for strength, loss in zip(strengths, found[singles + options.faults :], strict=True):
        # Two estimates with errors of their own: the faults' losses added up, and the measure on the result.
        share = options.measure_share
        labels.append((1 - share) * chain.label(float(strength)) + share * to_score(CLEAN_KADID - float(loss)))
        weights.append(options.estimate_weight)

    top, left = (int(v) for v in rng.integers(0, WINDOW - PATCH + 1, 2))
    patches = np.stack([version[top : top + PATCH, left : left + PATCH] for version in (clean, *versions)])
    return Group(patches, np.float32(labels), np.float32(weights))


class Groups(Dataset[tuple[np.ndarray, np.ndarray, np.ndarray]]):
    """Groups 0, 1, 2, …: each pass over the photographs is in its own random order.

    Items are (patches, labels, weights) of a ``Group``.
    """

    def __init__(self, folder: Path, photos: list[Photo], seed: int, count: int, options: SampleOptions) -> None:
        self._folder = folder
        self._photos = photos
        self._seed = seed
        self._count = count
        self._options = options

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        cv2.setNumThreads(1)
        turn, place = divmod(number, len(self._photos))
        order = np.random.default_rng((self._seed, 1, turn)).permutation(len(self._photos))
        image = read_rgb(self._folder / self._photos[order[place]].file)
        group = make_group(image, self._options, np.random.default_rng((self._seed, 2, number)))
        return group.patches, group.labels, group.weights
