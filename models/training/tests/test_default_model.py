"""The shipped model on a sample: it follows the strength of faults, and small changes change its score little."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.distortions import KINDS, compression, distort
from training.labels import LEVELS, label
from training.metrics import srcc
from training.photos import read_rgb, resize_short_side
from training.samples import PATCH
from training.scoring import SHORT_SIDE, Scorer

ROOT = Path(__file__).resolve().parents[3]
PHOTOS = [ROOT / "examples/photos" / f"{name}.jpg" for name in ("budgie", "flower", "kitten", "lake", "skyline")]

#: Types whose levels run over most of the scale, one of each family.
STRONG = (1, 2, 3, 4, 8, 9, 10, 11, 13, 15, 16, 19, 24)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(ROOT / "models/hyperiqa-lite0.pt")


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    """The middle crop of each photograph."""
    found = []
    for path in PHOTOS:
        image = resize_short_side(read_rgb(path), SHORT_SIDE)
        top, left = ((side - PATCH) // 2 for side in image.shape[:2])
        found.append(np.ascontiguousarray(image[top : top + PATCH, left : left + PATCH]))
    return found


@pytest.mark.parametrize("number", STRONG, ids=lambda number: KINDS[number].name)
def test_mean_score_follows_the_level(scorer, crops, number):
    means = [
        float(scorer.patches(np.stack([distort(c, number, level, np.random.default_rng(1)) for c in crops])).mean())
        for level in range(1, LEVELS + 1)
    ]
    labels = np.array([label(number, level) for level in range(1, LEVELS + 1)])
    assert srcc(np.array(means), labels) >= 0.9, means
    assert means[0] - means[-1] > 0.4 * (labels[0] - labels[-1]), means


def test_small_changes_change_the_score_little(scorer):
    changes = {
        "JPEG 95": (3, lambda image: compression.jpeg(image, 95, np.random.default_rng(0))),
        "mirrored": (4, lambda image: np.ascontiguousarray(image[:, ::-1])),
        "8 pixels cut off": (4, lambda image: np.ascontiguousarray(image[8:, 8:])),
        "reduced by 10 %": (6, lambda image: cv2.resize(image, None, fx=0.9, fy=0.9, interpolation=cv2.INTER_AREA)),
    }
    images = [read_rgb(path) for path in PHOTOS]
    for name, (limit, change) in changes.items():
        moved = np.mean([abs(scorer.image(change(image)) - scorer.image(image)) for image in images])
        assert moved < limit, (name, moved)
