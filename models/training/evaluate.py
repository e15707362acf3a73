"""Measure a model file.

    python models/training/evaluate.py MODEL.pt --data PHOTOS [--rated FOLDER]... [--order IMAGE]... [-o RESULT.json]

* SRCC and PLCC on single distorted patches of unseen photographs (the sources that the configuration sets aside);
* the same on whole distorted photographs, scored by the native protocol;
* the same on each folder of images with human scores (``mos.csv`` with the columns image_name and MOS);
* how much scores change under changes that people hardly see; mean scores of every distortion type and level;
* scores of unimpaired photographs, in colour and in black and white;
* scores of single images, in the order given.

Whole images are scored by the native protocol (``scoring.py``). Intervals are 95 % percentile bootstrap, for distorted
photographs by photograph. PLCC is raw, without a fit.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np

from training import metrics
from training.chains import draw_chain
from training.config import Config, read_config
from training.distortions import KINDS, compression, distort
from training.distortions.faults import FAULTS
from training.labels import CLEAN_LABEL, LEVELS, label
from training.photos import LIST_PATH, Photo, read_list, read_rgb, resize_short_side, split
from training.samples import PATCH, SampleOptions, make_group
from training.scoring import SHORT_SIDE, Scorer, read_mos, read_oriented

_SEED = 11


def patch_scores(scorer: Scorer, data: Path, photos: list[Photo], chains: int, groups: int = 300):
    """(scores, labels, photograph numbers) of patches at scale 384: camera chains only, or (``chains`` 0) the rest."""
    options = SampleOptions.table_only(chains)
    patches, labels, units = [], [], []
    for number in range(groups):
        place = number % len(photos)
        group = make_group(read_rgb(data / photos[place].file), options, np.random.default_rng((_SEED, number)))
        first = 8 - chains if chains else 0
        patches.append(scorer.patches(group.patches[first:]))
        labels.append(group.labels[first:])
        units.append(np.full(len(labels[-1]), place))
    return np.concatenate(patches), np.concatenate(labels), np.concatenate(units)


def distorted_photos(data: Path, photos: list[Photo], versions: int) -> Iterator[tuple[np.ndarray, float, int]]:
    """(image, label, photograph number): each photograph at scale 384 unimpaired and in ``versions`` distorted ones."""
    for place, photo in enumerate(photos):
        rng = np.random.default_rng((_SEED, 1, place))
        image = resize_short_side(read_rgb(data / photo.file), SHORT_SIDE)
        yield image, CLEAN_LABEL, place
        for number in rng.choice(list(KINDS), versions, replace=False):
            level = int(rng.integers(1, LEVELS + 1))
            yield distort(image, int(number), level, rng), label(int(number), level), place


def whole_photo_scores(scorer: Scorer, data: Path, photos: list[Photo], versions: int = 7):
    """(scores, labels, photograph numbers) of whole photographs: each unimpaired and in ``versions`` distorted ones."""
    found = [(scorer.image(image), target, unit) for image, target, unit in distorted_photos(data, photos, versions)]
    scores, labels, units = zip(*found, strict=True)
    return np.array(scores), np.array(labels), np.array(units)


def chain_order(scorer: Scorer, data: Path, photos: list[Photo], groups: int = 200) -> metrics.Correlation:
    """Share of pairs of strengths of one camera chain (at least 0.25 apart) that are scored in the right order."""
    right, units = [], []
    for number in range(groups):
        rng = np.random.default_rng((_SEED, 2, number))
        place = number % len(photos)
        image = resize_short_side(read_rgb(data / photos[place].file), SHORT_SIDE)
        top, left = (int(rng.integers(0, side - PATCH + 1)) for side in image.shape[:2])
        crop = np.ascontiguousarray(image[top : top + PATCH, left : left + PATCH])
        chain = draw_chain(rng)
        strengths = (0.0, 0.25, 0.5, 0.75, 1.0)
        scores = scorer.patches(np.stack([chain.render(crop, s) if s else crop for s in strengths]))
        pairs = [scores[i] > scores[j] for i in range(5) for j in range(i + 1, 5)]
        right += pairs
        units += [place] * len(pairs)
    values = np.array(right, dtype=float)
    return metrics.with_interval(lambda x, _: float(x.mean()), values, values, np.array(units))


def level_scores(scorer: Scorer, data: Path, photos: list[Photo], count: int = 14) -> dict[str, list[float]]:
    """Mean score of each KADID type at levels 1 to 5, and of each further fault at strengths 0 to 1 in steps of ¼.

    Over the middle crops of ``count`` unseen photographs.
    """
    crops = []
    for photo in photos[:: max(1, len(photos) // count)][:count]:
        image = resize_short_side(read_rgb(data / photo.file), SHORT_SIDE)
        top, left = ((side - PATCH) // 2 for side in image.shape[:2])
        crops.append(np.ascontiguousarray(image[top : top + PATCH, left : left + PATCH]))
    table = {}
    for number, kind in KINDS.items():
        means = []
        for level in range(1, LEVELS + 1):
            rng = np.random.default_rng((_SEED, 3, number))
            means.append(float(scorer.patches(np.stack([distort(crop, number, level, rng) for crop in crops])).mean()))
        table[f"{number} {kind.name}"] = means
    for name, fault in FAULTS.items():
        table[name.replace("_", " ")] = [
            float(scorer.patches(np.stack([fault(crop, s, np.random.default_rng(_SEED)) for crop in crops])).mean())
            for s in (0, 0.25, 0.5, 0.75, 1)
        ]
    return table


def level_agreement(table: dict[str, list[float]]) -> dict[str, metrics.Correlation]:
    """SRCC and PLCC of a table of ``level_scores`` with the labels of KADID's types and levels, means on both sides."""
    cells = [
        (table[f"{number} {kind.name}"][level - 1], label(number, level))
        for number, kind in KINDS.items()
        for level in range(1, LEVELS + 1)
    ]
    scores, labels = np.array(cells).T
    return both(scores, labels)


