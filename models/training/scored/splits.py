"""Division of a set into training, validation and test.

The validation part chooses the epoch; the test part is looked at once, at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .errors import DatasetError
from .sets import ScoredImage

#: A correlation needs more.
_LEAST_IMAGES = 3


@dataclass(frozen=True)
class Split:
    """The three parts, each in the order of the set's list."""

    training: tuple[ScoredImage, ...]
    validation: tuple[ScoredImage, ...]
    test: tuple[ScoredImage, ...]

    def __post_init__(self) -> None:
        for name in ("training", "validation", "test"):
            count = len(getattr(self, name))
            if count < _LEAST_IMAGES:
                raise DatasetError(
                    "ERR_DATASET_SPLIT", f"the {name} part would have {count} images, at least {_LEAST_IMAGES} needed"
                )

    def parts(self) -> dict[str, tuple[ScoredImage, ...]]:
        return {"training": self.training, "validation": self.validation, "test": self.test}


def official_split(images: Sequence[ScoredImage]) -> Split:
    """The split published with the set. Raises ``DatasetError`` ERR_DATASET_SPLIT if the list has none."""
    if any(image.part is None for image in images):
        raise DatasetError("ERR_DATASET_SPLIT", 'this list has no official split: choose [data] split = "random"')
    return Split(*(tuple(image for image in images if image.part == part) for part in Split.__dataclass_fields__))


def random_split(
    images: Sequence[ScoredImage], seed: int, run: int, test_share: float, validation_share: float
) -> Split:
    """A random split by group: all distorted versions of a reference image are in the same part.

    Args:
        seed, run: decide on the split together.
        test_share: share of the groups that is tested on.
        validation_share: share of the remaining groups that chooses the epoch. Each part gets at least one group.

    Raises:
        DatasetError: ERR_DATASET_SPLIT if there are too few groups or images.
    """
    groups = sorted({image.group for image in images})
    if len(groups) < 3:
        raise DatasetError("ERR_DATASET_SPLIT", f"{len(groups)} groups cannot be divided into three parts")
    order = np.random.default_rng((seed, run, 0)).permutation(len(groups))
    test = max(1, round(test_share * len(groups)))
    validation = max(1, round(validation_share * (len(groups) - test)))
    bounds = {"test": (0, test), "validation": (test, test + validation), "training": (test + validation, len(groups))}
    parts = {}
    for name, (start, end) in bounds.items():
        chosen = {groups[place] for place in order[start:end]}
        parts[name] = tuple(image for image in images if image.group in chosen)
    return Split(**parts)
