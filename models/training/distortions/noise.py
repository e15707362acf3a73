"""Noise, and what is left after removing it. Variances are for values 0..1."""

from __future__ import annotations

import cv2
import numpy as np

from .convert import to_float, to_uint8


def white(image: np.ndarray, variance: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise, independent in R, G and B."""
    return to_uint8(to_float(image) + _normal(image.shape, variance, rng))


def white_ycbcr(image: np.ndarray, variance: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise, independent in Y, Cb and Cr (studio range, as in ITU-R BT.601)."""
    pixels = to_float(image) @ _TO_YCBCR.T + _normal(image.shape, variance, rng)
    return to_uint8(pixels @ _FROM_YCBCR.T)


def impulse(image: np.ndarray, density: float, rng: np.random.Generator) -> np.ndarray:
    """Salt and pepper: a share ``density`` of the channel values becomes 0 or 255."""
    draw = rng.random(image.shape, dtype=np.float32)
    result = image.copy()
    result[draw < density / 2] = 0
    result[draw > 1 - density / 2] = 255
    return result


def multiplicative(image: np.ndarray, variance: float, rng: np.random.Generator) -> np.ndarray:
    """Speckle: each value x becomes x + n·x with Gaussian n."""
    pixels = to_float(image)
    return to_uint8(pixels + pixels * _normal(image.shape, variance, rng))


def denoised(image: np.ndarray, variance: float, rng: np.random.Generator) -> np.ndarray:
    """White noise of ``variance``, then removed.

    The database used a convolutional denoiser; non-local means with a filter strength of 0.75 standard deviations of
    the noise takes its place. Like it, it loses texture and leaves blotches as the noise grows.
    """
    noisy = white(image, variance, rng)
    return cv2.fastNlMeansDenoising(noisy, None, 0.75 * 255 * float(np.sqrt(variance)), 5, 13)


#: Linear part of RGB 0..1 to YCbCr 0..1; the offsets cancel between the two directions.
_TO_YCBCR = np.float32([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / np.float32(
    255
)
_FROM_YCBCR = np.linalg.inv(_TO_YCBCR).astype(np.float32)


def _normal(shape: tuple[int, ...], variance: float, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(variance))
