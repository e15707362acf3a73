"""Small photographs made of shapes and noise, so that the tests need no data."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from training.photos import COLUMNS, sha256


def synthetic_photo(seed: int, height: int = 300, width: int = 340) -> np.ndarray:
    """An RGB uint8 picture with edges, smooth parts and texture."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        centre = tuple(int(v) for v in rng.integers(0, height, 2))
        colour = tuple(int(v) for v in rng.integers(0, 256, 3))
        cv2.circle(image, centre, int(rng.integers(8, 40)), colour, -1, cv2.LINE_AA)
    texture = rng.normal(0, 6, image.shape)
    return np.clip(image + texture, 0, 255).astype(np.uint8)


@pytest.fixture
def photo() -> np.ndarray:
    return synthetic_photo(1)


@pytest.fixture
def photo_folder(tmp_path: Path) -> Path:
    """Four photographs of two sources with their list, ``photos.csv``."""
    folder = tmp_path / "photos"
    folder.mkdir()
    with (folder / "photos.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for number in range(4):
            path = folder / f"photo{number}.png"
            cv2.imwrite(str(path), cv2.cvtColor(synthetic_photo(number), cv2.COLOR_RGB2BGR))
            source = "example/seen" if number < 2 else "example/unseen"
            writer.writerow(
                {
                    "file": path.name,
                    "repository": source,
                    "commit": "0",
                    "path": path.name,
                    "licence": "CC0",
                    "width": 340,
                    "height": 300,
                    "sha256": sha256(path),
                }
            )
    return folder
