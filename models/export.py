"""Exports a HyperIQA checkpoint as a model file.

    python models/export.py CHECKPOINT --dataset koniq10k -o FILE

Needs torch and numpy. Exit code 0 when the file was written and checked, 1 when not (the reason goes to stderr), 2
for wrong usage.
"""

import argparse
import sys
from pathlib import Path

from hyperiqa.checkpoints import load_checkpoint
from hyperiqa.errors import ModelError
from hyperiqa.exporting import export_model
from hyperiqa.metadata import PRESETS


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Export a HyperIQA checkpoint as a model file.")
    parser.add_argument("checkpoint", type=Path, help="checkpoint of the authors' code, of pyiqa or of models/training")
    parser.add_argument("--dataset", required=True, choices=list(PRESETS), help="what the weights were trained on")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help="model file to write")
    parser.add_argument("--name", help="name of the model (default: hyperiqa-<backbone>-<dataset>)")
    parser.add_argument("--model-version", default="1", metavar="VERSION", help="version of the model (default: 1)")
    parser.add_argument("--licence", help='licence of the weights (default: what the checkpoint says, else "unknown")')
    parser.add_argument("--description", help="one sentence on the training data (default: the dataset's)")
    parser.add_argument("--half", action="store_true", help="store weights in half precision")
    options = parser.parse_args(arguments)
    try:
        metadata = export_model(
            load_checkpoint(options.checkpoint),
            options.dataset,
            options.output,
            name=options.name,
            version=options.model_version,
            licence=options.licence,
            description=options.description,
            half=options.half,
        )
    except ModelError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    size = options.output.stat().st_size
    print(f"{options.output}: {metadata['name']}, {size / 1e6:.1f} MB, weights {metadata['weightsSha256']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
