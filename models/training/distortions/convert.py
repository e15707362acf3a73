"""Conversions between the 8-bit RGB images of the pipeline and the float spaces that distortions work in."""

from __future__ import annotations

import cv2
import numpy as np

#: Area of a KADID-10k image in pixels; counts of things placed "in an image" are scaled by area with it.
REFERENCE_AREA = 512 * 384


def to_float(image: np.ndarray) -> np.ndarray:
    """uint8 0..255 to float32 0..1."""
    return image.astype(np.float32) * np.float32(1 / 255)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """float 0..1 (clipped) to uint8, rounded to the nearest value."""
    return np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)


def to_lab(image: np.ndarray) -> np.ndarray:
    """sRGB uint8 to CIE L*a*b* float32 (L 0..100)."""
    return cv2.cvtColor(to_float(image), cv2.COLOR_RGB2Lab)


def from_lab(lab: np.ndarray) -> np.ndarray:
    """CIE L*a*b* float32 to sRGB uint8, clipped to the gamut."""
    return to_uint8(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB))


def per_area(count: float, image: np.ndarray) -> int:
    """Number of items for an image of this size, of ``count`` in a whole KADID image; at least one."""
    return max(1, round(count * image.shape[0] * image.shape[1] / REFERENCE_AREA))
