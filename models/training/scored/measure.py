"""Scores of images and how they agree with people's."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hyperiqa import HyperIQA
from hyperiqa.network import normalise
from training import metrics

from .crops import ImageCrops
from .pixels import Pixels
from .sets import ScoredImage

_IMAGES_AT_ONCE = 4


def load_batches(dataset: Dataset[Any], size: int, workers: int) -> Iterator[Any]:
    """Batches of ``size`` items in order; the last one may be smaller."""
    # A generator of its own keeps the loader from drawing on the global state.
    return iter(DataLoader(dataset, batch_size=size, num_workers=workers, generator=torch.Generator().manual_seed(0)))


def network_input(crops: Tensor, network: HyperIQA) -> Tensor:
    """Normalised N×3×224×224, channels last, from uint8 N×224×224×3, on the network's device."""
    like = next(network.parameters())
    return normalise(crops.to(like.device).permute(0, 3, 1, 2), like)


def image_scores(
    network: HyperIQA, images: Sequence[ScoredImage], pixels: Pixels, crops: int, workers: int
) -> np.ndarray:
    """Score of each image: the mean over its random crops. ``network`` is left in evaluation mode."""
    network.eval()
    scores = []
    with torch.inference_mode():
        for batch in load_batches(ImageCrops(images, pixels, crops), _IMAGES_AT_ONCE, workers):
            scores.append(network(network_input(batch.flatten(0, 1), network)).view(len(batch), -1).mean(1).cpu())
    return torch.cat(scores).numpy()


def correlation(measure: Any, scores: np.ndarray, targets: np.ndarray) -> float | None:
    """``metrics.srcc`` or ``metrics.plcc``; None where it is undefined."""
    try:
        return measure(scores, targets)
    except ValueError:
        return None


def agreement(scores: np.ndarray, images: Sequence[ScoredImage]) -> dict[str, dict[str, float | int | None]]:
    """SRCC and PLCC with the human scores: value, 95 % bootstrap interval (by group), n.

    ``value`` is None where the correlation is undefined, ``low`` and ``high`` where it is in a resample of too few
    groups.
    """
    targets = np.array([image.score for image in images])
    groups = np.array([image.group for image in images])
    results: dict[str, dict[str, float | int | None]] = {}
    for name, measure in (("SRCC", metrics.srcc), ("PLCC", metrics.plcc)):
        try:
            results[name] = asdict(metrics.with_interval(measure, scores, targets, groups))
        except ValueError:
            value = correlation(measure, scores, targets)
            results[name] = {"value": value, "low": None, "high": None, "n": len(images)}
    return results


def describe(results: dict[str, dict[str, float | int | None]]) -> str:
    """One line of ``agreement``."""
    parts = []
    for name, found in results.items():
        if found["value"] is None:
            parts.append(f"{name} undefined (n={found['n']})")
            continue
        interval = "interval undefined" if found["low"] is None else f"[{found['low']:.3f}, {found['high']:.3f}]"
        parts.append(f"{name} {found['value']:.3f} {interval} (n={found['n']})")
    return ", ".join(parts)


def write_scores(scores: np.ndarray, images: Sequence[ScoredImage], path: Path) -> None:
    """Table of image_name, score and MOS (both 0..100)."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("image_name", "score", "MOS"))
        for image, score in zip(images, scores, strict=True):
            writer.writerow((image.file, f"{score:.6f}", f"{image.score:.6f}"))
