"""Camera chains: several mild to strong faults in the order in which a camera and its software make them.

Photographs of real users carry mixtures, so training on single distortions alone is not enough. A chain is drawn once
(which faults, and how bad each can become) and can then be rendered at any strength from 0 to 1; a ladder of strengths
of one chain has a known order, which the ranking loss uses.

The severity of a fault is measured on the KADID scale: each fault follows the KADID type closest to it, whose table of
level means gives the parameter for a wanted loss of quality (log-linear between levels). The label of a chain combines
the losses dᵢ of its faults as √Σdᵢ²: never better than its worst fault, never worse than their sum, rising with every
one of them. That is an estimate, not a measurement, and such labels get less weight in the loss than the table's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from .distortions import KINDS, blur, compression, noise, tone
from .distortions.convert import to_float, to_uint8
from .labels import CLEAN_KADID, level_means, to_score

#: Greatest combined loss on the KADID scale: the database's worst levels lie near 1.3.
_GREATEST_LOSS = CLEAN_KADID - 1.2

_Render = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Fault:
    """A fault: how to render it for a parameter, and the parameter as a function of the loss of quality.

    ``losses`` ascend from 0 (on the KADID scale); ``parameters`` belong to them and are interpolated in their
    logarithm. The first parameter is one at which nothing can be seen.
    """

    name: str
    render: _Render
    losses: tuple[float, ...]
    parameters: tuple[float, ...]

    def parameter(self, loss: float) -> float:
        """Parameter at which the fault costs ``loss`` points (KADID scale, 0 to ``self.losses[-1]``)."""
        return float(np.exp(np.interp(loss, self.losses, np.log(self.parameters))))


def _fault(name: str, render: _Render, number: int, invisible: float, scale: float = 1.0) -> Fault:
    """A fault that follows KADID type ``number``, its parameters multiplied by ``scale``."""
    losses, parameters = [0.0], [invisible]
    for level, parameter in enumerate(KINDS[number].parameters, start=1):
        loss = CLEAN_KADID - level_means()[number, level].mean
        if loss > losses[-1] + 0.02:
            losses.append(loss)
            parameters.append(parameter * scale)
    return Fault(name, render, tuple(losses), tuple(parameters))


def _sensor_noise(image: np.ndarray, variance: float, rng: np.random.Generator) -> np.ndarray:
    """Shot and read noise with mean ``variance`` over the picture, slightly smeared as by demosaicing."""
    pixels = to_float(image)
    shot = rng.uniform(0.3, 0.9)
    weights = (1 - shot) + shot * pixels / max(float(pixels.mean()), 1e-3)
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    smear = rng.uniform(0.0, 0.9)
    if smear > 0.3:
        grain = cv2.GaussianBlur(grain, (0, 0), smear)
        grain /= max(float(grain.std()), 1e-6)
    if rng.random() < 0.4:
        grain = grain.mean(axis=2, keepdims=True) * np.float32(np.sqrt(3)) * np.float32(0.8) + grain * np.float32(0.6)
    return to_uint8(pixels + grain * np.sqrt(np.float32(variance) * weights))


def _rescaled(image: np.ndarray, factor: float, rng: np.random.Generator) -> np.ndarray:
    """Shrink by ``factor`` and enlarge again."""
    height, width = image.shape[:2]
    size = (max(8, round(width / factor)), max(8, round(height / factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    enlarge = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)[int(rng.integers(3))]
    return cv2.resize(small, (width, height), interpolation=enlarge)


def _jpeg_twice(image: np.ndarray, quality: float, rng: np.random.Generator) -> np.ndarray:
    """JPEG at ``quality``, and again on a shifted block grid at a higher quality."""
    first = compression.jpeg(image, quality, rng)
    dy, dx = (int(v) for v in rng.integers(1, 8, 2))
    shifted = np.ascontiguousarray(np.roll(first, (dy, dx), (0, 1)))
    second = compression.jpeg(shifted, min(95.0, quality + rng.uniform(10, 40)), rng)
    return np.ascontiguousarray(np.roll(second, (-dy, -dx), (0, 1)))


#: Gaussian sigma that blurs about as much as shrinking by f and enlarging again, divided by f.
_SIGMA_PER_FACTOR = 0.45

_OPTICS = (
    _fault("defocus", blur.lens, 2, 0.3),
    _fault("gaussian blur", blur.gaussian, 1, 0.1),
    _fault("motion blur", blur.motion, 3, 1.0),
)
_EXPOSURE = (
    _fault("over-exposure", tone.brighten, 16, 0.02),
    _fault("under-exposure", tone.darken, 17, 0.02),
)
_SENSOR = (_fault("sensor noise", _sensor_noise, 11, 0.00003),)
_DENOISING = (_fault("noise removal", noise.denoised, 15, 0.0005),)
_SHARPENING = (_fault("over-sharpening", blur.sharpen, 24, 0.05),)
_SCALING = (_fault("rescaling", _rescaled, 1, 1.02, 1 / _SIGMA_PER_FACTOR),)
#: AVIF's qualities have the losses that HaarPSI gives them on the KADID scale (means over 12 training crops).
_CODEC = (
    _fault("JPEG", compression.jpeg, 10, 92),
    _fault("JPEG twice", _jpeg_twice, 10, 92),
    _fault("WebP", compression.webp, 10, 90),
    Fault("AVIF", compression.avif, (0.0, 0.2, 0.5, 1.1, 1.8, 2.3), (90, 78, 58, 40, 20, 6)),
)

#: Stages of a camera chain in their order, with the probability that a chain has a fault there.
STAGES: tuple[tuple[float, tuple[Fault, ...]], ...] = (
    (0.5, _OPTICS),
    (0.3, _EXPOSURE),
    (0.45, _SENSOR),
    (0.15, _DENOISING),
    (0.25, _SHARPENING),
    (0.25, _SCALING),
    (0.55, _CODEC),
)


@dataclass(frozen=True)
class Chain:
    """Faults in order, each with its loss of quality at full strength (KADID scale), and a seed for rendering."""

    faults: tuple[tuple[Fault, float], ...]
    seed: int

    def label(self, strength: float) -> float:
        """Estimated score (0..100) at ``strength`` 0..1; strictly falling in it until the scale's end."""
        total = float(np.sqrt(sum((loss * strength) ** 2 for _, loss in self.faults)))
        return to_score(CLEAN_KADID - min(total, _GREATEST_LOSS))

    def render(self, image: np.ndarray, strength: float) -> np.ndarray:
        """The image with all faults at ``strength`` 0..1. The random part is the same at every strength."""
        rng = np.random.default_rng(self.seed)
        for fault, loss in self.faults:
            image = fault.render(image, fault.parameter(loss * strength), rng)
        return image


def draw_chain(rng: np.random.Generator) -> Chain:
    """A random chain of one to seven faults; mild and strong ones are about as frequent."""
    while True:
        chosen = [faults[int(rng.integers(len(faults)))] for chance, faults in STAGES if rng.random() < chance]
        if chosen:
            break
    scale = rng.uniform(0.4, 1.0)
    faults = tuple((fault, float(fault.losses[-1] * scale * rng.beta(1.2, 1.2))) for fault in chosen)
    return Chain(faults, int(rng.integers(2**63)))
