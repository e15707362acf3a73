"""Compare ways to score a whole image with one model.

    python models/training/protocols.py MODEL.pt --data PHOTOS --rated FOLDER

Shorter side (or a fixed size whatever the aspect), number and kind of crops, and how the crops' scores are pooled; SRCC
on whole distorted photographs of the sources set aside and on each folder with human scores, with the number of crops
that an image of 3:2 costs. The shipped model's protocol was chosen with this table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
from PIL import Image

from training import metrics
from training.config import read_config
from training.evaluate import distorted_photos
from training.photos import LIST_PATH, read_list, split
from training.samples import PATCH
from training.scoring import Scorer, covering_crops, read_mos, read_oriented, shorter_side

Crops = Callable[[np.ndarray], np.ndarray]
Pool = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class Protocol:
    """``side`` is the shorter side in pixels or a fixed (width, height)."""

    name: str
    side: int | tuple[int, int]
    crops: Crops
    pool: Pool = np.mean

    def score(self, scorer: Scorer, image: np.ndarray) -> float:
        if isinstance(self.side, int):
            resized = shorter_side(image, self.side)
        else:
            resized = np.asarray(Image.fromarray(image).resize(self.side, Image.Resampling.BILINEAR))
        return float(self.pool(scorer.patches(self.crops(resized))))


def random_crops(count: int) -> Crops:
    """``count`` random crops, the same for images of one size."""

    def crops(image: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(0)
        places = [[int(rng.integers(0, side - PATCH + 1)) for side in image.shape[:2]] for _ in range(count)]
        return np.stack([image[top : top + PATCH, left : left + PATCH] for top, left in places])

    return crops


def centre_crop(image: np.ndarray) -> np.ndarray:
    """The one crop in the middle."""
    top, left = ((side - PATCH) // 2 for side in image.shape[:2])
    return image[None, top : top + PATCH, left : left + PATCH]


PROTOCOLS = (
    Protocol("384, covering grid, mean (shipped)", 384, covering_crops),
    Protocol("384, covering grid, minimum", 384, covering_crops, np.min),
    Protocol("384, covering grid, median", 384, covering_crops, np.median),
    Protocol("384, centre crop", 384, centre_crop),
    Protocol("384, 10 random crops, mean", 384, random_crops(10)),
    Protocol("384, 25 random crops, mean", 384, random_crops(25)),
    Protocol("224, covering grid, mean", 224, covering_crops),
    Protocol("300, covering grid, mean", 300, covering_crops),
    Protocol("448, covering grid, mean", 448, covering_crops),
    Protocol("512, covering grid, mean", 512, covering_crops),
    Protocol("512 × 384 whatever the aspect, covering grid, mean", (512, 384), covering_crops),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder with the photographs of the list")
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("config.toml"))
    parser.add_argument("--rated", type=Path, action="append", default=[], help="folder of images with mos.csv")
    parser.add_argument("--versions", type=int, default=3, help="distorted versions of each photograph")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    scorer = Scorer(arguments.model)
    unseen = split(read_list(LIST_PATH), read_config(arguments.config).data.validation_sources)[1]
    distorted = list(distorted_photos(arguments.data, unseen, arguments.versions))
    sets = {
        "whole distorted photographs": (
            [image for image, _, _ in distorted],
            np.array([label for _, label, _ in distorted]),
            np.array([unit for _, _, unit in distorted]),
        )
    }
    for folder in arguments.rated:
        paths, mos = read_mos(folder)
        sets[folder.name] = [read_oriented(path) for path in paths], mos, np.arange(len(mos))
    print("| protocol | crops for 3:2 | " + " | ".join(f"{name} (n {len(mos)})" for name, (_, mos, _) in sets.items()))
    for protocol in PROTOCOLS:
        probe = np.zeros((800, 1200, 3), np.uint8)
        side = protocol.side
        resized = shorter_side(probe, side) if isinstance(side, int) else np.zeros((side[1], side[0], 3), np.uint8)
        cells = []
        for images, targets, units in sets.values():
            scores = np.array([protocol.score(scorer, image) for image in images])
            found = metrics.with_interval(metrics.srcc, scores, targets, units)
            cells.append(found.without_n())
        print(f"| {protocol.name} | {len(protocol.crops(resized))} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
