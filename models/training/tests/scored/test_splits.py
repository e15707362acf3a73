from __future__ import annotations

import numpy as np
import pytest

from training.scored.crops import EpochCrops, ImageCrops
from training.scored.errors import DatasetError
from training.scored.sets import ScoredImage, read_set
from training.scored.splits import official_split, random_split


def images(references: int, versions: int) -> list[ScoredImage]:
    return [
        ScoredImage(f"{reference}-{version}.png", version, f"i{reference}", None)
        for reference in range(references)
        for version in range(versions)
    ]


def files(part) -> set[str]:
    return {image.file for image in part}


def test_random_split_keeps_versions_of_a_reference_together():
    split = random_split(images(81, 5), seed=3, run=1, test_share=0.2, validation_share=0.1)
    groups = {name: {image.group for image in part} for name, part in split.parts().items()}
    assert {name: len(found) for name, found in groups.items()} == {"training": 59, "validation": 6, "test": 16}
    assert not groups["training"] & groups["test"]
    assert not groups["training"] & groups["validation"]
    assert not groups["validation"] & groups["test"]
    assert sum(len(part) for part in split.parts().values()) == 405


def test_random_split_depends_on_seed_and_run_only():
    data = images(50, 1)
    first = random_split(data, 3, 1, 0.2, 0.1)
    assert first == random_split(data, 3, 1, 0.2, 0.1)
    assert files(first.test) == files(random_split(data[::-1], 3, 1, 0.2, 0.1).test)
    assert files(first.test) != files(random_split(data, 3, 2, 0.2, 0.1).test)
    assert files(first.test) != files(random_split(data, 4, 1, 0.2, 0.1).test)


def test_splits_that_cannot_be():
    for data, reason in ((images(2, 9), "2 groups"), (images(9, 1), "validation part would have 1 images")):
        with pytest.raises(DatasetError, match=reason) as caught:
            random_split(data, 0, 1, 0.2, 0.1)
        assert caught.value.code == "ERR_DATASET_SPLIT"
    with pytest.raises(DatasetError, match="no official split") as caught:
        official_split(images(9, 3))
    assert caught.value.code == "ERR_DATASET_SPLIT"


def test_official_split(make_folder):
    split = official_split(read_set("koniq10k", make_folder("koniq10k")).images)
    assert [len(part) for part in split.parts().values()] == [6, 3, 3]
    assert split.test[0].file == "1024x768/1009.jpg"


class Plain:
    """Stands for prepared images: a value at each place that says which image and where."""

    def read(self, file: str) -> np.ndarray:
        rows, columns = np.indices((230, 240))
        return np.stack([rows, columns, np.full_like(rows, int(file[0]))], axis=2).astype(np.uint8)


def test_an_epoch_has_every_image_so_many_times_at_random_places_and_mirrored():
    data = images(4, 1)
    epoch = EpochCrops(data, Plain(), 25, seed=1, run=1, epoch=0)
    crops = [epoch[place] for place in range(len(epoch))]
    seen = [int(crop[0, 0, 2]) for crop, _ in crops]
    assert sorted(seen) == sorted([0, 1, 2, 3] * 25)
    assert seen != sorted(seen)
    assert len({int(crop[0, 0, 0]) for crop, _ in crops}) == 7
    mirrored = sum(int(crop[0, 0, 1]) > int(crop[0, -1, 1]) for crop, _ in crops)
    assert 30 < mirrored < 70
    again = EpochCrops(data, Plain(), 25, seed=1, run=1, epoch=0)
    assert all(np.array_equal(epoch[place][0], again[place][0]) for place in range(100))
    for other in (EpochCrops(data, Plain(), 25, 1, 1, 1), EpochCrops(data, Plain(), 25, 1, 2, 0)):
        assert any(not np.array_equal(epoch[place][0], other[place][0]) for place in range(5))


def test_crops_for_measuring_are_always_the_same():
    data = images(2, 1)
    first, second = (ImageCrops(data, Plain(), 5) for _ in range(2))
    assert first[1].shape == (5, 224, 224, 3)
    assert np.array_equal(first[1], second[1])
    assert len({tuple(crop[0, 0]) for crop in first[1]}) > 1
