"""Draw every distortion at every level: ``python models/training/contact_sheet.py PHOTO -o SHEET.jpg``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np

from training.distortions import KINDS, distort
from training.labels import LEVELS, label
from training.photos import read_rgb, resize_short_side
from training.samples import WINDOW, sharpest_window

_TILE = 144


def contact_sheet(photo: np.ndarray, seed: int = 0) -> np.ndarray:
    """One row a type, one column a level, each tile named with its type, level and label; RGB uint8."""
    rng = np.random.default_rng(seed)
    window = sharpest_window(resize_short_side(photo, 384), rng)
    start = (WINDOW - _TILE) // 2
    rows = []
    for number, kind in KINDS.items():
        tiles = []
        for level in range(1, LEVELS + 1):
            version = distort(window, number, level, np.random.default_rng(seed))
            tile = np.ascontiguousarray(version[start : start + _TILE, start : start + _TILE])
            text = f"{number} {kind.name} {level}: {label(number, level):.0f}"
            cv2.rectangle(tile, (0, 0), (_TILE, 13), (0, 0, 0), -1)
            cv2.putText(tile, text, (2, 10), cv2.FONT_HERSHEY_SIMPLEX, 0.28, (255, 255, 255), 1, cv2.LINE_AA)
            tiles.append(tile)
        rows.append(np.hstack(tiles))
    half = (len(rows) + 1) // 2
    blank = np.zeros_like(rows[0])
    return np.hstack([np.vstack(rows[:half]), np.vstack((rows[half:] + [blank])[:half])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    sheet = contact_sheet(read_rgb(arguments.photo))
    cv2.imwrite(str(arguments.output), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 72])


if __name__ == "__main__":
    main()
