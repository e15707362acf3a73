"""KonIQ-10k (Hosu, Lin, Sziranyi, Saupe, IEEE TIP 2020): photographs, MOS by crowdsourcing, an official split."""

from __future__ import annotations

from pathlib import Path

from .errors import DatasetError
from .tables import Row, first_file, number, read_table

IMAGE_FOLDERS = ("1024x768", "512x384")

#: With the official split; its MOS is already 0..100.
SETS = "koniq10k_distributions_sets.csv"
#: Without a split; its MOS is 1..5, its MOS_zscore 0..100.
SCORES = "koniq10k_scores_and_distributions.csv"

PARTS = ("training", "validation", "test")


def read_rows(folder: Path) -> list[Row]:
    """Rows with scores on 0..100.

    ``koniq10k_distributions_sets.csv`` is preferred, because it has the split. Both files hold the same scores: the
    one's ``MOS`` is the other's ``MOS_zscore``.

    Raises:
        DatasetError: ERR_DATASET_FILE, ERR_DATASET_FORMAT, ERR_DATASET_VALUES.
    """
    path = first_file(folder, (SETS, SCORES))
    if path.name == SCORES:
        rows = read_table(path, ("image_name", "MOS_zscore"))
        return [Row(row["image_name"], number(row, "MOS_zscore", path), row["image_name"]) for row in rows]
    rows = read_table(path, ("image_name", "MOS", "set"))
    unknown = sorted({row["set"] for row in rows} - set(PARTS))
    if unknown:
        raise DatasetError(
            "ERR_DATASET_FORMAT", f"{path}: set must be {', '.join(PARTS)}, but {', '.join(map(repr, unknown))} occurs"
        )
    scored = [Row(row["image_name"], number(row, "MOS", path), row["image_name"], row["set"]) for row in rows]
    if max(row.score for row in scored) <= 5:
        raise DatasetError("ERR_DATASET_VALUES", f"{path}: MOS is on a scale of 1 to 5, 0 to 100 was expected")
    return scored
