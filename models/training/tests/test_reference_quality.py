from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training import calibrate
from training.distortions import KINDS, distort
from training.labels import CLEAN_KADID, LEVELS, level_means
from training.metrics import srcc
from training.photos import read_rgb
from training.reference_quality import Calibration, dissimilarities, loss
from training.samples import SampleOptions, draw_window

EXAMPLES = Path(__file__).resolve().parents[3] / "examples/photos"


def test_equal_images_lose_nothing(photo):
    assert loss(photo, photo.copy()) == 0


def test_dissimilarity_grows_with_noise(photo):
    versions = [distort(photo, 11, level, np.random.default_rng(0)) for level in range(1, LEVELS + 1)]
    found = dissimilarities(photo, versions)
    assert (np.diff(found) > 0).all() and found[0] > 0 and found[-1] < 1


def test_stored_calibration_follows_the_human_scores():
    keys = [(number, level) for number in KINDS for level in range(1, LEVELS + 1)]
    found = []
    for seed, name in enumerate(("budgie", "flower", "lake")):
        image = read_rgb(EXAMPLES / f"{name}.jpg")
        window = draw_window(image, SampleOptions.table_only(), np.random.default_rng(seed))
        found.append([loss(window, distort(window, *key, np.random.default_rng(0))) for key in keys])
    means = np.mean(found, axis=0)
    wanted = np.array([CLEAN_KADID - level_means()[key].mean for key in keys])
    assert srcc(means, wanted) > 0.88
    assert np.abs(means - wanted).mean() < 0.5


def test_fit_finds_a_known_curve():
    truth = Calibration(3.4, 0.3, 1.1)
    wanted = np.array([[CLEAN_KADID - level_means()[n, k].mean for k in range(1, LEVELS + 1)] for n in KINDS])
    wanted = np.clip(wanted, 0.001, 3.39)
    inverse = truth.scale * (-np.log1p(-wanted / truth.greatest)) ** (1 / truth.shape)
    found = calibrate.fit(np.stack([inverse, inverse]))
    assert (found.greatest, found.scale, found.shape) == pytest.approx((3.4, 0.3, 1.1), rel=0.05)
