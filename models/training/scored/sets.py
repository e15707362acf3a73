"""The human-scored sets: where their files lie, what their scores mean, and one scale for all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import kadid10k, koniq10k, livec, spaq, tid2013
from .errors import DatasetError, some
from .tables import Row


@dataclass(frozen=True)
class Layout:
    """A published set.

    Attributes:
        title: for messages.
        read_rows: reader of its score list.
        image_folders: the first that exists holds the images.
        scale: worst and best score of its own scale.
    """

    title: str
    read_rows: Callable[[Path], list[Row]]
    image_folders: tuple[str, ...]
    scale: tuple[float, float]


#: By the name that `hyperiqa.metadata.PRESETS` has for the set, too. In all five a higher score is better.
LAYOUTS: dict[str, Layout] = {
    "koniq10k": Layout("KonIQ-10k", koniq10k.read_rows, koniq10k.IMAGE_FOLDERS, (0, 100)),
    "kadid10k": Layout("KADID-10k", kadid10k.read_rows, kadid10k.IMAGE_FOLDERS, (1, 5)),
    "tid2013": Layout("TID2013", tid2013.read_rows, tid2013.IMAGE_FOLDERS, (0, 9)),
    "spaq": Layout("SPAQ", spaq.read_rows, spaq.IMAGE_FOLDERS, (0, 100)),
    "livec": Layout("LIVE In the Wild", livec.read_rows, livec.IMAGE_FOLDERS, (0, 100)),
}


@dataclass(frozen=True)
class ScoredImage:
    """An image with its human score.

    Attributes:
        file: path below the set's folder, with "/".
        score: 0..100, higher is better: the set's own scale mapped linearly.
        group: see ``Row``.
        part: see ``Row``.
    """

    file: str
    score: float
    group: str
    part: str | None


@dataclass(frozen=True)
class ScoredSet:
    """A set as read: ``images`` in the order of the list, ``missing`` the listed files that are not there."""

    name: str
    folder: Path
    images: tuple[ScoredImage, ...]
    missing: tuple[str, ...]


def read_set(name: str, folder: Path) -> ScoredSet:
    """Read a set from its published folder layout.

    File names are looked for as they are listed, then in any case of letters.

    Args:
        name: key of ``LAYOUTS``.
        folder: the unpacked set.

    Raises:
        DatasetError: see its codes; not for missing images, which the result names.
    """
    layout = LAYOUTS[name]
    if not folder.is_dir():
        raise DatasetError("ERR_DATASET_FILE", f"{folder} is not a folder")
    rows = layout.read_rows(folder)
    _check(folder, layout, rows)
    place = next((place for place in layout.image_folders if (folder / place).is_dir()), None)
    if place is None:
        raise DatasetError("ERR_DATASET_FILE", f"{folder} has no folder {' and no '.join(layout.image_folders)}")
    present = {path.name for path in (folder / place).iterdir()}
    spellings = {spelling.lower(): spelling for spelling in sorted(present)}
    low, high = layout.scale
    images, missing = [], []
    for row in rows:
        spelling = row.name if row.name in present else spellings.get(row.name.lower())
        if spelling is None:
            missing.append(f"{place}/{row.name}")
            continue
        score = (row.score - low) / (high - low) * 100
        images.append(ScoredImage(f"{place}/{spelling}", score, row.group, row.part))
    if not images:
        raise DatasetError("ERR_DATASET_IMAGES", f"none of the {len(rows)} listed images is in {folder / place}")
    return ScoredSet(name, folder, tuple(images), tuple(missing))


def _check(folder: Path, layout: Layout, rows: list[Row]) -> None:
    low, high = layout.scale
    outside = [f"{row.name} ({row.score:g})" for row in rows if not low <= row.score <= high or math.isnan(row.score)]
    if outside:
        raise DatasetError(
            "ERR_DATASET_VALUES",
            f"{folder}: scores of {layout.title} are {low:g} to {high:g}, but not those of {some(outside)}",
        )
    # Names in lower case, because files are found in any case.
    doubled = [name for name, count in Counter(row.name.lower() for row in rows).items() if count > 1]
    if doubled:
        raise DatasetError("ERR_DATASET_VALUES", f"{folder}: listed twice: {some(doubled)}")
