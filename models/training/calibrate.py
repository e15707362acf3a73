"""Fit the curve from HaarPSI to the KADID scale: ``python models/training/calibrate.py --data PHOTOS``.

Draws one crop of each of ``--count`` training photographs, distorts it by every type and level, and writes
``haarpsi_calibration.json``: the Weibull curve that maps the mean dissimilarity of the 125 types and levels to the loss
of their mean human scores (least squares). Prints how well the two agree.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
from scipy.optimize import curve_fit

from training import metrics
from training.config import read_config
from training.distortions import KINDS, distort
from training.labels import CLEAN_KADID, LEVELS, level_means
from training.photos import LIST_PATH, Photo, read_list, read_rgb, split
from training.reference_quality import CALIBRATION_PATH, Calibration, dissimilarities
from training.samples import SampleOptions, draw_window

_SEED = 17


def measure(data: Path, photos: list[Photo]) -> np.ndarray:
    """Dissimilarities, photographs × 25 types × 5 levels."""
    rows = []
    for place, photo in enumerate(photos):
        window = draw_window(
            read_rgb(data / photo.file), SampleOptions.table_only(), np.random.default_rng((_SEED, place))
        )
        versions = [
            distort(window, number, level, np.random.default_rng((_SEED, place, number)))
            for number in KINDS
            for level in range(1, LEVELS + 1)
        ]
        rows.append(dissimilarities(window, versions).reshape(len(KINDS), LEVELS))
    return np.stack(rows)


def fit(found: np.ndarray) -> Calibration:
    """The calibration for dissimilarities as ``measure`` returns them."""
    wanted = np.array([CLEAN_KADID - level_means()[n, k].mean for n in KINDS for k in range(1, LEVELS + 1)])
    x = found.mean(axis=0).ravel()

    def curve(d: np.ndarray, greatest: float, scale: float, shape: float) -> np.ndarray:
        return Calibration(greatest, scale, shape).loss(d)

    values, _ = curve_fit(curve, x, wanted, p0=(3.4, 0.2, 1.3), bounds=([2.5, 0.01, 0.3], [3.6, 2, 4]))
    return Calibration(*(float(value) for value in values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("config.toml"))
    parser.add_argument("--count", type=int, default=60, help="photographs, spread over the training list")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    training = split(read_list(LIST_PATH), read_config(arguments.config).data.validation_sources)[0]
    found = measure(arguments.data, training[:: max(1, len(training) // arguments.count)][: arguments.count])
    result = fit(found)
    CALIBRATION_PATH.write_text(json.dumps(asdict(result)) + "\n", encoding="utf-8")
    wanted = np.array([level_means()[n, k].mean for n in KINDS for k in range(1, LEVELS + 1)])
    print(f"{result.greatest:.3f} scale {result.scale:.4f} shape {result.shape:.3f}")
    means = -metrics.srcc(result.loss(found).mean(axis=0).ravel(), wanted)
    crops = -metrics.srcc(found.ravel(), np.tile(wanted, len(found)))
    print(f"SRCC with the level means: {means:.3f} over {len(wanted)} means, {crops:.3f} over single crops")


if __name__ == "__main__":
    main()
