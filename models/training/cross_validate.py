"""Compare the folds of a second stage, and weights between its start and its ends.

    python models/training/cross_validate.py RUN --start MODEL.pt --rated LIVEC --data PHOTOS [--development FOLDER]...
        [--share S]... [-o WEIGHTS.pth]

For each share the weights are start + share · (end − start): 0 is the start, 1 the end of a run. Printed as a Markdown
table, SRCC with 95 % intervals:

* on the human-scored photographs, each scored by the network of the run that has not seen it, all folds pooled;
* of the mean of those networks' weights on each development folder, on single distorted patches and on whole distorted
  photographs of the sources set aside (three versions each).

With ``-o`` the mean of the last share is written, for ``average_runs.py`` and ``models/export.py``.
"""

from __future__ import annotations

import argparse
import copy
import sys
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


def held_out_scores(
    networks: dict[int, HyperIQA], parts: dict[int, list[ScoredPhoto]]
) -> tuple[np.ndarray, np.ndarray]:
    """(scores, MOS) of the photographs of each part by the network of that number."""
    scores, mos = [], []
    for number, network in networks.items():
        scorer = Scorer(network)
        scores += [scorer.image(read_oriented(photo.path)) for photo in parts[number]]
        mos += [photo.mos for photo in parts[number]]
    return np.array(scores), np.array(mos)


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
    unseen = split(present(arguments.data, read_list(LIST_PATH)), config.data.validation_sources)[1]
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
    names = [arguments.rated.name + " held out", *(folder.name for folder in arguments.development), "patches", "whole"]
    print("| share | " + " | ".join(names) + " |\n" + "| --- " * (len(names) + 1) + "|", flush=True)
    for share in arguments.share or [1.0]:
        networks = {fold: interpolate(start, network, share) for fold, network in ends.items()}
        mean = interpolate(start, mean_end, share)
        scorer = Scorer(mean)
        found = [
            metrics.with_interval(metrics.srcc, *held_out_scores(networks, parts)),
            *(metrics.with_interval(metrics.srcc, *rated_scores(scorer, f)) for f in arguments.development),
            metrics.with_interval(metrics.srcc, *patch_scores(scorer, arguments.data, unseen, 0)),
            metrics.with_interval(metrics.srcc, *whole_photo_scores(scorer, arguments.data, unseen, 3)),
        ]
        print(f"| {share:g} | " + " | ".join(map(str, found)) + " |", flush=True)
    if arguments.output:
        save_averaged(mean, arguments.output)


if __name__ == "__main__":
    main()
