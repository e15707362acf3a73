from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image
from scipy.stats import pearsonr, spearmanr

from training import metrics
from training.contact_sheet import contact_sheet
from training.evaluate import rated_scores
from training.scoring import covering_crops, native_size, read_oriented


def test_correlations_agree_with_scipy():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 10, 60).astype(float)
    y = x + rng.normal(0, 4, 60)
    assert metrics.srcc(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert metrics.plcc(x, y) == pytest.approx(pearsonr(x, y).statistic)
    with pytest.raises(ValueError, match="undefined"):
        metrics.srcc(np.ones(5), np.arange(5.0))


def test_interval_holds_the_value_and_widens_with_groups():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(10), 20)
    x = rng.normal(size=200) + np.repeat(rng.normal(0, 3, 10), 20)
    y = np.repeat(rng.normal(0, 3, 10), 20) + x
    single = metrics.with_interval(metrics.plcc, x, y)
    grouped = metrics.with_interval(metrics.plcc, x, y, groups)
    assert single.low < single.value < single.high
    assert grouped.n == 200
    assert grouped.high - grouped.low > single.high - single.low


@pytest.mark.parametrize(("height", "width", "count"), [(384, 576, 6), (384, 512, 6), (224, 224, 1), (384, 384, 4)])
def test_crops_cover_the_image(height, width, count):
    marks = np.zeros((height, width, 3), np.uint8)
    crops = covering_crops(marks)
    assert crops.shape == (count, 224, 224, 3)
    ramp = np.arange(height * width).reshape(height, width) % 251
    seen = covering_crops(np.stack([ramp] * 3, axis=2).astype(np.uint8))
    assert seen[0, 0, 0, 0] == ramp[0, 0] and seen[-1, -1, -1, 0] == ramp[-1, -1]


def test_native_size_rounds_the_longer_side_down():
    assert native_size(np.zeros((601, 901, 3), np.uint8)).shape == (384, 575, 3)
    assert native_size(np.zeros((900, 100, 3), np.uint8)).shape == (3456, 384, 3)


def test_orientation_is_honoured(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert read_oriented(tmp_path / "turned.jpg").shape == (40, 20, 3)


def test_rated_folder(tmp_path):
    with (tmp_path / "mos.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("image_name", "MOS"), ("a.png", "3.5"), ("b.png", "1")])
    for name, value in (("a.png", 200), ("b.png", 10)):
        Image.new("RGB", (30, 30), (value,) * 3).save(tmp_path / name)

    class Brightness:
        def image(self, image):
            return float(image.mean())

    scores, mos = rated_scores(Brightness(), tmp_path)
    np.testing.assert_array_equal(scores, [200, 10])
    np.testing.assert_array_equal(mos, [3.5, 1])


def test_contact_sheet(photo):
    assert contact_sheet(photo).shape == (13 * 144, 10 * 144, 3)


def test_gain_is_paired():
    rng = np.random.default_rng(1)
    y = rng.normal(size=120)
    x = y + rng.normal(size=120)
    better = x * 0.8 + y * 0.2
    found = metrics.gain(metrics.srcc, better, x, y)
    assert found.value == pytest.approx(metrics.srcc(better, y) - metrics.srcc(x, y))
    assert 0 < found.low < found.value < found.high
    single = metrics.with_interval(metrics.srcc, x, y)
    assert found.high - found.low < (single.high - single.low) / 2
    same = metrics.gain(metrics.srcc, x, x, y, np.repeat(np.arange(40), 3))
    assert (same.value, same.low, same.high, same.n) == (0, 0, 0, 120)
