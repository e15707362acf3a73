"""Writes the template of model files that `hyperiqa export` fills with weights.

    python models/make_template.py [--check]

The template, `template-resnet50.zip`, is the archive that `export.py` writes for the paper's network, with every record
of weights left empty, and with `template.json` at its end:

    backbone, torch   what the graph is, and the version of PyTorch that scripted it
    tensors           of the state_dict, in its order: name, dtype, shape, and the record that holds the bytes
    metadata          `hyperiqa.json` by layout of the checkpoint and by dataset; what depends on a checkpoint is null

So the network, the presets and the format have their one place here, in Python, and an export needs no Python. Run this
again after a change of the network, of the presets or of PyTorch's version; a test compares the file with what this
script would write. --check does the same: exit code 1 where they differ.
"""

import argparse
import io
import json
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import torch

from hyperiqa.checkpoints import Checkpoint
from hyperiqa.errors import ModelError
from hyperiqa.exporting import export_model, read_model
from hyperiqa.metadata import ENTRY, PRESETS, build_metadata
from hyperiqa.network import build_network
from make_test_model import test_weights

BACKBONE = "resnet50"
TEMPLATE = Path(__file__).with_name(f"template-{BACKBONE}.zip")
DESCRIPTION = "template.json"
LAYOUTS = ("official", "pyiqa")


def checkpoint_with(layout: str) -> Checkpoint:
    """A checkpoint in which no two tensors have the same bytes, so that each can be found again in an archive."""
    weights = test_weights(build_network(BACKBONE), BACKBONE)
    for index, (name, value) in enumerate(weights.items()):
        if not value.is_floating_point():
            weights[name] = torch.full_like(value, index)
    return Checkpoint(weights, layout, BACKBONE, "relu", "unbounded", sha256="0" * 64)


def tensors_of(module: torch.nn.Module, records: dict[str, bytes]) -> list[dict[str, Any]]:
    """The entries of a module's state_dict with the records that hold them."""
    by_content = {content: record for record, content in records.items() if "/data/" in record}
    tensors = []
    for name, value in module.state_dict().items():
        array = value.numpy()
        record = by_content.pop(array.tobytes())
        tensors.append({"name": name, "dtype": array.dtype.name, "shape": list(array.shape), "record": record})
    if by_content:
        raise RuntimeError(f"the archive holds tensors beyond the state_dict: {', '.join(by_content.values())}")
    return tensors


def descriptions(module: torch.nn.Module) -> dict[str, dict[str, Any]]:
    """`hyperiqa.json` by layout and dataset, with null for what an export fills in."""
    result: dict[str, dict[str, Any]] = {}
    for layout in LAYOUTS:
        checkpoint = checkpoint_with(layout)
        result[layout] = {}
        for dataset in PRESETS:
            try:
                metadata = build_metadata(
                    module, checkpoint, dataset, scores=[], name="", version="", licence="", description=None
                )
            except ModelError:
                continue  # weights of this layout cannot have been trained on it
            for field in ("name", "version", "licence", "weightsSha256", "sourceSha256", "exporter"):
                metadata[field] = None
            metadata["selfCheck"]["scores"] = None
            result[layout][dataset] = metadata
    return result


def make_template() -> bytes:
    """The bytes of the template: the same each time in a fresh process, see `export_model`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt"
        export_model(checkpoint_with("official"), "koniq10k", path)
        with zipfile.ZipFile(path) as archive:
            records = {name: archive.read(name) for name in archive.namelist()}
        module, _ = read_model(path)
    tensors = tensors_of(module, records)
    description = {
        "formatVersion": 1,
        "backbone": BACKBONE,
        "torch": torch.__version__.partition("+")[0],
        "tensors": tensors,
        "metadata": descriptions(module),
    }
    filled_in = {tensor["record"] for tensor in tensors}
    filled_in.update(name for name in records if name.endswith(f"/extra/{ENTRY}"))
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as template:

        def add(name: str, content: bytes) -> None:
            template.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), content)

        for name, content in records.items():
            add(name, b"" if name in filled_in else content)
        add(DESCRIPTION, json.dumps(description, ensure_ascii=False).encode())
    return result.getvalue()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write the template of model files.")
    parser.add_argument("--check", action="store_true", help="write nothing; compare with the file that is there")
    options = parser.parse_args(arguments)
    content = make_template()
    if not options.check:
        TEMPLATE.write_bytes(content)
        print(f"{TEMPLATE}: {len(content) / 1e3:.0f} kB")
        return 0
    if TEMPLATE.exists() and TEMPLATE.read_bytes() == content:
        return 0
    print(f"{TEMPLATE} is not what the network gives now: run {Path(__file__).name}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
