from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from hyperiqa import PatchScorer
from training.mixed.crops import read_photos
from training.mixed.features import CHUNK, FeatureFiles, extract, score_features
from training.mixed.prepared import Prepared
from training.photos import read_list


def frozen(config):
    return dataclasses.replace(config, optimiser=dataclasses.replace(config.optimiser, frozen_stages=3))


def test_scores_of_features_are_those_of_the_patches(start):
    patches = torch.randint(0, 256, (3, 224, 224, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(4))
    features = extract(start, patches)
    expected = PatchScorer(start)(patches.permute(0, 3, 1, 2))
    torch.testing.assert_close(score_features(start, features), expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(score_features(start, features.half().float()), expected, atol=0.1, rtol=0)
    # The network itself is as it was: it takes pixels again.
    torch.testing.assert_close(PatchScorer(start)(patches.permute(0, 3, 1, 2)), expected)


def test_files_go_on_where_they_stopped(start, tmp_path, monkeypatch):
    monkeypatch.setattr("training.mixed.features.CHUNK", 2)
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 256, (5, 224, 224, 3), dtype=np.uint8)
    asked: list[int] = []

    def patch(number: int) -> np.ndarray:
        asked.append(number)
        return patches[number]

    files = FeatureFiles(tmp_path / "features")
    files.write(start, 4, patch)
    files.write(start, 5, patch)
    assert asked == [0, 1, 2, 3, 4]
    expected = extract(start, torch.from_numpy(patches[[4, 1]])).half().float().numpy()
    np.testing.assert_allclose(files.read([4, 1]), expected, rtol=2e-3, atol=2e-3)
    assert CHUNK == 1000


def test_features_of_runs_are_those_of_their_crops_and_groups(config, start, rated_folder, prepare):
    config = frozen(config)
    photos = read_photos(rated_folder)
    scored, groups, _ = prepare(config).datasets(photos[1:], 0)
    pixels = dataclasses.replace(config, optimiser=dataclasses.replace(config.optimiser, frozen_stages=0))
    crops = prepare(pixels, "pixels").datasets(photos, 0)[0]
    made = {crops.crop(place, turn).tobytes(): photos[place].mos for place in range(6) for turn in range(2)}
    seen = set()
    assert len(made) == 12 and len(scored) == 16
    for number in range(5):
        features, mos = scored[number]
        assert mos != photos[0].mos
        seen.add(float(mos))
        assert features.shape == (24128,)
    assert seen == {photo.mos for photo in photos[1:]}

    features, labels, weights = groups[0]
    rendered = groups._groups.rendered(groups._groups.place(0))
    expected = extract(start, torch.from_numpy(np.array(rendered[0]))).numpy()
    np.testing.assert_allclose(features, expected, rtol=2e-3, atol=2e-3)
    assert np.array_equal(labels, rendered[1]) and np.array_equal(weights, rendered[2])


def test_other_data_or_settings_are_refused(config, start, rated_folder, photo_folder, tmp_path, prepare):
    config = frozen(config)
    prepare(config)
    photos, listed = read_photos(rated_folder), read_list(photo_folder / "photos.csv")[:2]
    longer = dataclasses.replace(config, optimiser=dataclasses.replace(config.optimiser, steps=9))
    Prepared(tmp_path / "prepared", longer, start, photos, listed)
    other_crops = dataclasses.replace(config, crops=dataclasses.replace(config.crops, count=3))
    for arguments in (
        (other_crops, start, photos, listed),
        (config, start, photos[1:], listed),
        (config, start, photos, listed[1:]),
    ):
        with pytest.raises(ValueError, match="use another folder"):
            Prepared(tmp_path / "prepared", *arguments)
    with torch.no_grad():
        start.fc5b_fc.bias.add_(1)
    with pytest.raises(ValueError, match="use another folder"):
        Prepared(tmp_path / "prepared", config, start, photos, listed)
