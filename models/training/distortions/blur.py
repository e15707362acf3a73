"""Blur and its opposite: Gaussian, defocus (disk), motion, and unsharp masking."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from .convert import from_lab, to_lab


def gaussian(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian blur, ``sigma`` in pixels."""
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)


def lens(image: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    """Defocus: mean over a disk of ``radius`` pixels."""
    return cv2.filter2D(image, -1, disk_kernel(radius), borderType=cv2.BORDER_REPLICATE)


def motion(image: np.ndarray, length: float, rng: np.random.Generator) -> np.ndarray:
    """Linear motion of ``length`` pixels in a random direction; length 1 leaves the image unchanged."""
    kernel = line_kernel(length, float(rng.uniform(0, np.pi)))
    return cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE)


def sharpen(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Unsharp masking of the lightness with a Gaussian of sigma 3, ``amount`` times the difference added."""
    lab = to_lab(image)
    lightness = lab[..., 0]
    blurred = cv2.GaussianBlur(lightness, (0, 0), 3, borderType=cv2.BORDER_REPLICATE)
    lab[..., 0] = np.clip(lightness + amount * (lightness - blurred), 0, 100)
    return from_lab(lab)


_SUBSAMPLES = 9


@lru_cache(maxsize=256)
def disk_kernel(radius: float) -> np.ndarray:
    """Disk of ``radius`` pixels, edge pixels weighted by their covered area, sum 1."""
    half = max(0, int(np.ceil(radius - 0.5)))
    steps = (np.arange((2 * half + 1) * _SUBSAMPLES) + 0.5) / _SUBSAMPLES - half - 0.5
    inside = (steps[:, None] ** 2 + steps[None, :] ** 2 <= radius * radius).astype(np.float32)
    size = 2 * half + 1
    kernel = inside.reshape(size, _SUBSAMPLES, size, _SUBSAMPLES).sum(axis=(1, 3))
    kernel[half, half] = max(kernel[half, half], 1e-6)
    return kernel / kernel.sum()


def line_kernel(length: float, angle: float) -> np.ndarray:
    """Line segment of ``length`` pixels at ``angle`` radians, one pixel wide, anti-aliased, sum 1."""
    span = max(length - 1.0, 0.0) / 2
    half = int(np.ceil(span)) + 1
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    beyond = np.maximum(np.abs(along) - span, 0)
    kernel = np.clip(1 - np.hypot(across, beyond), 0, None)
    return (kernel / kernel.sum()).astype(np.float32)
