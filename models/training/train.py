"""Train a model and export it.

    python models/training/train.py --data PHOTOS --run FOLDER --output MODEL.pt

FOLDER receives the checkpoint, the curves (CSV and picture) and, at the end, `averaged.pth`, the averaged weights that
are exported. The same command resumes a run that was interrupted. `--finish` exports what a run has reached.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from hyperiqa.checkpoints import load_checkpoint
from hyperiqa.exporting import export_model
from training.config import read_config
from training.curves import plot_curves
from training.photos import LIST_PATH, check_folder, read_list
from training.runs import keep_freed_memory
from training.trainer import CURVES, Trainer

#: The ImageNet weights that training starts from are under the Apache License 2.0, the photographs under licences that
#: are listed one by one in photos.csv.
LICENCE = "MIT; ImageNet weights it was fine-tuned from: Apache-2.0"


def save_averaged(trainer: Trainer) -> Path:
    """Write the averaged weights of a run, and what the export needs to know, to its ``averaged.pth``; the path."""
    path = trainer.folder / "averaged.pth"
    torch.save(
        {
            "state_dict": trainer.averaged_network().state_dict(),
            "backbone": trainer.config.model.backbone,
            "activation": trainer.config.model.activation,
            "output": "bounded",
            "licence": LICENCE,
        },
        path,
    )
    return path


def export_averaged(checkpoint: Path, output: Path) -> None:
    """Write the model file of averaged weights, named as the file is."""
    export_model(load_checkpoint(checkpoint), "kadid-synthetic", output, name=output.stem, half=True)
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the photographs of the list")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("config.toml"))
    parser.add_argument("--photos", type=Path, default=LIST_PATH, help="list of photographs (CSV)")
    parser.add_argument("--output", type=Path, help="model file to write at the end")
    parser.add_argument("--finish", action="store_true", help="do not train on: export what the run has reached")
    arguments = parser.parse_args()

    keep_freed_memory()
    photos = read_list(arguments.photos)
    problems = check_folder(arguments.data, photos)
    if problems:
        print("\n".join(problems[:20]), file=sys.stderr)
        print(f"{len(problems)} of {len(photos)} photographs are missing or changed", file=sys.stderr)
        return 1
    trainer = Trainer(read_config(arguments.config), arguments.run, arguments.data, photos)
    if not arguments.finish:
        trainer.run()
    plot_curves(arguments.run / CURVES, arguments.run / "curves.png")
    averaged = save_averaged(trainer)
    if arguments.output:
        export_averaged(averaged, arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
