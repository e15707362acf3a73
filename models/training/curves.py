"""The curves of a run: a table and a picture of it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

CURVES = "curves.csv"


def write_curves(rows: Iterable[Mapping[str, float]], columns: Sequence[str], path: Path) -> None:
    """Write the rows of a run as CSV; what a row lacks of ``columns`` stays empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: f"{value:.6g}" for key, value in row.items()})


def plot_curves(
    table: Path,
    picture: Path,
    losses: Sequence[str] = ("regression", "ranking"),
    measured_on: str = "single patches of unseen photographs",
) -> None:
    """Draw the losses and the validation correlations of ``table`` (written by ``write_curves``) into a PNG.

    ``losses`` are columns of the table, ``measured_on`` says what the correlations were measured on.
    """
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    patches = [float(row["patches"]) for row in rows]
    for name in losses:
        left.plot(patches, [float(row[name]) for row in rows], label=name)
    left.set(xlabel="patches", ylabel="loss", ylim=(0, None))
    left.legend()
    checked = [row for row in rows if row["srcc"]]
    for name in ("srcc", "plcc"):
        points = [float(row["patches"]) for row in checked], [float(row[name]) for row in checked]
        right.plot(*points, marker="o", markersize=3, label=name.upper())
    right.set(xlabel="patches", ylabel=measured_on)
    right.legend()
    right.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(picture, dpi=100)
    plt.close(figure)
