"""The 25 distortion types of KADID-10k at their five levels, written anew with OpenCV, NumPy and Pillow.

Every distortion takes an RGB image (uint8, H×W×3), one parameter and a ``numpy.random.Generator`` and returns an image
of the same shape and type; with the same generator state the result is the same. Parameters are for images of about
512×384 pixels, the size of KADID-10k. What each type does follows the database's paper (Lin, Hosu, Saupe, QoMEX 2019,
table of distortions) and the constants of its published generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import blur, colour, compression, noise, spatial, tone

Image = np.ndarray
Distortion = Callable[[Image, float, np.random.Generator], Image]


@dataclass(frozen=True)
class Kind:
    """One distortion type: its number and name in KADID-10k, the function, and the parameter of each level."""

    number: int
    name: str
    function: Distortion
    parameters: tuple[float, float, float, float, float]


KINDS: dict[int, Kind] = {
    kind.number: kind
    for kind in (
        Kind(1, "gaussian blur", blur.gaussian, (0.1, 0.5, 1, 2, 5)),
        Kind(2, "lens blur", blur.lens, (1, 2, 4, 6, 8)),
        Kind(3, "motion blur", blur.motion, (1, 2, 4, 6, 10)),
        Kind(4, "colour diffusion", colour.diffusion, (1, 3, 6, 8, 12)),
        Kind(5, "colour shift", colour.shift, (1, 3, 6, 8, 12)),
        Kind(6, "colour quantisation", colour.palette, (64, 48, 32, 16, 8)),
        Kind(7, "saturation HSV", colour.saturation_hsv, (0.4, 0.2, 0.1, 0, -0.4)),
        Kind(8, "saturation Lab", colour.saturation_lab, (1, 2, 3, 6, 9)),
        Kind(9, "JPEG 2000", compression.jpeg2000, (16, 32, 45, 120, 400)),
        Kind(10, "JPEG", compression.jpeg, (43, 36, 24, 7, 4)),
        Kind(11, "white noise", noise.white, (0.001, 0.002, 0.003, 0.005, 0.01)),
        Kind(12, "white noise YCbCr", noise.white_ycbcr, (0.0001, 0.0005, 0.001, 0.002, 0.003)),
        Kind(13, "impulse noise", noise.impulse, (0.001, 0.005, 0.01, 0.02, 0.03)),
        Kind(14, "multiplicative noise", noise.multiplicative, (0.001, 0.005, 0.01, 0.02, 0.05)),
        Kind(15, "denoising", noise.denoised, (0.01, 0.03, 0.05, 0.1, 0.15)),
        Kind(16, "brighten", tone.brighten, (0.1, 0.2, 0.4, 0.7, 1.1)),
        Kind(17, "darken", tone.darken, (0.05, 0.1, 0.2, 0.4, 0.8)),
        Kind(18, "mean shift", tone.mean_shift, (0.15, 0.08, 0, -0.08, -0.15)),
        Kind(19, "jitter", spatial.jitter, (0.05, 0.1, 0.2, 0.5, 1)),
        Kind(20, "non-eccentricity patch", spatial.displaced_patches, (20, 40, 60, 80, 100)),
        Kind(21, "pixelate", spatial.pixelate, (0.01, 0.05, 0.1, 0.2, 0.5)),
        Kind(22, "quantisation", tone.quantise, (20, 16, 13, 10, 7)),
        Kind(23, "colour block", spatial.colour_blocks, (2, 4, 6, 8, 10)),
        Kind(24, "high sharpen", blur.sharpen, (1, 2, 3, 6, 12)),
        Kind(25, "contrast change", tone.contrast, (0.3, 0.15, 0, -0.4, -0.6)),
    )
}


def distort(image: Image, number: int, level: int, rng: np.random.Generator) -> Image:
    """Apply KADID distortion ``number`` (1..25) at ``level`` (1..5) to an RGB uint8 image.

    Raises ``KeyError`` for an unknown number and ``ValueError`` for another level or another kind of array.
    """
    kind = KINDS[number]
    if not 1 <= level <= len(kind.parameters):
        raise ValueError(f"level must be 1..{len(kind.parameters)}, not {level}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected an H×W×3 uint8 image, got {image.dtype} {image.shape}")
    return kind.function(image, kind.parameters[level - 1], rng)
