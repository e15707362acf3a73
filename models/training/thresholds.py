"""Measures the errors of a threshold on the score: ``python models/training/thresholds.py MODEL.pt --rated FOLDER``.

For each folder with human scores the images are called bad where their MOS is in the lowest third of the folder. A
threshold t rejects the images that score below it. Printed for each t: the share of bad images that it rejects, the
share of the others that it rejects too, and how many of the rejected are bad, with 95 % Wilson intervals.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
from scipy.stats import binomtest

from training.scoring import Scorer, read_mos, read_oriented

THRESHOLDS = (20, 30, 40, 50, 60, 70, 80)


@dataclass(frozen=True)
class Share:
    """``count`` of ``of``."""

    count: int
    of: int

    def __str__(self) -> str:
        if self.of == 0:
            return "none"
        interval = binomtest(self.count, self.of).proportion_ci(method="wilson")
        return f"{self.count / self.of:.0%} [{interval.low:.0%}, {interval.high:.0%}] of {self.of}"


@dataclass(frozen=True)
class Errors:
    """Shares for a threshold: rejected among the bad, rejected among the others, bad among the rejected."""

    found: Share
    wrongly_rejected: Share
    right: Share


def errors(scores: np.ndarray, mos: np.ndarray, threshold: float) -> Errors:
    """Error rates of a threshold, where the lowest third of ``mos`` is bad (ties with its greatest value included)."""
    bad = mos <= np.sort(mos)[max(0, len(mos) // 3 - 1)]
    rejected = scores < threshold
    both = int((bad & rejected).sum())
    return Errors(
        Share(both, int(bad.sum())),
        Share(int((~bad & rejected).sum()), int((~bad).sum())),
        Share(both, int(rejected.sum())),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rated", type=Path, action="append", required=True, help="folder of images with mos.csv")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    scorer = Scorer(arguments.model)
    for folder in arguments.rated:
        paths, mos = read_mos(folder)
        scores = np.array([scorer.image(read_oriented(path)) for path in paths])
        print(f"{folder.name}: bad is a MOS of at most {np.sort(mos)[max(0, len(mos) // 3 - 1)]:g}")
        print("| score below | of the bad, rejected | of the others, rejected | of the rejected, bad |")
        for threshold in THRESHOLDS:
            found = errors(scores, mos, threshold)
            print(f"| {threshold} | {found.found} | {found.wrongly_rejected} | {found.right} |")


if __name__ == "__main__":
    main()
