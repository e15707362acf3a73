"""Train HyperIQA on a set with human scores, measure it on the test part and export it.

    python models/training/train_scored.py --dataset koniq10k --data KONIQ --pretrained resnet50.pth \\
        --run FOLDER --output MODEL.pt

KONIQ is the unpacked set as it is published; SCORED.md says which files are read. FOLDER receives the decoded images,
checkpoints, curves and results. The same command resumes what was interrupted. Exit code 0 when everything is done, 1
when not (the reason goes to stderr), 2 for wrong usage, 130 when interrupted.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hyperiqa.checkpoints import load_checkpoint
from hyperiqa.errors import ModelError
from hyperiqa.exporting import export_model
from hyperiqa.metadata import PRESETS
from training.config import read_tables
from training.runs import keep_freed_memory
from training.scored.config import ScoredConfig
from training.scored.errors import DatasetError, some
from training.scored.pixels import Pixels
from training.scored.protocol import best_run, summary, train_runs
from training.scored.sets import LAYOUTS, ScoredSet, read_set
from training.scored.trainer import BEST


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, choices=list(LAYOUTS), help="the set")
    parser.add_argument("--data", type=Path, required=True, help="folder of the unpacked set")
    parser.add_argument("--run", type=Path, required=True, help="folder for everything that is made")
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("scored.toml"))
    parser.add_argument(
        "--pretrained",
        type=Path,
        help="ImageNet weights of the backbone: torchvision's state_dict for resnet50; efficientnet_lite0 needs none",
    )
    parser.add_argument("--output", type=Path, help="model file to write at the end")
    parser.add_argument("--licence", help='licence of the trained weights, for the model file (default: "unknown")')
    parser.add_argument(
        "--skip-unreadable", action="store_true", help="train without listed images that are missing or broken"
    )
    arguments = parser.parse_args(words)
    keep_freed_memory()
    try:
        _train(arguments)
    except (DatasetError, ModelError) as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    except (ValueError, OSError, FloatingPointError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    return 0


def _train(arguments: argparse.Namespace) -> None:
    config = read_tables(arguments.config, ScoredConfig)
    dataset = read_set(arguments.dataset, arguments.data)
    pixels = Pixels(arguments.data, arguments.run, PRESETS[arguments.dataset].resize)
    dataset = _prepared(dataset, pixels, max(1, config.data.workers), arguments.skip_unreadable)
    results = train_runs(
        config, dataset, pixels, arguments.run, pretrained=arguments.pretrained, licence=arguments.licence
    )
    if len(results) > 1:
        medians = summary(results)["median"]
        found = ", ".join(f"{name} {'undefined' if v is None else f'{v:.3f}'}" for name, v in medians.items())
        print(f"median of {len(results)} runs on their test parts: {found}")
    if arguments.output:
        chosen = best_run(results)
        checkpoint = load_checkpoint(arguments.run / f"run-{chosen.run:02d}" / BEST)
        export_model(checkpoint, arguments.dataset, arguments.output, name=arguments.output.stem)
        size = arguments.output.stat().st_size / 1e6
        print(f"{arguments.output}: {size:.1f} MB, from run {chosen.run}, epoch {chosen.epoch}")


def _prepared(dataset: ScoredSet, pixels: Pixels, threads: int, skip: bool) -> ScoredSet:
    """The set with its images decoded, without those that cannot be if ``skip``, else ``DatasetError``."""

    def report(done: int, count: int, seconds: float) -> None:
        print(f"decoded {done} of {count} images, {seconds / 60:.0f} min left", flush=True)

    unreadable = pixels.prepare([image.file for image in dataset.images], threads, report)
    problems = [f"{file} (missing)" for file in dataset.missing]
    problems += [f"{file} ({reason})" for file, reason in unreadable.items()]
    if problems and not skip:
        raise DatasetError(
            "ERR_DATASET_IMAGES",
            f"{len(problems)} images of {dataset.folder} cannot be read (--skip-unreadable trains without them): "
            f"{some(problems)}",
        )
    if problems:
        print(f"without {len(problems)} images: {some(problems)}", file=sys.stderr)
    return replace(dataset, images=tuple(image for image in dataset.images if image.file not in unreadable))


if __name__ == "__main__":
    sys.exit(main())
