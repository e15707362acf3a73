"""Second stage: train a model on with human-scored photographs and synthetic groups in every step.

    python models/training/train_mixed.py --start MODEL.pt --data PHOTOS --rated FOLDER --run FOLDER [--fold N]...

Each fold trains on all human-scored photographs but its part, in a folder of its own below RUN, and the part left out
is scored by the native protocol into ``held-out.csv``. Without ``--fold`` all folds run one after the other; ``--all``
trains on all photographs. The same command resumes what was interrupted. Each run leaves ``averaged.pth``, which
``average_runs.py`` and ``models/export.py`` read.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import torch

from hyperiqa import HyperIQA
from training.mixed.config import MixedConfig, read_config
from training.mixed.crops import ScoredPhoto, divide, read_photos
from training.mixed.prepared import Prepared
from training.mixed.start import network_of
from training.mixed.trainer import MixedTrainer
from training.photos import LIST_PATH, present, read_list, split
from training.runs import keep_freed_memory, save_whole
from training.scoring import Scorer, read_oriented
from training.train import LICENCE

AVERAGED = "averaged.pth"
HELD_OUT = "held-out.csv"


def describe(photos: Sequence[ScoredPhoto]) -> str:
    """One sentence on the training data, for the model file."""
    return (
        "openly licensed photographs with synthetic distortions, labelled with KADID-10k's mean scores of types and "
        f"levels, and {len(photos)} photographs of {photos[0].path.parent.name} with people's own scores"
    )


def save_averaged(network: HyperIQA, description: str, path: Path) -> None:
    """Write weights and what the export needs to know."""
    state = {
        "state_dict": network.state_dict(),
        "backbone": network.res.name,
        "activation": network.res.activation,
        "output": "bounded" if network.bounded else "unbounded",
        "licence": LICENCE,
        "description": description,
    }
    save_whole(state, path)


def score_photos(network: HyperIQA, photos: Sequence[ScoredPhoto], path: Path) -> None:
    """Write a table of image_name, MOS and score by the native protocol."""
    scorer = Scorer(network)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("image_name", "MOS", "score"))
        for photo in photos:
            writer.writerow((photo.path.name, photo.mos, f"{scorer.image(read_oriented(photo.path)):.6f}"))


def run_fold(
    config: MixedConfig,
    folder: Path,
    start: HyperIQA,
    photos: Sequence[ScoredPhoto],
    prepared: Prepared,
    fold: int | None,
) -> None:
    """Train, or go on with, the run that leaves out a fold (None: nothing), and score what it has not seen."""
    training, held_out = divide(photos, config.data.folds, config.data.seed, fold)
    run = config.data.folds if fold is None else fold
    trainer = MixedTrainer(config, folder, start, *prepared.datasets(training, run))
    trainer.run()
    network = trainer.averaged_network()
    save_averaged(network, describe(photos), folder / AVERAGED)
    if held_out:
        score_photos(network, held_out, folder / HELD_OUT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path, required=True, help="model file whose weights training begins with")
    parser.add_argument("--data", type=Path, required=True, help="folder with the photographs of the list")
    parser.add_argument("--photos", type=Path, default=LIST_PATH, help="list of photographs (CSV)")
    parser.add_argument("--rated", type=Path, required=True, help="folder of photographs with mos.csv (MOS on 0..100)")
    parser.add_argument("--run", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--prepared", type=Path, help="folder of prepared data, shared by runs (RUN/prepared)")
    parser.add_argument("--prepare-only", action="store_true", help="fill the folder of prepared data and stop")
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("mixed.toml"))
    parser.add_argument("--fold", type=int, action="append", help="number of a part to leave out, from 0 (repeatable)")
    parser.add_argument("--all", action="store_true", help="train on all photographs of --rated")
    arguments = parser.parse_args()
    keep_freed_memory()
    cv2.setNumThreads(1)
    config = read_config(arguments.config)
    listed = present(arguments.data, read_list(arguments.photos))
    training = split(listed, config.data.validation_sources)[0]
    start = network_of(arguments.start)
    photos = read_photos(arguments.rated)
    prepared = Prepared(arguments.prepared or arguments.run / "prepared", config, start, photos, training)
    torch.set_num_threads(config.run.threads)
    prepared.prepare(arguments.data, lambda line: print(line, flush=True))
    if arguments.prepare_only:
        return
    folds = [None] if arguments.all else arguments.fold or range(config.data.folds)
    for fold in folds:
        name = "all" if fold is None else f"fold-{fold}"
        print(f"{name}: {len(photos)} photographs, {len(training)} for synthetic groups", flush=True)
        run_fold(config, arguments.run / name, start, photos, prepared, fold)


if __name__ == "__main__":
    main()
