"""Average the weights of runs that started from the same weights.

    python models/training/average_runs.py RUN/averaged.pth OTHER/averaged.pth ... -o AVERAGE.pth [--output MODEL.pt]

Runs of one seed share their first weights, and their ends lie close enough for the mean to be a network that is as good
as either on what both know, and better where they err differently (Wortsman et al., "Model soups", ICML 2022; equal
shares). It costs nothing when scoring. The runs may differ in photographs, length and recipe, not in the network.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from training.train import export_averaged


def average(checkpoints: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean of checkpoints as ``train.save_averaged`` writes them.

    Raises ``ValueError`` if they are of different networks.
    """
    first, *others = checkpoints
    for other in others:
        if any(other[key] != first[key] for key in first.keys() - {"state_dict"}) or {
            name: value.shape for name, value in other["state_dict"].items()
        } != {name: value.shape for name, value in first["state_dict"].items()}:
            raise ValueError("the checkpoints are of different networks")
    states = [checkpoint["state_dict"] for checkpoint in checkpoints]
    mean = {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }
    return {**first, "state_dict": mean}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path, nargs="+", help="averaged.pth of each run")
    parser.add_argument("-o", "--average", type=Path, required=True, help="checkpoint to write")
    parser.add_argument("--output", type=Path, help="model file to write")
    arguments = parser.parse_args()
    averaged = average([torch.load(path, map_location="cpu", weights_only=True) for path in arguments.checkpoints])
    torch.save(averaged, arguments.average)
    if arguments.output:
        export_averaged(arguments.average, arguments.output)


if __name__ == "__main__":
    main()
