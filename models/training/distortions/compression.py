"""Lossy codecs, through Pillow: JPEG, JPEG 2000, WebP, AVIF."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from .convert import REFERENCE_AREA

#: Bytes of a JPEG 2000 file that do not shrink with the picture (main and tile headers).
_JP2_OVERHEAD = 150


def jpeg(image: np.ndarray, quality: float, rng: np.random.Generator) -> np.ndarray:
    """JPEG at ``quality`` 1..100 with 4:2:0 chroma."""
    return _round_trip(image, "JPEG", quality=round(quality))


def webp(image: np.ndarray, quality: float, rng: np.random.Generator) -> np.ndarray:
    """Lossy WebP at ``quality`` 0..100."""
    return _round_trip(image, "WEBP", quality=float(quality), method=2)


def avif(image: np.ndarray, quality: float, rng: np.random.Generator) -> np.ndarray:
    """AVIF at ``quality`` 0..100 with 4:2:0 chroma."""
    return _round_trip(image, "AVIF", quality=round(quality), speed=9, max_threads=1)


def jpeg2000(image: np.ndarray, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """JPEG 2000 at a compression ``ratio`` (raw bytes to coded bytes) of a KADID-sized picture.

    Headers take a fixed number of bytes, so that the same ratio leaves less for the pixels of a small picture; the
    difference is added to its budget.
    """
    raw = image.size
    budget = raw / ratio + _JP2_OVERHEAD * max(0.0, 1 - raw / (3 * REFERENCE_AREA))
    return _round_trip(image, "JPEG2000", quality_mode="rates", quality_layers=[raw / budget], irreversible=True)


def _round_trip(image: np.ndarray, format_: str, **options: object) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format_, **options)
    buffer.seek(0)
    with Image.open(buffer) as decoded:
        return np.asarray(decoded.convert("RGB"))
