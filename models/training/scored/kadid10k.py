"""KADID-10k (Lin, Hosu, Saupe, QoMEX 2019): 81 references, 25 distortions at five levels."""

from __future__ import annotations

from pathlib import Path

from .tables import Row, first_file, number, read_table

IMAGE_FOLDERS = ("images", "distorted_images")


def read_rows(folder: Path) -> list[Row]:
    """Rows with scores on 1..5.

    The column is called dmos (degradation MOS: people compared with the reference), but higher is better.

    Raises:
        DatasetError: ERR_DATASET_FILE, ERR_DATASET_FORMAT, ERR_DATASET_VALUES.
    """
    path = first_file(folder, ("dmos.csv",))
    rows = read_table(path, ("dist_img", "ref_img", "dmos"))
    return [Row(row["dist_img"], number(row, "dmos", path), row["ref_img"].lower()) for row in rows]
