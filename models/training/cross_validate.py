"""Compare the folds of a second stage, and weights between its start and its ends.

    python models/training/cross_validate.py RUN --start MODEL.pt --rated LIVEC --data PHOTOS [--development FOLDER]...
        [--share S]... [-o WEIGHTS.pth]

For each share the weights are start + share · (end − start): 0 is the start, 1 the end of a run. Printed as a Markdown
table, SRCC with 95 % intervals, and below each row the gain over the start with a paired interval:

* on the human-scored photographs, each scored by the network of the run that has not seen it, all folds pooled;
* of the mean of those networks' weights on each development folder, on single distorted patches and on whole distorted
  photographs of the sources set aside (three versions each).

With ``-o`` the mean of the last share is written, for ``average_runs.py`` and ``models/export.py``.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
import torch

from hyperiqa import HyperIQA
from hyperiqa.checkpoints import load_checkpoint
from training import metrics
from training.average_runs import average
from training.evaluate import patch_scores, rated_scores, whole_photo_scores
from training.mixed.config import read_config
from training.mixed.crops import ScoredPhoto, divide, read_photos
from training.mixed.start import interpolate, network_of
from training.photos import LIST_PATH, present, read_list, split
from training.scoring import Scorer, read_oriented
from training.train_mixed import AVERAGED, save_averaged

#: Scores, targets, and the unit that is resampled for each (None: each by itself).
Measured = tuple[np.ndarray, np.ndarray, np.ndarray | None]


def held_out_scores(networks: Mapping[int, HyperIQA], parts: Mapping[int, Sequence[ScoredPhoto]]) -> Measured:
    """Scores and MOS of the photographs of each part by the network of that number."""
    scores, mos = [], []
    for number, network in networks.items():
        scorer = Scorer(network)
        scores += [scorer.image(read_oriented(photo.path)) for photo in parts[number]]
        mos += [photo.mos for photo in parts[number]]
    return np.array(scores), np.array(mos), None


def row(name: str, found: Sequence[Measured], start: Sequence[Measured] | None = None) -> str:
    """A line of the table: SRCC, or with ``start`` the gain over its scores."""
    cells = [
        metrics.with_interval(metrics.srcc, scores, targets, units)
        if start is None
        else metrics.gain(metrics.srcc, scores, start[place][0], targets, units)
        for place, (scores, targets, units) in enumerate(found)
    ]
    return f"| {name} | " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of train_mixed.py")
    parser.add_argument("--start", type=Path, required=True, help="model file that the runs began with")
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("mixed.toml"))
    parser.add_argument("--data", type=Path, required=True, help="folder with the photographs of the list")
    parser.add_argument("--rated", type=Path, required=True, help="the folder that the runs were trained on")
    parser.add_argument("--development", type=Path, action="append", default=[], help="folder of images with mos.csv")
    parser.add_argument("--share", type=float, action="append", help="of the way from start to end (1; repeatable)")
    parser.add_argument("-o", "--output", type=Path, help="write the mean of the last share's weights")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    config = read_config(arguments.config)
    photos = read_photos(arguments.rated)
    paths = {fold: arguments.run / f"fold-{fold}" / AVERAGED for fold in range(config.data.folds)}
    paths = {fold: path for fold, path in paths.items() if path.exists()}
    if not paths:
        raise SystemExit(f"{arguments.run} holds no finished fold")
    ends = {fold: load_checkpoint(path).network() for fold, path in paths.items()}
    mean_end = copy.deepcopy(next(iter(ends.values())))
    checkpoints = [torch.load(path, map_location="cpu", weights_only=True) for path in paths.values()]
    mean_end.load_state_dict(average(checkpoints)["state_dict"])
    parts = {fold: divide(photos, config.data.folds, config.data.seed, fold)[1] for fold in ends}
    start = network_of(arguments.start)
    unseen = split(present(arguments.data, read_list(LIST_PATH)), config.data.validation_sources)[1]

    def measure(networks: Mapping[int, HyperIQA], mean: HyperIQA) -> list[Measured]:
        scorer = Scorer(mean)
        return [
            held_out_scores(networks, parts),
            *((*rated_scores(scorer, folder), None) for folder in arguments.development),
            patch_scores(scorer, arguments.data, unseen, 0),
            whole_photo_scores(scorer, arguments.data, unseen, 3),
        ]

    names = [arguments.rated.name + " held out", *(folder.name for folder in arguments.development), "patches", "whole"]
    print("| share | " + " | ".join(names) + " |\n" + "| --- " * (len(names) + 1) + "|")
    first = measure(dict.fromkeys(ends, start), start)
    print(row("0", first), flush=True)
    for share in arguments.share or [1.0]:
        mean = interpolate(start, mean_end, share)
        found = measure({fold: interpolate(start, network, share) for fold, network in ends.items()}, mean)
        print(row(f"{share:g}", found))
        print(row("gain", found, first), flush=True)
    if arguments.output:
        save_averaged(mean, checkpoints[0]["description"], arguments.output)


if __name__ == "__main__":
    main()
