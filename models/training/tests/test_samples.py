from __future__ import annotations

import numpy as np
import pytest

from training.labels import CLEAN_LABEL
from training.photos import read_list
from training.samples import Groups, SampleOptions, make_group


def test_group(photo):
    group = make_group(photo, SampleOptions(chains=3), np.random.default_rng(1))
    assert group.patches.shape == (8, 224, 224, 3)
    assert group.labels[0] == pytest.approx(CLEAN_LABEL)
    np.testing.assert_array_equal(group.weights, [1, 1, 1, 1, 1, 0.5, 0.5, 0.5])
    assert ((group.labels > 4) & (group.labels < 92)).all()


def test_group_without_chains_has_two_levels_of_each_type(photo):
    group = make_group(photo, SampleOptions(chains=0), np.random.default_rng(1))
    assert (group.weights == 1).all()
    assert len(set(group.labels.tolist())) >= 7


def test_groups_depend_on_seed_and_number_only(photo_folder):
    photos = read_list(photo_folder / "photos.csv")
    options = SampleOptions()
    first = Groups(photo_folder, photos, seed=3, count=8, options=options)
    again = Groups(photo_folder, photos, seed=3, count=99, options=options)
    for number in (5, 0, 7):
        for a, b in zip(first[number], again[number], strict=True):
            np.testing.assert_array_equal(a, b)
    other = Groups(photo_folder, photos, seed=4, count=8, options=options)
    assert any((first[i][0] != other[i][0]).any() for i in range(4))


def test_small_photograph_is_refused():
    with pytest.raises(ValueError, match="256 pixels"):
        make_group(np.zeros((200, 400, 3), np.uint8), SampleOptions(), np.random.default_rng(0))


@pytest.mark.parametrize("values", [{"chains": 8}, {"sides": (200, 300)}, {"sides": (500, 400)}, {"usual_side": 100}])
def test_bad_options(values):
    with pytest.raises(ValueError, match=r"chains must be|sides must ascend"):
        SampleOptions(**values)
