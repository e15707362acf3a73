"""A picture of a run's curves."""

from __future__ import annotations

import csv
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def plot_curves(table: Path, picture: Path) -> None:
    """Draw the losses and the validation correlations of ``table`` (written by the trainer) into a PNG."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figure, (losses, validation) = plt.subplots(1, 2, figsize=(10, 4))
    patches = [float(row["patches"]) for row in rows]
    for name in ("regression", "ranking"):
        losses.plot(patches, [float(row[name]) for row in rows], label=name)
    losses.set(xlabel="patches", ylabel="loss", ylim=(0, None))
    losses.legend()
    checked = [row for row in rows if row["srcc"]]
    for name in ("srcc", "plcc"):
        points = [float(row["patches"]) for row in checked], [float(row[name]) for row in checked]
        validation.plot(*points, marker="o", markersize=3, label=name.upper())
    validation.set(xlabel="patches", ylabel="single patches of unseen photographs")
    validation.legend()
    validation.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(picture, dpi=100)
    plt.close(figure)
