"""Decoded and resized images, kept on disk.

An image is cropped some hundred times in a run. Decoding it each time would take longer than the network does, so every
image is decoded once into an array file that crops are read from; that also finds unreadable files before training
begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from hyperiqa.network import PATCH_SIZE


class Pixels:
    """Array files in a folder, one an image: uint8 H×W×3, RGB as stored in the file (no EXIF turn, no ICC profile,
    alpha dropped), as the published protocol decodes.

    Args:
        source: the folder of the set.
        folder: for the array files; those of each resize have a folder of their own in it.
        resize: ``datasetResize`` of the model format: what is done to a whole image before it is cropped.
    """

    def __init__(self, source: Path, folder: Path, resize: Mapping[str, Any]) -> None:
        self._source = source
        self._resize = resize
        self._folder = folder / "-".join(["pixels", *(str(value) for value in resize.values())])

    def prepare(
        self, files: Iterable[str], threads: int, report: Callable[[int, int, float], None] | None = None
    ) -> dict[str, str]:
        """Make the array files that are missing or older than their image.

        Args:
            files: paths below the set's folder.
            threads: decoders at work side by side.
            report: called now and then with images done, images to do, and seconds left.

        Returns:
            By file that cannot be read, the reason.
        """
        stale = [file for file in files if not self._fresh(file)]
        unreadable = {}
        started = said = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            for done, (file, reason) in enumerate(zip(stale, pool.map(self._make, stale), strict=True), start=1):
                if reason:
                    unreadable[file] = reason
                now = time.monotonic()
                if report and (now - said >= 10 or done == len(stale)):
                    report(done, len(stale), (now - started) / done * (len(stale) - done))
                    said = now
        return unreadable

    def read(self, file: str) -> np.ndarray:
        """The prepared image, mapped into memory: uint8 H×W×3, both sides at least 224."""
        return np.load(self._path(file), mmap_mode="r")

    def _path(self, file: str) -> Path:
        return self._folder / f"{file}.npy"

    def _fresh(self, file: str) -> bool:
        path, source = self._path(file), self._source / file
        return path.is_file() and source.is_file() and path.stat().st_mtime >= source.stat().st_mtime

    def _make(self, file: str) -> str | None:
        try:
            with Image.open(self._source / file) as image:
                pixels = np.asarray(resized(image.convert("RGB"), self._resize))
        except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            return str(error) or type(error).__name__
        path = self._path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        with partial.open("wb") as target:
            np.save(target, pixels)
        partial.replace(path)
        return None


def resized(image: Image.Image, resize: Mapping[str, Any]) -> Image.Image:
    """An RGB image after ``resize`` (bilinear, antialiased), enlarged if a side is still below a patch's.

    Raises ``ValueError`` for an unknown mode.
    """
    if resize["mode"] == "exact":
        image = image.resize((resize["width"], resize["height"]), Image.Resampling.BILINEAR)
    elif resize["mode"] == "short-side":
        image = _with_short_side(image, resize["size"])
    elif resize["mode"] != "none":
        raise ValueError(f"unknown resize {resize['mode']!r}")
    return _with_short_side(image, PATCH_SIZE) if min(image.size) < PATCH_SIZE else image


def _with_short_side(image: Image.Image, size: int) -> Image.Image:
    short = min(image.size)
    width, height = (side * size // short for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR)
