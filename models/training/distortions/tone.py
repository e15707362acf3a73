"""Tone curves: exposure, mean shift, contrast, grey-level quantisation."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from scipy.interpolate import CubicSpline

from .convert import from_lab, to_float, to_lab, to_uint8


def brighten(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Lift the middle of the curve to 0.5 + amount/2: two parts in RGB, one part in lightness only."""
    middle = 0.5 + amount / 2
    lab = to_lab(image)
    lab[..., 0] = 100 * _bend(lab[..., 0] / 100, middle)
    lifted = to_float(cv2.LUT(image, _bend_table(middle)))
    return to_uint8((2 * lifted + to_float(from_lab(lab))) / 3)


def darken(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Lower the middle of the curve to 0.5 − amount/2."""
    return cv2.LUT(image, _bend_table(0.5 - amount / 2))


def mean_shift(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Add ``amount``, cut at 0 and 1, and stretch the result to 0..1 again, as the database's generator does.

    What remains visible is a gain and clipped highlights (positive amount) or shadows (negative).
    """
    ramp = np.arange(256, dtype=np.float32) / 255
    shifted = np.clip(ramp + amount, 0, 1)
    low, high = max(0.0, amount), 1 + min(0.0, amount)
    return cv2.LUT(image, to_uint8((shifted - low) / (high - low)))


def contrast(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """S-shaped curve through (0.3, 0.25 − amount/4), (0.5, 0.5) and (0.7, 0.75 + amount/4).

    A positive amount raises the contrast, below −0.2 it falls; at 0 it is already slightly raised.
    """
    return cv2.LUT(image, _contrast_table(amount))


def quantise(image: np.ndarray, levels: float, rng: np.random.Generator) -> np.ndarray:
    """Quantise all channels with ``levels`` thresholds chosen from the image's histogram (Otsu's criterion).

    Values below the first threshold become 0, above the last 1, and between them the upper threshold's value.
    """
    thresholds = otsu_thresholds(np.bincount(image.ravel(), minlength=256), int(levels))
    outputs = np.concatenate(([0.0], thresholds[1:], [255.0]))
    table = outputs[np.searchsorted(thresholds, np.arange(256), side="left")]
    return cv2.LUT(image, np.rint(table).astype(np.uint8))


def otsu_thresholds(histogram: np.ndarray, count: int) -> np.ndarray:
    """``count`` ascending thresholds (0..255) that minimise the variance within classes of a 256-bin histogram.

    Otsu's criterion for several classes is one-dimensional k-means; Lloyd's iteration started from quantiles is used.
    """
    values = np.arange(256, dtype=np.float64)
    mass = np.concatenate(([0.0], np.cumsum(histogram, dtype=np.float64)))
    moment = np.concatenate(([0.0], np.cumsum(histogram * values)))
    centres = np.interp((np.arange(count + 1) + 0.5) / (count + 1), mass[1:] / mass[-1], values)
    for _ in range(50):
        thresholds = (centres[:-1] + centres[1:]) / 2
        edges = np.concatenate(([0], np.floor(thresholds).astype(int) + 1, [256]))
        weight = np.diff(mass[edges])
        updated = np.where(weight > 0, np.diff(moment[edges]) / np.maximum(weight, 1e-12), centres)
        if np.abs(updated - centres).max() < 0.05:
            break
        centres = updated
    return (centres[:-1] + centres[1:]) / 2


def _bend(values: np.ndarray, middle: float) -> np.ndarray:
    """Parabola through (0, 0), (0.5, middle), (1, 1), clipped to 0..1."""
    return np.clip((2 - 4 * middle) * values**2 + (4 * middle - 1) * values, 0, 1)


@lru_cache(maxsize=256)
def _bend_table(middle: float) -> np.ndarray:
    return to_uint8(_bend(np.arange(256, dtype=np.float32) / 255, middle))


@lru_cache(maxsize=32)
def _contrast_table(amount: float) -> np.ndarray:
    curve = CubicSpline([0, 0.3, 0.5, 0.7, 1], [0, 0.25 - amount / 4, 0.5, 0.75 + amount / 4, 1])
    return to_uint8(curve(np.arange(256) / 255))
