from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from training.mixed.config import CropOptions
from training.mixed.crops import Crops, ScoredPhoto, divide, draw_crop, read_photos
from training.mixed.groups import CHUNK, RenderedGroups, render
from training.photos import present, read_list
from training.samples import Groups

AS_STORED = CropOptions(1, (1, 1), (1, 1))


def test_parts_are_disjoint_and_cover_the_set(rated_folder):
    photos = read_photos(rated_folder)
    parts = [divide(photos, 3, 7, fold) for fold in range(3)]
    held_out = [photo for _, part in parts for photo in part]
    assert sorted(held_out, key=str) == sorted(photos, key=str)
    assert all(not set(training) & set(part) and len(training) + len(part) == 6 for training, part in parts)
    assert divide(photos, 3, 7, None) == (photos, [])
    with pytest.raises(ValueError, match="fold 3 of 3"):
        divide(photos, 3, 7, 3)


def test_crop_shows_the_photograph_at_the_protocol_scale():
    rows, columns = np.mgrid[0:500, 0:500].astype(np.float32)
    ramp = np.stack([columns / 2, rows / 2, columns * 0], axis=2).astype(np.uint8)
    for seed in range(8):
        crop = draw_crop(ramp, AS_STORED, np.random.default_rng(seed)).astype(float)
        assert crop.shape == (224, 224, 3)
        # One pixel of the crop is 500/384 of the stored photograph: half a grey level each.
        assert abs(np.diff(crop[100, 4:-4, 0]).mean()) == pytest.approx(500 / 384 / 2, rel=0.02)
        assert np.diff(crop[4:-4, 100, 1]).mean() == pytest.approx(500 / 384 / 2, rel=0.02)


def test_crops_are_mirrored_and_stretched_at_random():
    columns = np.tile(np.linspace(0, 250, 500)[None, :, None], (400, 1, 3)).astype(np.uint8)
    options = CropOptions(1, (0.85, 1.2), (0.9, 1.4))
    slopes = [
        np.diff(draw_crop(columns, options, np.random.default_rng(seed))[9, 4:-4, 0].astype(float)).mean()
        for seed in range(60)
    ]
    assert 15 < sum(slope > 0 for slope in slopes) < 45
    widths = 0.5 / np.abs(slopes)  # pixels of the crop for one of the photograph, across
    assert widths.min() > 384 * 0.85 / 400 - 0.05
    assert widths.max() < 384 * 1.2 / 400 * 1.4 + 0.05
    assert widths.max() / widths.min() > 1.4


def test_stretched_crop_fits_into_narrow_photographs():
    options = CropOptions(1, (0.6, 1.2), (0.5, 2.0))
    for height, width in ((300, 900), (900, 300), (224, 224)):
        for seed in range(20):
            assert (
                draw_crop(np.zeros((height, width, 3), np.uint8), options, np.random.default_rng(seed)).shape[0] == 224
            )


def test_each_pass_shows_every_photograph_once(rated_folder):
    photos = read_photos(rated_folder)
    crops = Crops(photos, (1, 2), 12, AS_STORED)
    for first in (0, 6):
        assert sorted(float(crops[number][1]) for number in range(first, first + 6)) == sorted(p.mos for p in photos)
    again = Crops(photos, (1, 2), 12, AS_STORED)
    assert np.array_equal(crops[7][0], again[7][0])
    other = Crops(photos, (1, 3), 12, AS_STORED)
    assert any(not np.array_equal(crops[number][0], other[number][0]) for number in range(6))


def test_rendered_groups_are_those_of_the_samples(config, photo_folder, groups):
    photos = read_list(photo_folder / "photos.csv")[:2]
    made = Groups(photo_folder, photos, config.data.seed, 3, config.samples)
    expected = [made[number] for number in range(3)]
    found = RenderedGroups(groups, 3, (0,), 6)
    for first in (0, 3):
        taken = []
        for number in range(first, first + 3):
            patches, labels, weights = found[number]
            match = [place for place, group in enumerate(expected) if np.array_equal(group[1], labels)]
            assert len(match) == 1
            original = expected[match[0]]
            assert np.array_equal(weights, original[2])
            assert np.array_equal(patches, original[0]) or np.array_equal(patches[:, :, ::-1], original[0])
            taken += match
        assert sorted(taken) == [0, 1, 2]


def test_rendering_goes_on_where_it_stopped(config, photo_folder, tmp_path):
    photos = read_list(photo_folder / "photos.csv")[:2]
    options = dataclasses.replace(config.samples, chains=0, faults=0)
    done: list[int] = []

    def go(count: int) -> None:
        render(tmp_path / "g", photo_folder, photos, 1, count, options, done.append)

    go(CHUNK)
    go(CHUNK)
    go(CHUNK + 1)
    assert done == [CHUNK, CHUNK + 1]
    assert RenderedGroups(tmp_path / "g", CHUNK + 1, (0,), CHUNK + 1)[CHUNK][0].shape == (8, 224, 224, 3)


def test_only_photographs_that_are_there_are_used(photo_folder):
    photos = read_list(photo_folder / "photos.csv")
    (photo_folder / photos[0].file).unlink()
    assert present(photo_folder, photos) == photos[1:]
    (photo_folder / photos[1].file).write_bytes(b"other")
    with pytest.raises(ValueError, match="SHA-256 differs"):
        present(photo_folder, photos)
    with pytest.raises(ValueError, match="no photograph of the list"):
        present(photo_folder / "nothing", photos)


def test_scored_photos_keep_the_order_of_the_list(rated_folder):
    assert read_photos(rated_folder)[1] == ScoredPhoto(rated_folder / "1.png", 72.0)
