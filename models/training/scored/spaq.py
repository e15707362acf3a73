"""SPAQ (Fang, Zhu, Zeng, Ma, Wang, CVPR 2020): photographs of smartphones."""

from __future__ import annotations

from pathlib import Path

from .tables import Row, first_file, number, read_table

IMAGE_FOLDERS = ("TestImage",)

_TABLE = "MOS and Image attribute scores"


def read_rows(folder: Path) -> list[Row]:
    """Rows with scores on 0..100, from the published workbook or a CSV export of its first sheet.

    Raises:
        DatasetError: ERR_DATASET_FILE, ERR_DATASET_FORMAT, ERR_DATASET_VALUES.
    """
    places = [f"{parent}{_TABLE}{ending}" for parent in ("Annotations/", "") for ending in (".xlsx", ".csv")]
    path = first_file(folder, places)
    rows = read_table(path, ("Image name", "MOS"))
    return [Row(row["Image name"], number(row, "MOS", path), row["Image name"]) for row in rows]
