from __future__ import annotations

import numpy as np
import pytest

from training import calibrate
from training.distortions import KINDS, distort
from training.labels import CLEAN_KADID, LEVELS, level_means
from training.metrics import srcc
from training.reference_quality import Calibration, calibration, content_factor, dissimilarities, losses


def test_equal_images_lose_nothing(photo):
    assert losses(photo, [photo.copy()])[0] == 0


def test_dissimilarity_grows_with_noise(photo):
    versions = [distort(photo, 11, level, np.random.default_rng(0)) for level in range(1, LEVELS + 1)]
    found = dissimilarities(photo, versions)
    assert (np.diff(found) > 0).all() and found[0] > 0 and found[-1] < 1


def test_stored_calibration_follows_the_human_scores():
    means = np.array(calibration().mean_losses)
    assert means.shape == (len(KINDS), LEVELS)
    wanted = np.array([[CLEAN_KADID - level_means()[n, k].mean for k in range(1, LEVELS + 1)] for n in KINDS])
    assert srcc(means.ravel(), wanted.ravel()) > 0.88
    assert np.abs(means - wanted).mean() < 0.5


def test_content_factor():
    mean = calibration().mean_losses[0][4]
    assert content_factor(1, 5, mean, 0.5) == pytest.approx(1)
    assert content_factor(1, 5, mean / 4, 0.5) == pytest.approx(0.5)
    assert content_factor(1, 5, mean * 100, 1) == 1.5
    assert content_factor(1, 5, 0.0, 0) == 1
    assert content_factor(1, 1, 3.0, 1) == 1  # an identity level: no ratio to speak of


def test_fit_finds_a_known_curve():
    truth = Calibration(3.4, 0.3, 1.1, ())
    wanted = np.array([[CLEAN_KADID - level_means()[n, k].mean for k in range(1, LEVELS + 1)] for n in KINDS])
    wanted = np.clip(wanted, 0.001, 3.39)
    inverse = truth.scale * (-np.log1p(-wanted / truth.greatest)) ** (1 / truth.shape)
    found = calibrate.fit(np.stack([inverse, inverse]))
    assert (found.greatest, found.scale, found.shape) == pytest.approx((3.4, 0.3, 1.1), rel=0.05)
    assert np.array(found.mean_losses) == pytest.approx(wanted, abs=0.05)
