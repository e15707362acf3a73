"""The whole protocol: several runs on one set, each measured on its own test part, and their median."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from hyperiqa.checkpoints import load_checkpoint
from training.curves import CURVES, plot_curves

from .config import ScoredConfig
from .measure import agreement, describe, image_scores, write_scores
from .pixels import Pixels
from .sets import LAYOUTS, ScoredSet
from .splits import Split, official_split, random_split
from .trainer import BEST, ScoredTrainer

RESULTS = "results.json"
SUMMARY = "summary.json"


@dataclass(frozen=True)
class Result:
    """Results of a run.

    Attributes:
        run: number, from 1.
        epochs: trained.
        epoch: chosen, and the SRCC of the validation part that chose it (None if undefined).
        validation_srcc: see ``epoch``.
        images: number by part.
        test: ``measure.agreement`` of the test part.
    """

    run: int
    epochs: int
    epoch: int
    validation_srcc: float | None
    images: Mapping[str, int]
    test: Mapping[str, Mapping[str, float | int | None]]


def train_runs(
    config: ScoredConfig,
    dataset: ScoredSet,
    pixels: Pixels,
    folder: Path,
    *,
    pretrained: Path | None = None,
    licence: str | None = None,
    report: bool = True,
) -> list[Result]:
    """Make, resume or read the runs of ``config``; each has a folder ``run-NN`` in ``folder``.

    A run's folder also receives ``curves.png``, ``test.csv`` (score and MOS of every test image) and ``results.json``.
    ``summary.json`` has the median of all.

    Args:
        config: of the runs.
        dataset: all of its images prepared in ``pixels``.
        pixels: see ``dataset``.
        folder: for the runs.
        pretrained: file for the backbone, see ``hyperiqa.pretrained.load_pretrained``.
        licence: of the weights, for the checkpoints and the model files made of them.
        report: print progress.

    Raises:
        DatasetError: ERR_DATASET_SPLIT.
        ValueError, FloatingPointError, hyperiqa.errors.ModelError: see ``ScoredTrainer``.
    """
    results = []
    for run in range(1, config.data.runs + 1):
        split = make_split(config, dataset, run)
        if report:
            counts = ", ".join(f"{len(images)} {name}" for name, images in split.parts().items())
            print(f"run {run} of {config.data.runs}: images: {counts}", flush=True)
        details = {"description": _description(config, dataset, split, run)}
        if licence:
            details["licence"] = licence
        place = folder / f"run-{run:02d}"
        trainer = ScoredTrainer(config, place, split, pixels, run, pretrained, details)
        trainer.run(report=report)
        result = _measured(trainer, place, run, pixels)
        if report:
            print(f"run {run}: epoch {result.epoch} of {result.epochs}; test {describe(result.test)}", flush=True)
        results.append(result)
    (folder / SUMMARY).write_text(json.dumps(summary(results), indent=2) + "\n", encoding="utf-8")
    return results


def make_split(config: ScoredConfig, dataset: ScoredSet, run: int) -> Split:
    """The split of a run, as the configuration says. Raises ``DatasetError`` ERR_DATASET_SPLIT."""
    options = config.data
    if options.split == "official":
        return official_split(dataset.images)
    return random_split(dataset.images, options.seed, run, options.test_share, options.validation_share)


def best_run(results: list[Result]) -> Result:
    """The run whose chosen epoch has the highest SRCC on its validation part: the test part has no say."""
    return max(results, key=lambda result: -2.0 if result.validation_srcc is None else result.validation_srcc)


def summary(results: list[Result]) -> dict[str, Any]:
    """Median SRCC and PLCC of the test parts (None if undefined in every run) and the results one by one."""
    medians = {}
    for name in ("SRCC", "PLCC"):
        values = [result.test[name]["value"] for result in results if result.test[name]["value"] is not None]
        medians[name] = median(values) if values else None
    return {"runs": len(results), "median": medians, "results": [asdict(result) for result in results]}


def _measured(trainer: ScoredTrainer, place: Path, run: int, pixels: Pixels) -> Result:
    progress, options = trainer.progress, trainer.config.data
    if (place / RESULTS).exists():
        known = Result(**json.loads((place / RESULTS).read_text(encoding="utf-8")))
        if known.epochs == progress.epoch:
            return known
    network = load_checkpoint(place / BEST).network().to(next(trainer.network.parameters()).device)
    images = trainer.split.test
    scores = image_scores(network, images, pixels, options.test_crops, options.workers).astype(np.float64)
    result = Result(
        run,
        progress.epoch,
        progress.best_epoch,
        progress.best_srcc,
        {name: len(part) for name, part in trainer.split.parts().items()},
        agreement(scores, images),
    )
    write_scores(scores, images, place / "test.csv")
    plot_curves(place / CURVES, place / "curves.png", ("l1",), "images of the validation part")
    (place / RESULTS).write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    return result


def _description(config: ScoredConfig, dataset: ScoredSet, split: Split, run: int) -> str:
    options = config.data
    way = "official split" if options.split == "official" else f"random split, seed {options.seed}, run {run}"
    return (
        f"HyperIQA trained on {LAYOUTS[dataset.name].title}: {len(split.training)} images ({way}), "
        f"{len(split.validation)} others chose the epoch"
    )
