"""Labels: KADID-10k level means and the 0..100 scale of the model.

``kadid10k_level_means.csv`` holds, for each of the 25 distortion types and 5 levels of KADID-10k (Lin, Hosu, Saupe,
QoMEX 2019), the mean human score over the 81 contents, on a 1..5 scale where higher is better. The figures were
computed from the score list published with the database.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE_PATH = Path(__file__).with_name("kadid10k_level_means.csv")

TYPES = 25
LEVELS = 5

#: Mean human score (1..5) of the levels that leave an image unchanged: Gaussian blur with sigma 0.1 (4.612) and motion
#: blur of length 1 (4.604). An unimpaired photograph has this label, not 5: people rarely give the best mark to
#: everything that is intact.
CLEAN_KADID = 4.608


@dataclass(frozen=True)
class LevelMean:
    """One row of the table: mean score and spread (standard deviation over contents), both on the 1..5 scale."""

    name: str
    mean: float
    spread: float


def to_score(kadid: float) -> float:
    """Map a KADID score (1..5) linearly to the model's scale: 1 becomes 0, 5 becomes 100."""
    return (kadid - 1.0) * 25.0


@cache
def level_means() -> dict[tuple[int, int], LevelMean]:
    """The table, keyed by (type 1..25, level 1..5).

    Raises ``ValueError`` if a row is missing, doubled or outside the scale.
    """
    rows: dict[tuple[int, int], LevelMean] = {}
    with TABLE_PATH.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = int(row["type"]), int(row["level"])
            mean = LevelMean(row["name"], float(row["mean_dmos"]), float(row["sd_over_81_contents"]))
            if key in rows or not 1.0 <= mean.mean <= 5.0:
                raise ValueError(f"{TABLE_PATH.name}: bad row for type {key[0]} level {key[1]}")
            rows[key] = mean
    expected = {(type_, level) for type_ in range(1, TYPES + 1) for level in range(1, LEVELS + 1)}
    if rows.keys() != expected:
        raise ValueError(f"{TABLE_PATH.name}: expected {len(expected)} rows, one for each type and level")
    return rows


def label(type_: int, level: int) -> float:
    """Label on 0..100 of a KADID distortion type (1..25) at a level (1..5)."""
    return to_score(level_means()[type_, level].mean)


CLEAN_LABEL = to_score(CLEAN_KADID)
