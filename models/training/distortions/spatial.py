"""Things moved or covered: jitter, displaced patches, pixelation, colour blocks."""

from __future__ import annotations

import cv2
import numpy as np

from .convert import per_area

_PATCH = 16
_BLOCK = 32
#: Blocks keep away from the border, so that a patch cut from the window shows at least a part of them.
_MARGIN = 16


def jitter(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Five times: move every pixel by independent Gaussian offsets of standard deviation ``amount`` pixels."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    result = image
    for _ in range(5):
        dx, dy = rng.standard_normal((2, height, width), dtype=np.float32) * np.float32(amount)
        result = cv2.remap(result, x + dx, y + dy, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return result


def displaced_patches(image: np.ndarray, count: float, rng: np.random.Generator) -> np.ndarray:
    """Copy ``count`` (for a KADID-sized picture) 16×16 patches to places up to 8 pixels away."""
    result = image.copy()
    height, width = image.shape[:2]
    for _ in range(per_area(count, image)):
        top = int(rng.integers(_PATCH, height - 2 * _PATCH + 1))
        left = int(rng.integers(_PATCH, width - 2 * _PATCH + 1))
        down, right = np.rint((rng.random(2) - 0.5) * _PATCH).astype(int)
        patch = result[top : top + _PATCH, left : left + _PATCH].copy()
        result[top + down : top + down + _PATCH, left + right : left + right + _PATCH] = patch
    return result


def pixelate(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Shrink by 0.95 − strength^0.6 and enlarge again, both to the nearest neighbour."""
    height, width = image.shape[:2]
    factor = 0.95 - strength**0.6
    small = cv2.resize(image, (int(width * factor), int(height * factor)), interpolation=cv2.INTER_NEAREST)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)


def colour_blocks(image: np.ndarray, count: float, rng: np.random.Generator) -> np.ndarray:
    """Cover ``count`` (for a KADID-sized picture) random 32×32 squares with random colours."""
    result = image.copy()
    height, width = image.shape[:2]
    for _ in range(per_area(count, image)):
        top = int(rng.integers(_MARGIN, height - _MARGIN - _BLOCK + 1))
        left = int(rng.integers(_MARGIN, width - _MARGIN - _BLOCK + 1))
        result[top : top + _BLOCK, left : left + _BLOCK] = rng.integers(0, 256, 3, dtype=np.uint8)
    return result
