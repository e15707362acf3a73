"""Colour: diffusion, channel shift, palette reduction, saturation."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from .convert import from_lab, to_float, to_lab, to_uint8


def diffusion(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Blur a* and b* with sigma 1.5·amount + 2 and multiply them by ``amount``; lightness stays."""
    lab = to_lab(image)
    chroma = np.ascontiguousarray(lab[..., 1:])
    lab[..., 1:] = cv2.GaussianBlur(chroma, (0, 0), 1.5 * amount + 2, borderType=cv2.BORDER_REPLICATE) * amount
    return from_lab(lab)


def shift(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Move the green channel by ``amount`` pixels in a random direction, blended in where there are edges."""
    pixels = to_float(image)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    dy, dx = np.gradient(grey)
    edges = _stretch(cv2.GaussianBlur(np.hypot(dx, dy), (0, 0), 4, borderType=cv2.BORDER_REPLICATE))
    edges = _stretch(np.maximum(edges, 0.1))
    low, high = np.percentile(edges, (1, 99))
    edges = _stretch(np.clip(edges, low, high))
    direction = rng.random(2)
    offset = np.rint(direction / np.linalg.norm(direction) * amount)
    green = pixels[..., 1]
    height, width = green.shape
    move = np.float32([[1, 0, offset[0]], [0, 1, offset[1]]])
    moved = cv2.warpAffine(green, move, (width, height), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
    pixels[..., 1] = moved * edges + green * (1 - edges)
    return to_uint8(pixels)


def palette(image: np.ndarray, colours: float, rng: np.random.Generator) -> np.ndarray:
    """Reduce to ``colours`` colours chosen from the image, with error diffusion."""
    picture = Image.fromarray(image)
    chosen = picture.quantize(int(colours), method=Image.Quantize.MEDIANCUT)
    return np.asarray(picture.quantize(palette=chosen, dither=Image.Dither.FLOYDSTEINBERG).convert("RGB"))


def saturation_hsv(image: np.ndarray, factor: float, rng: np.random.Generator) -> np.ndarray:
    """Multiply the saturation of HSV by ``factor``; 0 is grey, a negative factor turns hues to their complements.

    With V the greatest channel, HSV to RGB is linear in the saturation: the result is V + factor·(channel − V).
    """
    pixels = to_float(image)
    value = pixels.max(axis=2, keepdims=True)
    return to_uint8(value + np.float32(factor) * (pixels - value))


def saturation_lab(image: np.ndarray, factor: float, rng: np.random.Generator) -> np.ndarray:
    """Multiply a* and b* by ``factor``."""
    lab = to_lab(image)
    lab[..., 1:] *= factor
    return from_lab(lab)


def _stretch(values: np.ndarray) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.zeros_like(values)
