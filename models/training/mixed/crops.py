"""Crops of human-scored photographs: a pure function of (seed, fold, number)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch.utils.data import Dataset

from training.samples import PATCH
from training.scoring import SHORT_SIDE, read_mos, read_oriented

from .config import CropOptions


@dataclass(frozen=True)
class ScoredPhoto:
    """``path`` of the file and ``mos``, the mean opinion score on 0..100."""

    path: Path
    mos: float


def read_photos(folder: Path) -> list[ScoredPhoto]:
    """Photographs of a folder with ``mos.csv`` (columns image_name and MOS), in the order of the list."""
    paths, mos = read_mos(folder)
    return [ScoredPhoto(path, float(score)) for path, score in zip(paths, mos, strict=True)]


def divide(
    photos: Sequence[ScoredPhoto], folds: int, seed: int, left_out: int | None
) -> tuple[list[ScoredPhoto], list[ScoredPhoto]]:
    """(training, held out) photographs of a random division into ``folds`` parts.

    ``left_out`` is the number of the part that is held out, from 0; None trains on all photographs.

    Raises ``ValueError`` if there is no such part.
    """
    if left_out is None:
        return list(photos), []
    if not 0 <= left_out < folds <= len(photos):
        raise ValueError(f"fold {left_out} of {folds} does not exist for {len(photos)} photographs")
    part = np.random.default_rng((seed, 5)).permutation(len(photos)) % folds
    training = [photo for photo, number in zip(photos, part, strict=True) if number != left_out]
    return training, [photo for photo, number in zip(photos, part, strict=True) if number == left_out]


def draw_crop(image: np.ndarray, options: CropOptions, rng: np.random.Generator) -> np.ndarray:
    """A 224×224 crop of ``image`` (RGB uint8) at a random scale and aspect ratio, mirrored half of the time.

    The photograph is resized as the native protocol does (bilinear, antialiased), but only inside the crop.
    """
    height, width = image.shape[:2]
    side = SHORT_SIDE * rng.uniform(*options.scale)
    stretch = float(np.exp(rng.uniform(*np.log(options.stretch))))
    factor = side / min(width * stretch, height)
    # Sides of the crop in pixels of the stored photograph.
    columns, rows = PATCH / (factor * stretch), PATCH / factor
    left, top = rng.uniform(0, width - columns), rng.uniform(0, height - rows)
    box = (left, top, left + columns, top + rows)
    crop = np.asarray(Image.fromarray(image).resize((PATCH, PATCH), Image.Resampling.BILINEAR, box))
    return np.ascontiguousarray(crop[:, ::-1] if rng.random() < 0.5 else crop)


class Crops(Dataset[tuple[np.ndarray, np.float32]]):
    """Crops 0, 1, 2, …: each pass over the photographs is in its own random order. Items are (uint8 224×224×3, MOS)."""

    def __init__(self, photos: Sequence[ScoredPhoto], key: tuple[int, ...], count: int, options: CropOptions) -> None:
        self._photos = photos
        self._key = key
        self._count = count
        self._options = options
        self._images: dict[Path, np.ndarray] = {}

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.float32]:
        turn, place = divmod(number, len(self._photos))
        order = np.random.default_rng((*self._key, 1, turn)).permutation(len(self._photos))
        return self.crop(int(order[place]), turn), np.float32(self._photos[order[place]].mos)

    def crop(self, place: int, turn: int) -> np.ndarray:
        """The crop of photograph ``place`` in a pass, uint8 224×224×3."""
        rng = np.random.default_rng((*self._key, 2, turn * len(self._photos) + place))
        return draw_crop(self._image(self._photos[place].path), self._options, rng)

    def _image(self, path: Path) -> np.ndarray:
        # Decoded once: 930 photographs of 500×500 take 0.7 GB.
        if path not in self._images:
            self._images[path] = read_oriented(path)
        return self._images[path]
