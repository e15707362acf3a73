"""The error of the readers and of the training on human-scored sets."""

from __future__ import annotations


class DatasetError(Exception):
    """A folder is not the data set it should be, or the data set cannot be used as asked.

    Attributes:
        code: stable identifier, for programs:
            ERR_DATASET_FILE     a file or folder of the published layout is missing or cannot be read,
            ERR_DATASET_FORMAT   a file has other columns, variables or lines than published,
            ERR_DATASET_VALUES   a score is no number, leaves the published scale, or an image is listed twice,
            ERR_DATASET_IMAGES   images are missing or cannot be decoded,
            ERR_DATASET_SPLIT    the images cannot be split as asked.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def some(items: list[str], most: int = 5) -> str:
    """The first of ``items``, and how many there are beyond them; for messages."""
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {rest} more" if rest > 0 else "")
