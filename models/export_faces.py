"""Exports the face detector (MTCNN, weights of the facenet-pytorch package) as a model file.

    pip download --no-deps facenet-pytorch==2.6.0 -d FOLDER && unzip FOLDER/*.whl -d FOLDER
    python models/export_faces.py FOLDER/facenet_pytorch/data -o models/mtcnn-faces.pt

Needs torch and numpy; of facenet-pytorch only the three weight files, not its code (whose pins exclude this PyTorch).
Exit code 0 when the file was written and checked, 1 when not (the reason goes to stderr), 2 for wrong usage.
"""

import argparse
import sys
from pathlib import Path

from faces.exporting import export_detector
from hyperiqa.errors import ModelError


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Export MTCNN's weights as a face detector's model file.")
    parser.add_argument(
        "folder", type=Path, help="folder data of the facenet-pytorch package (pnet.pt, rnet.pt, onet.pt)"
    )
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE", help="model file to write")
    parser.add_argument("--model-version", default="1", metavar="VERSION", help="version of the model (default: 1)")
    options = parser.parse_args(arguments)
    try:
        metadata = export_detector(options.folder, options.output, version=options.model_version)
    except ModelError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    size = options.output.stat().st_size
    print(f"{options.output}: {metadata['name']}, {size / 1e6:.1f} MB, weights {metadata['weightsSha256']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
