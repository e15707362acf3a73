"""Faults that KADID-10k does not have, at a continuous strength.

Most are named in the list of TID2013 (Ponomarenko et al., Signal Processing: Image Communication 2015, table 1) or are
common in photographs. No human scores of these very images exist here: their labels come from a full-reference measure
(see ``reference_quality``).
"""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image, ImageFile

from .convert import to_float, to_uint8

Fault = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def between(low: float, high: float, strength: float) -> float:
    """``low`` at strength 0, ``high`` at 1, equal ratios between."""
    return float(low * (high / low) ** strength)


def correlated_noise(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Noise with grains of some pixels, as from demosaicing and enlarging."""
    grain = cv2.GaussianBlur(rng.standard_normal(image.shape, dtype=np.float32), (0, 0), rng.uniform(0.6, 2.5))
    return _add(image, grain, strength)


def high_frequency_noise(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Noise without its low frequencies."""
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    return _add(image, grain - cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.8, 1.5)), strength)


def masked_noise(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Noise where the picture has detail, which hides it in part."""
    pixels = to_float(image)
    detail = np.abs(pixels - cv2.GaussianBlur(pixels, (0, 0), 2)).mean(axis=2, keepdims=True)
    detail = cv2.GaussianBlur(detail, (0, 0), 2)[..., None] + 1e-3
    return _add(image, rng.standard_normal(image.shape, dtype=np.float32) * detail, strength)


def _add(image: np.ndarray, grain: np.ndarray, strength: float) -> np.ndarray:
    """Add a noise pattern, scaled to a standard deviation of 0.008 to 0.12, grey or coloured as it comes."""
    deviation = between(0.008, 0.12, strength)
    return to_uint8(to_float(image) + grain * np.float32(deviation / max(float(grain.std()), 1e-6)))


def chromatic_aberration(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Red and blue planes moved apart by 0.5 to 6 pixels and slightly blurred."""
    distance = between(0.5, 6, strength)
    angle = rng.uniform(0, 2 * np.pi)
    result = image.copy()
    height, width = image.shape[:2]
    for channel, direction in ((0, 1), (2, -1)):
        move = np.float32([[1, 0, direction * distance * np.cos(angle)], [0, 1, direction * distance * np.sin(angle)]])
        plane = cv2.warpAffine(
            np.ascontiguousarray(image[..., channel]), move, (width, height), borderMode=cv2.BORDER_REFLECT
        )
        result[..., channel] = cv2.GaussianBlur(plane, (0, 0), 0.3 + 0.15 * distance)
    return result


def jpeg_errors(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """JPEG data with wrong bytes: runs of blocks lost, displaced or in wrong colours up to the next restart marker."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(
        buffer, "JPEG", quality=int(rng.integers(50, 95)), restart_marker_blocks=int(rng.integers(2, 17))
    )
    data = bytearray(buffer.getvalue())
    start = data.index(b"\xff\xda") + 16
    for _ in range(round(between(1, 40, strength))):
        place = int(rng.integers(start, len(data) - 4))
        # Markers stay whole: without them a decoder gives up, as a viewer would.
        if 0xFF not in data[place - 1 : place + 2]:
            data[place] = int(rng.integers(0, 255))
    return _decoded(bytes(data), image)


def wavelet_errors(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Detail of some scales lost or doubled in patches, as when parts of a JPEG 2000 stream are damaged.

    A stand-in on the Laplacian pyramid: a damaged stream itself mostly cannot be decoded.
    """
    fine = to_float(image)
    bands = []
    for _ in range(4):
        coarse = cv2.pyrDown(fine)
        bands.append(fine - cv2.pyrUp(coarse, dstsize=fine.shape[1::-1]))
        fine = coarse
    result = fine
    for band in reversed(bands):
        height, width = band.shape[:2]
        for _ in range(int(rng.poisson(between(0.3, 6, strength)))):
            rows, columns = (int(rng.integers(side // 10, side // 2)) for side in (height, width))
            top, left = int(rng.integers(0, height - rows + 1)), int(rng.integers(0, width - columns + 1))
            band[top : top + rows, left : left + columns] *= np.float32(rng.choice([0.0, 0.0, -1.0, 2.5]))
        result = cv2.pyrUp(result, dstsize=(width, height)) + band
    return to_uint8(result)


def sparse_samples(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Only 70 % to 5 % of the pixels known, the rest interpolated from those nearby."""
    share = between(0.7, 0.05, strength)
    known = (rng.random(image.shape[:2]) < share).astype(np.float32)[..., None]
    sigma = 0.5 / np.sqrt(share)
    weight = cv2.GaussianBlur(known, (0, 0), sigma)[..., None] + np.float32(1e-4)
    filled = cv2.GaussianBlur(to_float(image) * known, (0, 0), sigma) / weight
    return to_uint8(np.where(known > 0, to_float(image), filled))


def uneven_blocks(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Some 16 to 32 pixel squares brighter, darker or tinted."""
    pixels = to_float(image)
    for _ in range(round(between(3, 24, rng.random()))):
        side = int(rng.integers(12, 33))
        top, left = (int(rng.integers(0, length - side + 1)) for length in image.shape[:2])
        offset = rng.normal(0, 1, 3) * rng.uniform(0.2, 1) + rng.normal()
        offset *= between(0.03, 0.4, strength) / max(float(np.abs(offset).max()), 1e-6)
        pixels[top : top + side, left : left + side] += offset.astype(np.float32)
    return to_uint8(pixels)


def veil(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Haze or water between camera and subject: contrast lost towards a grey or tinted light, detail softened."""
    light = np.clip(rng.uniform(0.35, 0.9) + rng.normal(0, 0.1, 3), 0.1, 1)
    depth = cv2.resize(rng.random((3, 3), dtype=np.float32), image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    kept = np.clip(1 - between(0.06, 0.75, strength) * (0.7 + 0.3 * depth), 0.05, 1)[..., None]
    # Long wavelengths are lost first in water, short ones in haze.
    kept = kept ** np.exp(rng.normal(0, 0.25, 3))
    veiled = to_float(image) * kept + light * (1 - kept)
    return to_uint8(cv2.GaussianBlur(veiled.astype(np.float32), (0, 0), 0.1 + rng.uniform(0, 1) * strength))


def colour_cast(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Wrong white balance: gains of the channels apart by a factor of 1.05 to 1.9."""
    gains = rng.permutation([0.0, rng.random(), 1.0]) * np.log(between(1.05, 1.9, strength))
    gains = np.exp(gains - gains.mean())
    return to_uint8(to_float(image) * gains.astype(np.float32))


def _decoded(data: bytes, fallback: np.ndarray) -> np.ndarray:
    """Decode a damaged file as far as it goes; ``fallback`` if nothing can be decoded."""
    previous, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError):
        return fallback
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = previous


FAULTS: dict[str, Fault] = {
    function.__name__: function
    for function in (
        correlated_noise,
        high_frequency_noise,
        masked_noise,
        chromatic_aberration,
        jpeg_errors,
        wavelet_errors,
        sparse_samples,
        uneven_blocks,
        veil,
        colour_cast,
    )
}

#: The full-reference measure compares colours with the original's, which nobody sees who looks at the photograph alone:
#: for these, its mean with the measure on the luminance counts.
COLOUR_FAULTS = {"veil", "colour_cast"}
