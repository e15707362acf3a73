"""Random crops: what a crop shows depends on the seed, the run and its number only, so that a run can be interrupted
anywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch.utils.data import Dataset

from hyperiqa.network import PATCH_SIZE

from .pixels import Pixels
from .sets import ScoredImage

#: Crops for validation and test are drawn with a seed of their own: the same at every epoch and in every run.
_EVALUATION_SEED = 25


class EpochCrops(Dataset[tuple[np.ndarray, np.float32]]):
    """All crops of an epoch in random order: ``crops`` of each image, each mirrored half of the time.

    Items are (uint8 224×224×3, score).
    """

    def __init__(
        self, images: Sequence[ScoredImage], pixels: Pixels, crops: int, seed: int, run: int, epoch: int
    ) -> None:
        self._images = images
        self._pixels = pixels
        self._key = (seed, run, 1, epoch)
        self._order = np.random.default_rng(self._key).permutation(len(images) * crops)

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, place: int) -> tuple[np.ndarray, np.float32]:
        number = int(self._order[place])
        image = self._images[number % len(self._images)]
        rng = np.random.default_rng((*self._key, number))
        crop = random_crop(self._pixels.read(image.file), rng)
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        # A copy, because the prepared image is mapped read-only.
        return np.array(crop), np.float32(image.score)


class ImageCrops(Dataset[np.ndarray]):
    """Random crops of each image, of which the mean score is its score. Items are uint8 crops×224×224×3."""

    def __init__(self, images: Sequence[ScoredImage], pixels: Pixels, crops: int) -> None:
        self._images = images
        self._pixels = pixels
        self._crops = crops

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, place: int) -> np.ndarray:
        rng = np.random.default_rng((_EVALUATION_SEED, place))
        image = self._pixels.read(self._images[place].file)
        return np.stack([random_crop(image, rng) for _ in range(self._crops)])


def random_crop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A 224×224 window of ``image`` (H×W×3, both sides at least 224), every position as likely."""
    top, left = (int(rng.integers(0, side - PATCH_SIZE + 1)) for side in image.shape[:2])
    return image[top : top + PATCH_SIZE, left : left + PATCH_SIZE]
