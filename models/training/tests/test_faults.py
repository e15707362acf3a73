from __future__ import annotations

import numpy as np
import pytest

from training.distortions.faults import COLOUR_FAULTS, FAULTS
from training.reference_quality import dissimilarities


@pytest.mark.parametrize("name", FAULTS)
def test_same_seed_same_image(photo, name):
    before = photo.copy()
    first = FAULTS[name](photo, 0.6, np.random.default_rng(5))
    assert first.shape == photo.shape and first.dtype == np.uint8
    np.testing.assert_array_equal(first, FAULTS[name](photo, 0.6, np.random.default_rng(5)))
    np.testing.assert_array_equal(photo, before)


@pytest.mark.parametrize("name", FAULTS)
def test_stronger_is_worse_on_average(photo, name):
    found = np.mean(
        [
            dissimilarities(
                photo, [FAULTS[name](photo, strength, np.random.default_rng(seed)) for strength in (0, 0.5, 1)]
            )
            for seed in range(6)
        ],
        axis=0,
    )
    assert found[0] < found[1] < found[2], found


def test_damaged_jpeg_is_still_a_picture(photo):
    for seed in range(30):
        damaged = FAULTS["jpeg_errors"](photo, 1, np.random.default_rng(seed))
        assert damaged.shape == photo.shape


def test_names_of_colour_faults_exist():
    assert FAULTS.keys() >= COLOUR_FAULTS
