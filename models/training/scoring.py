"""Scores of a model file by the native protocol, in Python.

The native protocol: EXIF orientation applied, shorter side 384, a grid of 224×224 crops that covers the image, the mean
of their scores.
"""

from __future__ import annotations

import copy
import csv
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from hyperiqa import HyperIQA
from hyperiqa.network import PatchScorer

from .samples import PATCH

SHORT_SIDE = 384
#: Larger ones are slower: the blocks that they take go back to the system after each (``runs.keep_freed_memory``).
_BATCH = 6


class Scorer:
    """A model file, or a network that is none yet, on the CPU in fp32."""

    def __init__(self, model: Path | HyperIQA) -> None:
        if isinstance(model, HyperIQA):
            module = torch.jit.script(PatchScorer(copy.deepcopy(model)))
        else:
            module = torch.jit.load(str(model), map_location="cpu")
        self._module = torch.jit.optimize_for_inference(torch.jit.freeze(module.float().eval()))

    def patches(self, patches: np.ndarray) -> np.ndarray:
        """Scores of uint8 N×224×224×3."""
        with torch.inference_mode():
            parts = torch.from_numpy(patches).permute(0, 3, 1, 2).split(_BATCH)
            return torch.cat([self._module(part) for part in parts]).numpy()

    def image(self, image: np.ndarray) -> float:
        """Score of an RGB image by the native protocol."""
        return float(self.patches(covering_crops(native_size(image))).mean())


def native_size(image: np.ndarray) -> np.ndarray:
    """Resize to the native protocol's size."""
    return shorter_side(image, SHORT_SIDE)


def shorter_side(image: np.ndarray, side: int) -> np.ndarray:
    """Resize to a shorter side of ``side`` pixels (bilinear, antialiased); the longer side is rounded down."""
    height, width = image.shape[:2]
    short = min(height, width)
    if short == side:
        return image
    size = (width * side // short, height * side // short)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


def covering_crops(image: np.ndarray) -> np.ndarray:
    """The evenly spaced 224×224 crops of the smallest grid that covers the image: uint8 N×224×224×3."""
    tops, lefts = (_positions(side) for side in image.shape[:2])
    return np.stack([image[top : top + PATCH, left : left + PATCH] for top in tops for left in lefts])


def _positions(side: int) -> list[int]:
    count = -(-side // PATCH)
    return [(side - PATCH) * i // (count - 1) if count > 1 else 0 for i in range(count)]


def read_oriented(path: Path) -> np.ndarray:
    """Decode to RGB uint8 with the EXIF orientation applied."""
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def read_mos(folder: Path) -> tuple[list[Path], np.ndarray]:
    """Images and human scores of a folder with ``mos.csv`` (columns image_name and MOS)."""
    with (folder / "mos.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [folder / row["image_name"] for row in rows], np.array([float(row["MOS"]) for row in rows])
