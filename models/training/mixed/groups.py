"""Synthetic groups on disk: rendered once, read by every run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from training.photos import Photo
from training.samples import Groups, SampleOptions

#: Groups of one file, 60 MB.
CHUNK = 50


def render(
    folder: Path,
    data: Path,
    photos: list[Photo],
    seed: int,
    count: int,
    options: SampleOptions,
    report: Callable[[int], None] = lambda done: None,
) -> None:
    """Render the groups 0 to ``count`` − 1 of ``samples.Groups`` into ``folder``; files that are there stay.

    ``folder`` must be used with one seed, list of photographs and set of options only. ``report`` is called with the
    number of groups done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    groups = Groups(data, photos, seed, count, options)
    for first in range(0, count, CHUNK):
        path = _path(folder, first)
        if path.exists():
            continue
        parts = [groups[number] for number in range(first, min(first + CHUNK, count))]
        patches, labels, weights = (np.stack(part) for part in zip(*parts, strict=True))
        np.save(path.with_suffix(".values.npy"), np.stack([labels, weights]))
        partial = path.with_suffix(".partial.npy")
        np.save(partial, patches)
        partial.replace(path)
        report(first + len(parts))


class RenderedGroups(Dataset[tuple[np.ndarray, np.ndarray, np.ndarray]]):
    """Groups drawn from a folder of ``render``: each pass is in its own random order, mirrored half of the time.

    Items are (patches, labels, weights) of a ``samples.Group``.
    """

    def __init__(self, folder: Path, rendered: int, key: tuple[int, ...], count: int) -> None:
        self._folder = folder
        self._rendered = rendered
        self._key = key
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        patches, labels, weights = self.rendered(self.place(number))
        if np.random.default_rng((*self._key, 4, number)).random() < 0.5:
            patches = patches[:, :, ::-1]
        return np.array(patches), labels, weights

    def place(self, number: int) -> int:
        """Index of the rendered group that is item ``number``."""
        turn, place = divmod(number, self._rendered)
        return int(np.random.default_rng((*self._key, 3, turn)).permutation(self._rendered)[place])

    def rendered(self, group: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A group as it was rendered; the patches are mapped into memory, read-only."""
        chunk, row = divmod(group, CHUNK)
        path = _path(self._folder, chunk * CHUNK)
        labels, weights = np.load(path.with_suffix(".values.npy"))[:, row]
        return np.load(path, mmap_mode="r")[row], labels, weights


def _path(folder: Path, first: int) -> Path:
    return folder / f"groups-{first:05}.npy"
