from __future__ import annotations

import numpy as np
import pytest

from training.distortions import KINDS
from training.distortions.faults import FAULTS
from training.labels import CLEAN_LABEL, LEVELS, label
from training.photos import read_list
from training.samples import WINDOW, Groups, SampleOptions, _fault_loss, draw_window, make_group


def test_group(photo):
    group = make_group(photo, SampleOptions(chains=2, faults=1, grey_share=0), np.random.default_rng(1))
    assert group.patches.shape == (8, 224, 224, 3)
    assert group.labels[0] == pytest.approx(CLEAN_LABEL)
    np.testing.assert_array_equal(group.weights, [1, 1, 1, 1, 1, 0.5, 0.5, 0.5])
    assert ((group.labels >= 0) & (group.labels < 92)).all()


def test_table_only_labels_are_the_table(photo):
    table = {label(number, level) for number in KINDS for level in range(1, LEVELS + 1)}
    for seed in range(4):
        group = make_group(photo, SampleOptions.table_only(), np.random.default_rng(seed))
        assert (group.weights == 1).all()
        assert group.labels[0] == pytest.approx(CLEAN_LABEL)
        assert all(min(abs(value - entry) for entry in table) < 1e-4 for value in group.labels[1:].tolist())


def test_black_and_white(photo):
    options = SampleOptions(grey_share=1)
    groups = [make_group(photo, options, np.random.default_rng(seed)) for seed in range(12)]
    assert all((group.patches[0, ..., 0] == group.patches[0, ..., 2]).all() for group in groups)
    # Neither more nor less saturation, which change nothing and have bad labels.
    saturation = [label(number, level) for number in (7, 8) for level in (2, 3, 4, 5)]
    found = np.concatenate([group.labels[1:5] for group in groups])
    assert np.abs(found[:, None] - saturation).min() > 1e-4


def test_some_windows_are_turned(photo):
    """In a photograph as large as the window all windows are the photograph, mirrored or turned."""
    square = np.ascontiguousarray(photo[:WINDOW, :WINDOW])
    upright = [square, square[:, ::-1]]
    options = SampleOptions(turned_share=0.5)
    windows = [draw_window(square, options, np.random.default_rng(seed)) for seed in range(40)]
    as_they_are = [any((window == version).all() for version in upright) for window in windows]
    assert 0 < sum(as_they_are) < 40
    turned = [np.rot90(version, quarters) for version in upright for quarters in range(4)]
    assert all(any((window == version).all() for version in turned) for window in windows)


def test_nothing_is_learnt_from_photographs_made_grey(photo):
    options = SampleOptions(chains=0, faults=0)
    groups = [make_group(photo, options, np.random.default_rng(seed)) for seed in range(30)]
    weights, labels = (np.concatenate([getattr(g, name) for g in groups]) for name in ("weights", "labels"))
    assert (weights == 0).any()
    assert labels[weights == 0] == pytest.approx(label(7, 4))


def test_faults_of_colour_are_judged_on_the_luminance_as_well(photo):
    rng = np.random.default_rng(0)
    cast = FAULTS["colour_cast"](photo, 0.8, rng)
    assert 0 < _fault_loss(photo, cast, "colour_cast") < 0.8 * _fault_loss(photo, cast, "other")


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


@pytest.mark.parametrize(
    "values",
    [{"chains": 8}, {"chains": 4, "faults": 4}, {"sides": (200, 300)}, {"sides": (500, 400)}, {"usual_side": 100}],
)
def test_bad_options(values):
    with pytest.raises(ValueError, match=r"chains and faults must be|sides must ascend"):
        SampleOptions(**values)
