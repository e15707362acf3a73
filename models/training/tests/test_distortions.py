from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from training.distortions import KINDS, distort
from training.distortions.blur import disk_kernel, line_kernel
from training.distortions.tone import otsu_thresholds
from training.labels import LEVELS

EVERY = [(number, level) for number in KINDS for level in range(1, LEVELS + 1)]


@pytest.mark.parametrize(("number", "level"), EVERY)
def test_same_seed_same_image(photo, number, level):
    before = photo.copy()
    first = distort(photo, number, level, np.random.default_rng(5))
    second = distort(photo, number, level, np.random.default_rng(5))
    assert first.shape == photo.shape and first.dtype == np.uint8
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(photo, before)


@pytest.mark.parametrize(("number", "level"), [(1, 1), (3, 1), (18, 3)])
def test_identity_levels(photo, number, level):
    changed = distort(photo, number, level, np.random.default_rng(0)).astype(int) - photo
    assert np.abs(changed).max() <= 1


# Types whose parameters grow worse from level to level; 7, 18 and 25 do not run from mild to strong in pixel values.
@pytest.mark.parametrize("number", [n for n in KINDS if n not in (5, 7, 18, 22, 23, 25)])
def test_levels_grow(photo, number):
    errors = [
        float(np.square(distort(photo, number, level, np.random.default_rng(3)).astype(float) - photo).mean())
        for level in range(1, LEVELS + 1)
    ]
    # Type 8 multiplies chroma by 1 at its first level; repeated clipping makes tiny steps back possible.
    assert errors[-1] > errors[0]
    assert all(later >= earlier * 0.9 for earlier, later in pairwise(errors)), errors


@pytest.mark.parametrize("number", [11, 12, 13, 14, 19, 20, 23])
def test_other_seed_other_image(photo, number):
    first = distort(photo, number, 3, np.random.default_rng(1))
    assert (first != distort(photo, number, 3, np.random.default_rng(2))).any()


def test_white_noise_has_its_variance():
    grey = np.full((256, 256, 3), 128, np.uint8)
    noisy = distort(grey, 11, 5, np.random.default_rng(0)).astype(float) / 255
    assert noisy.var() == pytest.approx(0.01, rel=0.02)


def test_quantisation_leaves_few_values(photo):
    assert len(np.unique(distort(photo, 22, 5, np.random.default_rng(0)))) <= 8


def test_palette_leaves_few_colours(photo):
    quantised = distort(photo, 6, 5, np.random.default_rng(0))
    assert len(np.unique(quantised.reshape(-1, 3), axis=0)) <= 8


def test_otsu_separates_two_peaks():
    histogram = np.zeros(256, int)
    histogram[[40, 60, 200, 210]] = 100
    (threshold,) = otsu_thresholds(histogram, 1)
    assert threshold == pytest.approx((50 + 205) / 2)


@pytest.mark.parametrize("radius", [0.3, 1, 2.5, 8])
def test_disk_kernel(radius):
    kernel = disk_kernel(radius)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-6)
    if radius == 1:
        # Columns hold the area of the disk over them: π/3 − √3/4 to either side of the middle one.
        assert kernel.sum(axis=0)[0] == pytest.approx((np.pi / 3 - np.sqrt(3) / 4) / np.pi, rel=0.03)
    if radius > 2:
        # Second moment of a uniform disk, r²/4 along each axis, and of a pixel, 1/12.
        steps = np.arange(len(kernel)) - len(kernel) // 2
        assert (kernel.sum(axis=0) * steps**2).sum() == pytest.approx(radius**2 / 4 + 1 / 12, rel=0.03)


def test_line_kernel_of_length_one_is_the_identity():
    kernel = line_kernel(1, 0.7)
    assert kernel[len(kernel) // 2, len(kernel) // 2] == pytest.approx(1)


def test_bad_calls(photo):
    with pytest.raises(KeyError):
        distort(photo, 26, 1, np.random.default_rng(0))
    with pytest.raises(ValueError, match="level must be 1..5"):
        distort(photo, 1, 6, np.random.default_rng(0))
    with pytest.raises(ValueError, match="uint8"):
        distort(photo.astype(np.float32), 1, 1, np.random.default_rng(0))
