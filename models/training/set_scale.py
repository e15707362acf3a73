"""Put the scores of trained weights on a stated scale.

    python models/training/set_scale.py WEIGHTS.pth --data PHOTOS --unimpaired 80 --damaged 22 -o SCALED.pth

Training decides in which order pictures stand; two numbers decide what the scores mean. The output before its bound is
replaced by ``slope · z + shift`` with the slope (> 0) and the shift that give two means over the sources set aside:
unimpaired photographs, and distorted ones with a label below 30. Both numbers go into the target network's last layer,
so that a model file needs no further step; single crops keep their order.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
import torch
from scipy.optimize import root

from hyperiqa import HyperIQA
from hyperiqa.checkpoints import load_checkpoint
from training.config import read_config
from training.evaluate import distorted_photos
from training.photos import LIST_PATH, Photo, present, read_list, split
from training.scoring import Scorer, covering_crops, native_size

#: A distorted photograph with a lower label counts as damaged.
DAMAGED_BELOW = 30


def unbounded(scores: np.ndarray) -> np.ndarray:
    """Undo ``hyperiqa.network.bound``."""
    share = np.asarray(scores, dtype=np.float64) / 50 - 1
    return share / (1 - np.abs(share))


def bounded(values: np.ndarray) -> np.ndarray:
    """``hyperiqa.network.bound`` on an array."""
    return 50 * (1 + values / (1 + np.abs(values)))


def find_scale(
    unimpaired: list[np.ndarray], damaged: list[np.ndarray], targets: tuple[float, float]
) -> tuple[float, float]:
    """Slope and shift from the crops' scores of each photograph.

    Args:
        unimpaired, damaged: scores (0 to 100, exclusive) of the crops of each photograph.
        targets: mean score of the photographs of each kind.

    Raises:
        ValueError: if no increasing map has these means.
    """
    values = [[unbounded(crops) for crops in kind] for kind in (unimpaired, damaged)]

    def missing(parameters: np.ndarray) -> list[float]:
        slope, shift = np.exp(parameters[0]), parameters[1]
        return [
            float(np.mean([bounded(slope * crops + shift).mean() for crops in kind])) - target
            for kind, target in zip(values, targets, strict=True)
        ]

    found = root(missing, x0=np.zeros(2))
    if not found.success or np.abs(missing(found.x)).max() > 1e-3:
        raise ValueError(f"no increasing map gives means of {targets[0]:g} and {targets[1]:g}")
    return float(np.exp(found.x[0])), float(found.x[1])


def rescale(network: HyperIQA, slope: float, shift: float) -> None:
    """Put ``slope · z + shift`` into the last layer of a network, in place.

    The target network's last layer has weights and a bias that linear layers of the hyper network compute, so that
    scaling those layers scales its output.
    """
    with torch.no_grad():
        for layer in (network.fc5w_fc, network.fc5b_fc):
            layer.weight.mul_(slope)
            layer.bias.mul_(slope)
        network.fc5b_fc.bias.add_(shift)


def crop_scores(
    network: HyperIQA, data: Path, photos: list[Photo], versions: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Scores of the crops of each unimpaired photograph, and of each damaged version."""
    scorer = Scorer(network)
    unimpaired, damaged = [], []
    for number, (image, label, _) in enumerate(distorted_photos(data, photos, versions)):
        original = number % (versions + 1) == 0
        if original or label < DAMAGED_BELOW:
            crops = scorer.patches(covering_crops(native_size(image)))
            (unimpaired if original else damaged).append(crops)
    return unimpaired, damaged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="weights with a bounded output, as training writes them")
    parser.add_argument("--data", type=Path, required=True, help="folder with the photographs of the list")
    parser.add_argument("--photos", type=Path, default=LIST_PATH, help="list of photographs (CSV)")
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("config.toml"))
    parser.add_argument("--unimpaired", type=float, default=80, help="mean score of unimpaired photographs (80)")
    parser.add_argument("--damaged", type=float, default=22, help="mean score of damaged photographs (22)")
    parser.add_argument("--versions", type=int, default=3, help="distorted versions of each photograph (3)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="weights to write")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    checkpoint = load_checkpoint(arguments.weights)
    if checkpoint.output != "bounded":
        parser.error(f"the output of {arguments.weights} is not bounded")
    photos = present(arguments.data, read_list(arguments.photos))
    unseen = split(photos, read_config(arguments.config).data.validation_sources)[1]
    kinds = crop_scores(checkpoint.network(), arguments.data, unseen, arguments.versions)
    slope, shift = find_scale(*kinds, (arguments.unimpaired, arguments.damaged))
    state = torch.load(arguments.weights, map_location="cpu", weights_only=True)
    network = checkpoint.network()
    rescale(network, slope, shift)
    torch.save({**state, "state_dict": network.state_dict()}, arguments.output)
    print(f"{len(kinds[0])} unimpaired and {len(kinds[1])} damaged photographs: slope {slope:.4f}, shift {shift:.4f}")


if __name__ == "__main__":
    main()
