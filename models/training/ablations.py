"""Train variants of a recipe, one choice changed at a time, and compare them.

    python models/training/ablations.py --data PHOTOS --run FOLDER [--rated FOLDER]... [--patches N] [--only NAME]...

Each variant is a short run in a folder of its own below FOLDER, resumed like any other. Printed as a Markdown table:
SRCC with 95 % intervals on single patches and whole distorted photographs of the sources set aside, and on each folder
with human scores. A short run says which choices matter, not what a long one reaches.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2

from training import metrics
from training.config import Config, read_config
from training.evaluate import patch_scores, rated_scores, whole_photo_scores
from training.photos import LIST_PATH, Photo, read_list, split
from training.runs import keep_freed_memory
from training.scoring import Scorer
from training.train import export_averaged, save_averaged
from training.trainer import Trainer

#: Name of a variant: what it changes in the configuration.
VARIANTS: dict[str, Callable[[Config], Config]] = {
    "recipe": lambda config: config,
    "frozen backbone": lambda config: replace(config, optimiser=replace(config.optimiser, backbone_rate=0.0)),
    "no ranking loss": lambda config: replace(config, optimiser=replace(config.optimiser, ranking_weight=0.0)),
    "no chains, no further faults": lambda config: replace(config, samples=replace(config.samples, chains=0, faults=0)),
}


def measure(model: Path, data: Path, unseen: list[Photo], rated: list[Path]) -> list[metrics.Correlation]:
    """SRCC of a model file on unseen patches, on whole unseen photographs (three versions each), and on each folder."""
    scorer = Scorer(model)
    sets = [patch_scores(scorer, data, unseen, 0), whole_photo_scores(scorer, data, unseen, 3)]
    return [metrics.with_interval(metrics.srcc, *found) for found in sets] + [
        metrics.with_interval(metrics.srcc, *rated_scores(scorer, folder)) for folder in rated
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the photographs of the list")
    parser.add_argument("--run", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("config.toml"))
    parser.add_argument("--photos", type=Path, default=LIST_PATH, help="list of photographs (CSV)")
    parser.add_argument("--rated", type=Path, action="append", default=[], help="folder of images with mos.csv")
    parser.add_argument("--patches", type=int, default=9600, help="length of each run")
    parser.add_argument("--only", choices=VARIANTS, action="append", help="run this variant (may be repeated)")
    arguments = parser.parse_args()
    keep_freed_memory()
    config = read_config(arguments.config)
    config = replace(config, optimiser=replace(config.optimiser, patches=arguments.patches))
    photos = read_list(arguments.photos)
    unseen = split(photos, config.data.validation_sources)[1]
    for name in arguments.only or VARIANTS:
        folder = arguments.run / name.replace(",", "").replace(" ", "-")
        trainer = Trainer(VARIANTS[name](config), folder, arguments.data, photos)
        trainer.run()
        model = folder / "model.pt"
        export_averaged(save_averaged(trainer), model)
        cv2.setNumThreads(1)
        cells = (found.without_n() for found in measure(model, arguments.data, unseen, arguments.rated))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
