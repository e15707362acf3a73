"""Draw what the documentation shows of a model.

    python models/training/figures.py MODEL.pt --data PHOTOS --examples PHOTOS --out FOLDER

* ``levels.png``: mean score of unseen photographs by type and level of KADID-10k beside the labels, by strength of the
  further faults, and by strength of camera chains;
* ``scores.jpg``: photographs and damaged versions of them that score about 10, 30, 50, 70 and 90, with what was done
  to them (photographs of ``--examples``, a folder of freely licensed ones);
* ``failures.jpg``: unimpaired unseen photographs with the lowest scores, and badly damaged ones with the highest; of
  those sources only whose licence lets the pictures be shown here; below, pictures that are no photographs;
* ``kinds.jpg``, with ``--kinds``: every picture of a folder with its score; the file's name says what it is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from training.chains import draw_chain
from training.config import read_config
from training.distortions import KINDS, distort
from training.distortions.faults import FAULTS
from training.evaluate import distorted_photos, level_scores
from training.labels import LEVELS, label
from training.photos import LIST_PATH, Photo, read_list, read_rgb, resize_short_side, split
from training.samples import PATCH
from training.scoring import SHORT_SIDE, Scorer

_SEED = 5
_TARGETS = (10, 30, 50, 70, 90)
_COLUMNS = 4
#: Public domain, CC0 and CC-BY.
_MAY_BE_SHOWN = {"wagtail/bakerydemo", "libjxl/testdata", "mate-desktop/mate-backgrounds"}
_TILE = (300, 200)
_CAPTION = 18


@dataclass(frozen=True)
class Tile:
    """A picture, its score and a line about it."""

    image: np.ndarray
    score: float
    text: str


def draw_levels(scorer: Scorer, data: Path, unseen: list[Photo], output: Path) -> None:
    """Small multiples: one for each KADID type, each further fault, and one for camera chains."""
    table = level_scores(scorer, data, unseen)
    chains = chain_scores(scorer, data, unseen)
    columns = 6
    rows = -(-(len(table) + 1) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.2 * columns, 1.8 * rows), sharey=True)
    for axis, (name, means) in zip(axes.flat, table.items(), strict=False):
        number = name.split(" ")[0]
        if number.isdigit():
            axis.plot(range(1, 6), [label(int(number), k) for k in range(1, LEVELS + 1)], color="0.6", linestyle="--")
            axis.plot(range(1, 6), means, marker="o", markersize=3)
        else:
            axis.plot(np.linspace(0, 1, 5), means, marker="o", markersize=3, color="tab:orange")
        axis.set_title(name, fontsize=8)
    last = axes.flat[len(table)]
    last.plot(np.linspace(0, 1, len(chains)), chains, marker="o", markersize=3, color="tab:green")
    last.set_title("camera chains", fontsize=8)
    for axis in axes.flat[len(table) + 1 :]:
        axis.axis("off")
    for axis in axes.flat:
        axis.set_ylim(0, 100)
        axis.tick_params(labelsize=7)
        axis.grid(alpha=0.3)
    figure.supxlabel("level 1 to 5 of KADID-10k (blue; dashed: label), strength 0 to 1 (orange, green)", fontsize=9)
    figure.supylabel("mean score", fontsize=9)
    figure.tight_layout()
    figure.savefig(output, dpi=90)
    plt.close(figure)


def chain_scores(scorer: Scorer, data: Path, unseen: list[Photo], count: int = 60) -> list[float]:
    """Mean score of ``count`` camera chains at strengths 0 to 1 in steps of ¼, on middle crops."""
    scores = []
    for number in range(count):
        image = resize_short_side(read_rgb(data / unseen[number % len(unseen)].file), SHORT_SIDE)
        top, left = ((side - PATCH) // 2 for side in image.shape[:2])
        crop = np.ascontiguousarray(image[top : top + PATCH, left : left + PATCH])
        chain = draw_chain(np.random.default_rng((_SEED, number)))
        scores.append(scorer.patches(np.stack([chain.render(crop, s) if s else crop for s in (0, 0.25, 0.5, 0.75, 1)])))
    return np.mean(scores, axis=0).tolist()


def versions(image: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, str]]:
    """The image and distorted versions with what was done."""
    yield image, "as it is"
    for number in (1, 2, 3, 9, 10, 11, 15, 16, 17, 24, 25):
        for level in (2, 3, 4, 5):
            version = distort(image, number, level, np.random.default_rng(seed))
            yield version, f"{KINDS[number].name}, level {level}"
    for name in ("correlated_noise", "chromatic_aberration", "jpeg_errors"):
        for strength in (0.3, 0.6, 0.9):
            version = FAULTS[name](image, strength, np.random.default_rng(seed))
            yield version, f"{name.replace('_', ' ')}, {strength:.0%}"


def example_tiles(scorer: Scorer, photos: list[Path]) -> list[Tile]:
    """Select ``_COLUMNS`` versions near each target score, of different photographs and with different damage."""
    pool: list[tuple[int, Tile]] = []
    for place, path in enumerate(photos):
        image = resize_short_side(read_rgb(path), SHORT_SIDE)
        for version, text in versions(image, place):
            pool.append((place, Tile(version, scorer.image(version), text)))
    chosen: list[Tile] = []
    for target in _TARGETS:
        used_photos: set[int] = set()
        used_kinds: set[str] = set()
        row: list[Tile] = []
        for place, tile in sorted(pool, key=lambda entry: abs(entry[1].score - target)):
            kind = tile.text.split(",")[0]
            if place not in used_photos and kind not in used_kinds and len(row) < _COLUMNS:
                used_photos.add(place)
                # Several photographs may appear undamaged in one row.
                used_kinds |= {kind} - {"as it is"}
                row.append(tile)
        chosen += sorted(row, key=lambda tile: tile.score)
    return chosen


def failure_tiles(scorer: Scorer, data: Path, unseen: list[Photo]) -> list[Tile]:
    """Two rows of unimpaired photographs with the lowest scores, two of badly damaged ones with the highest."""
    clean, damaged = [], []
    last = -1
    shown = [photo for photo in unseen if photo.repository in _MAY_BE_SHOWN]
    for image, target, unit in distorted_photos(data, shown, 7):
        tile = Tile(image, scorer.image(image), "unimpaired" if unit != last else f"label {target:.0f}")
        if unit != last:
            clean.append(tile)
        elif target < 45:
            damaged.append(tile)
        last = unit
    clean.sort(key=lambda tile: tile.score)
    damaged.sort(key=lambda tile: -tile.score)
    return clean[: 2 * _COLUMNS] + damaged[: 2 * _COLUMNS]


def other_tiles(scorer: Scorer) -> list[Tile]:
    """One row of pictures that are no photographs: text, a drawing, an even surface, noise."""
    rng = np.random.default_rng(_SEED)
    text = np.full((SHORT_SIDE, 576, 3), 255, np.uint8)
    words = " ".join(Path(__file__).with_name("README.md").read_text(encoding="ascii", errors="ignore").split())
    for line, top in enumerate(range(24, SHORT_SIDE, 22)):
        part = words[line * 62 : (line + 1) * 62]
        cv2.putText(text, part, (12, top), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1, cv2.LINE_AA)
    drawing = np.full_like(text, (250, 240, 215))
    for _ in range(14):
        centre = int(rng.integers(576)), int(rng.integers(SHORT_SIDE))
        colour = tuple(int(v) for v in rng.integers(40, 256, 3))
        radius = int(rng.integers(20, 90))
        cv2.circle(drawing, centre, radius, colour, -1, cv2.LINE_AA)
        cv2.circle(drawing, centre, radius, (30, 30, 30), 3, cv2.LINE_AA)
    pictures = {
        "text": text,
        "a drawing": drawing,
        "an even grey": np.full_like(text, 128),
        "noise": rng.integers(0, 256, text.shape, dtype=np.uint8),
    }
    return [Tile(picture, scorer.image(picture), name) for name, picture in pictures.items()]


def kind_tiles(scorer: Scorer, folder: Path) -> list[Tile]:
    """The pictures of a folder, in the order of their names."""
    images = [(resize_short_side(read_rgb(path), SHORT_SIDE), path.stem) for path in sorted(folder.iterdir())]
    return [Tile(image, scorer.image(image), name) for image, name in images]


def sheet(tiles: list[Tile]) -> np.ndarray:
    """Tiles in rows of ``_COLUMNS`` with score and text below each; RGB uint8."""
    width, height = _TILE
    cells = []
    for tile in tiles:
        scale = max(width / tile.image.shape[1], height / tile.image.shape[0])
        size = (max(width, round(tile.image.shape[1] * scale)), max(height, round(tile.image.shape[0] * scale)))
        small = cv2.resize(tile.image, size, interpolation=cv2.INTER_AREA)
        top, left = (size[1] - height) // 2, (size[0] - width) // 2
        cell = np.full((height + _CAPTION, width, 3), 255, np.uint8)
        cell[:height] = small[top : top + height, left : left + width]
        text = f"{tile.score:.0f}: {tile.text}"
        cv2.putText(cell, text, (3, height + 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
        cells.append(cell)
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % _COLUMNS)
    return np.vstack([np.hstack(cells[i : i + _COLUMNS]) for i in range(0, len(cells), _COLUMNS)])


def write(path: Path, image: np.ndarray) -> None:
    """Store an RGB image as JPEG."""
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder with the photographs of the list")
    parser.add_argument("--examples", type=Path, required=True, help="folder of freely licensed photographs")
    parser.add_argument("--kinds", type=Path, help="folder of pictures that are named by what they are")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("config.toml"))
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    scorer = Scorer(arguments.model)
    unseen = split(read_list(LIST_PATH), read_config(arguments.config).data.validation_sources)[1]
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw_levels(scorer, arguments.data, unseen, arguments.out / "levels.png")
    write(arguments.out / "scores.jpg", sheet(example_tiles(scorer, sorted(arguments.examples.glob("*.jpg")))))
    write(arguments.out / "failures.jpg", sheet(failure_tiles(scorer, arguments.data, unseen) + other_tiles(scorer)))
    if arguments.kinds:
        write(arguments.out / "kinds.jpg", sheet(kind_tiles(scorer, arguments.kinds)))


if __name__ == "__main__":
    main()
