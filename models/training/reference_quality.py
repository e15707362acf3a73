"""Loss of quality as a full-reference measure sees it, on the KADID scale.

HaarPSI (Reisenhofer, Bosse, Kutyniok, Wiegand, Signal Processing: Image Communication 2018; implementation: piq)
compares a distorted crop with its unimpaired version. A Weibull curve, fitted once to the 125 level means of KADID-10k
(``calibrate.py``), maps its dissimilarity to points of that scale. It serves where no human scores exist: for faults
outside the database.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import piq
import torch

CALIBRATION_PATH = Path(__file__).with_name("haarpsi_calibration.json")


@dataclass(frozen=True)
class Calibration:
    """Loss for a dissimilarity d = 1 − HaarPSI: ``greatest`` · (1 − exp(−(d / ``scale``) ^ ``shape``)), KADID scale."""

    greatest: float
    scale: float
    shape: float

    def loss(self, dissimilarity: np.ndarray) -> np.ndarray:
        """Losses (0..``greatest``) of dissimilarities 0..1."""
        return self.greatest * -np.expm1(-((np.maximum(dissimilarity, 0) / self.scale) ** self.shape))


@cache
def calibration() -> Calibration:
    """The stored calibration."""
    return Calibration(**json.loads(CALIBRATION_PATH.read_text(encoding="utf-8")))


def dissimilarities(original: np.ndarray, versions: list[np.ndarray]) -> np.ndarray:
    """1 − HaarPSI of each version against ``original`` (all RGB uint8 of one size), 0..1; 0 for equal ones."""
    stack = torch.from_numpy(np.stack([original, *versions])).permute(0, 3, 1, 2).float()
    count = len(versions)
    with torch.inference_mode():
        similar = piq.haarpsi(stack[1:], stack[:1].expand(count, -1, -1, -1), data_range=255.0, reduction="none")
    return np.clip(1 - similar.double().numpy(), 0, 1)


def loss(original: np.ndarray, version: np.ndarray) -> float:
    """Loss of quality of a version on the KADID scale, 0 to about 3.4."""
    return float(calibration().loss(dissimilarities(original, [version]))[0])