def stability(scorer: Scorer, data: Path, photos: list[Photo]) -> dict[str, float]:
    """Mean absolute change (points) of whole photographs' scores under changes that people hardly see."""
    changes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "re-encoded as JPEG 95": lambda image: compression.jpeg(image, 95, np.random.default_rng(0)),
        "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
        "8 pixels cut off at the top and left": lambda image: np.ascontiguousarray(image[8:, 8:]),
        "reduced by 10 %": lambda image: cv2.resize(image, None, fx=0.9, fy=0.9, interpolation=cv2.INTER_AREA),
    }
    differences: dict[str, list[float]] = {name: [] for name in changes}
    for photo in photos:
        image = read_rgb(data / photo.file)
        score = scorer.image(image)
        for name, change in changes.items():
            differences[name].append(abs(scorer.image(change(image)) - score))
    return {name: float(np.mean(values)) for name, values in differences.items()}


def rated_scores(scorer: Scorer, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """(scores, MOS) of the images of a folder with ``mos.csv``."""
    paths, mos = read_mos(folder)
    return np.array([scorer.image(read_oriented(path)) for path in paths]), mos


def unimpaired_scores(scorer: Scorer, data: Path, photos: list[Photo]) -> dict[str, list[float]]:
    """Scores of whole unimpaired photographs: all, kinds that are hard to judge, and all in black and white."""
    scores, greys, brightness, blurred_share = [], [], [], []
    for photo in photos:
        image = resize_short_side(read_rgb(data / photo.file), SHORT_SIDE)
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        scores.append(scorer.image(image))
        greys.append(scorer.image(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)))
        brightness.append(grey.mean())
        detail = cv2.blur(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), (31, 31))
        blurred_share.append((detail < 0.2 * np.percentile(detail, 95)).mean())
    quarter = max(1, len(photos) // 4)
    return {
        "as they are": scores,
        "the darkest quarter": [scores[i] for i in np.argsort(brightness)[:quarter]],
        "the quarter with the largest smooth or defocused areas": [
            scores[i] for i in np.argsort(blurred_share)[-quarter:]
        ],
        "in black and white": greys,
    }


def both(scores: np.ndarray, targets: np.ndarray, units: np.ndarray | None = None) -> dict[str, metrics.Correlation]:
    """SRCC and PLCC with intervals."""
    return {
        "SRCC": metrics.with_interval(metrics.srcc, scores, targets, units),
        "PLCC": metrics.with_interval(metrics.plcc, scores, targets, units),
    }


@dataclass(frozen=True)
class Evaluation:
    """All measurements: correlations by data and measure, then what the functions of these names return."""

    correlations: dict[str, dict[str, metrics.Correlation]]
    unimpaired: dict[str, list[float]]
    stability: dict[str, float]
    level_scores: dict[str, list[float]]
    scores: dict[str, float]


def evaluate(
    model: Path, config: Config, data: Path, photos: list[Photo], rated: list[Path], order: list[Path]
) -> Evaluation:
    """Measure a model file; ``scores`` are those of the images of ``order``."""
    scorer = Scorer(model)
    unseen = split(photos, config.data.validation_sources)[1]
    correlations = {
        "single patches of unseen photographs, KADID distortions": both(*patch_scores(scorer, data, unseen, 0)),
        "single patches of unseen photographs, camera chains": both(*patch_scores(scorer, data, unseen, 3)),
        "whole distorted unseen photographs": both(*whole_photo_scores(scorer, data, unseen)),
        "order of the strengths of a camera chain": {"share": chain_order(scorer, data, unseen)},
    }
    table = level_scores(scorer, data, unseen)
    correlations["means of KADID's types and levels over unseen photographs"] = level_agreement(table)
    for folder in rated:
        correlations[folder.name] = both(*rated_scores(scorer, folder))
    return Evaluation(
        correlations,
        unimpaired_scores(scorer, data, unseen),
        stability(scorer, data, unseen),
        table,
        {path.name: scorer.image(read_oriented(path)) for path in order},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder with the photographs of the list")
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("config.toml"))
    parser.add_argument("--photos", type=Path, default=LIST_PATH)
    parser.add_argument("--rated", type=Path, action="append", default=[], help="folder of images with mos.csv")
    parser.add_argument("--order", type=Path, action="append", default=[], help="image to score by itself")
    parser.add_argument("-o", "--output", type=Path, help="write the results as JSON")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    result = evaluate(
        arguments.model,
        read_config(arguments.config),
        arguments.data,
        read_list(arguments.photos),
        arguments.rated,
        arguments.order,
    )
    for name, row in result.correlations.items():
        print(name + ": " + ", ".join(f"{key} {value}" for key, value in row.items()))
    for name, scores in result.unimpaired.items():
        low, quarter, middle, three, high = np.percentile(scores, (5, 25, 50, 75, 95))
        print(f"unimpaired photographs, {name}: mean {np.mean(scores):.1f}, median {middle:.1f}, ", end="")
        print(f"middle half {quarter:.1f} to {three:.1f}, 5 % below {low:.1f}, 5 % above {high:.1f}")
    for name, change in result.stability.items():
        print(f"change of the score, {name}: {change:.2f}")
    for name, means in result.level_scores.items():
        print(f"{name}: " + " ".join(f"{mean:.0f}" for mean in means))
    for name, score in result.scores.items():
        print(f"{name}: {score:.1f}")
    if arguments.output:
        arguments.output.write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
