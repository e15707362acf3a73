"""The training photographs: the list of files, reading, and the split by source.

``photos.csv`` lists every photograph with the repository, commit and path it came from, its licence and the SHA-256 of
the file. Photographs are split by repository: all photographs of one source are either for training or for validation.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

LIST_PATH = Path(__file__).with_name("photos.csv")
COLUMNS = ("file", "repository", "commit", "path", "licence", "width", "height", "sha256")


@dataclass(frozen=True)
class Photo:
    """A row of the list; ``sha256`` is of the whole file, in lower-case hexadecimal."""

    file: str
    repository: str
    sha256: str
    width: int
    height: int


def read_list(path: Path = LIST_PATH) -> list[Photo]:
    """The photographs in the order of the list. Raises ``ValueError`` if a column is missing or a file is doubled."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = set(COLUMNS) - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path}: missing columns {', '.join(sorted(missing))}")
        photos = [
            Photo(row["file"], row["repository"], row["sha256"], int(row["width"]), int(row["height"]))
            for row in reader
        ]
    if len({photo.file for photo in photos}) != len(photos):
        raise ValueError(f"{path}: a file is listed twice")
    return photos


def split(photos: Iterable[Photo], validation_sources: Iterable[str]) -> tuple[list[Photo], list[Photo]]:
    """(training, validation) by repository.

    Raises ``ValueError`` if a validation source has no photograph or nothing is left to train on.
    """
    photos = list(photos)
    sources = set(validation_sources)
    unknown = sources - {photo.repository for photo in photos}
    if unknown:
        raise ValueError(f"no photographs from {', '.join(sorted(unknown))}")
    training = [photo for photo in photos if photo.repository not in sources]
    if not training:
        raise ValueError("every source is set aside for validation")
    return training, [photo for photo in photos if photo.repository in sources]


def sha256(path: Path) -> str:
    """SHA-256 of a file, in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_rgb(path: Path) -> np.ndarray:
    """Decode to RGB uint8 H×W×3, EXIF orientation applied. Raises ``ValueError`` if the file is no image."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise ValueError(f"{path}: not a readable image")
    return image


def resize_short_side(image: np.ndarray, size: int) -> np.ndarray:
    """Shrink so that the shorter side is ``size`` pixels, aspect kept; a smaller image is returned as it is."""
    height, width = image.shape[:2]
    short = min(height, width)
    if short <= size:
        return image
    target = (width * size // short, height * size // short)
    return cv2.resize(image, target, interpolation=cv2.INTER_AREA)


def present(folder: Path, photos: Iterable[Photo]) -> list[Photo]:
    """The photographs of the list whose files are in ``folder``.

    Raises ``ValueError`` if a file has other contents than the list says, or none is there.
    """
    found = [photo for photo in photos if (folder / photo.file).is_file()]
    problems = check_folder(folder, found)
    if problems or not found:
        raise ValueError(problems[0] if problems else f"{folder} holds no photograph of the list")
    return found


def check_folder(folder: Path, photos: Iterable[Photo]) -> list[str]:
    """One line for every photograph of the list that is missing in ``folder`` or has other contents."""
    problems = []
    for photo in photos:
        path = folder / photo.file
        if not path.is_file():
            problems.append(f"{path}: missing")
        elif sha256(path) != photo.sha256:
            problems.append(f"{path}: not the file of the list (SHA-256 differs)")
    return problems
