"""Thresholds, protocols and figures: what the documentation of a model is made with."""

from __future__ import annotations

import numpy as np
import pytest

from training import figures
from training.protocols import PROTOCOLS
from training.thresholds import Share, errors


class Brightness:
    """Scores by brightness, so that what comes out is known."""

    def patches(self, patches):
        return patches.reshape(len(patches), -1).mean(axis=1) / 2.55

    def image(self, image):
        return float(image.mean() / 2.55)


def test_errors_of_a_threshold():
    mos = np.array([1, 2, 3, 4, 5, 6], float)
    scores = np.array([10, 45, 35, 70, 80, 90], float)
    found = errors(scores, mos, 40)
    assert found.found == Share(1, 2)
    assert found.wrongly_rejected == Share(1, 4)
    assert found.right == Share(1, 2)
    assert str(Share(1, 2)) == "50% [9%, 91%] of 2"
    assert str(errors(scores, mos, 5).right) == "none"


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
def test_protocols_score_any_shape(protocol):
    image = np.full((500, 300, 3), 102, np.uint8)
    assert protocol.score(Brightness(), image) == pytest.approx(40, abs=0.5)


def test_sheet_has_rows_of_four():
    tiles = [figures.Tile(np.full((30, 40, 3), 9, np.uint8), 50.0, "as it is")] * 5
    drawn = figures.sheet(tiles)
    assert drawn.shape == (2 * 218, 4 * 300, 3)
    assert (drawn[0, 0] == 9).all() and (drawn[-1, -1] == 255).all()


def test_examples_prefer_other_photographs_and_damage(tmp_path, photo_folder):
    tiles = figures.example_tiles(Brightness(), sorted(photo_folder.glob("*.png"))[:2])
    assert len(tiles) == 2 * 5
    for first, second in zip(tiles[::2], tiles[1::2], strict=True):
        assert first.score <= second.score
        assert first.text != second.text or first.text == "as it is"


def test_kinds_are_named_by_their_files(photo_folder):
    (photo_folder / "photos.csv").unlink()
    tiles = figures.kind_tiles(Brightness(), photo_folder)
    assert [tile.text for tile in tiles] == ["photo0", "photo1", "photo2", "photo3"]
    assert all(0 < tile.score < 100 for tile in tiles)
