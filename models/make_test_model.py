"""Writes models for tests: generated weights, the same on every machine.

    python models/make_test_model.py FOLDER [--kind resnet50] [--kind lite0]

resnet50  the paper's network in the official layout: `hyperiqa-test-resnet50.pkl` (plain pickle, as the authors'
          file), `hyperiqa-test-resnet50.pth` (zip) and the model file `hyperiqa-test-resnet50.pt` (--dataset koniq10k)
lite0     EfficientNet-Lite0 with a bounded output: `hyperiqa-test-lite0.pth` in the layout of our training and the
          model file `hyperiqa-test-lite0.pt` (--dataset kadid-synthetic); fast

Scores mean nothing, but they differ from photograph to photograph over most of the scale, no layer is saturated, and
every batch norm has statistics of its own, so that a mistake anywhere shows. The files have the same bytes each time,
except the plain pickle, which names its storages by memory address.
"""

import argparse
import hashlib
import math
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hyperiqa.network import HyperIQA, build_network

KINDS = ("resnet50", "lite0")


def uniform(name: str, count: int) -> np.ndarray:
    """`count` numbers in −1..1, fixed by `name`.

    Counter-based (SplitMix64 by Steele, Lea and Flood, OOPSLA 2014) and exact in fp32: torch's and numpy's normal
    distributions are not the same to the last bit on every machine, integer hashes are.
    """
    key = np.frombuffer(hashlib.sha256(name.encode()).digest()[:8], "<u8")
    z = key + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(41)).astype(np.float32) / np.float32(2**22) - 1


# Gains of layers, relative to He initialisation, found by trial: content and hyper features of size 1, sigmoids in
# their slope, the last layer's scale and offset such that photographs score between about 15 and 85.
GAINS = {
    "resnet50": {
        "res.lda1_fc": 0.5,
        "res.lda2_fc": 0.3,
        "res.lda3_fc": 0.2,
        "res.lda4_fc": 0.1,
        "conv1.0": 0.25,
        "fc1w_conv": 0.04,
        "fc2w_conv": 0.1,
        "fc3w_conv": 0.15,
        "fc4w_conv": 0.2,
        "fc5w_fc": 8.0,
        "fc5b_fc": 8.0,
    },
    "lite0": {
        "res.lda4_fc": 0.3,
        "conv1.0": 0.3,
        "fc1w_conv": 0.1,
        "fc2w_conv": 0.2,
        "fc3w_conv": 0.3,
        "fc4w_conv": 0.4,
        "fc5w_fc": 0.8,
        "fc5b_fc": 0.8,
    },
}
LAST_BIAS = {"resnet50": -14.0, "lite0": -1.8}

# The last batch norm of a residual branch is small, or the sums grow from block to block.
BRANCH_GAIN = {"resnet50": 0.3, "lite0": 0.5}


def generate(name: str, value: Tensor, kind: str) -> Tensor:
    """The test weight for an entry of the state_dict."""
    if not value.is_floating_point():
        return torch.full_like(value, 1000)
    u = torch.from_numpy(uniform(f"{kind}/{name}", value.numel())).reshape(value.shape)
    layer, _, tensor = name.rpartition(".")
    if tensor == "running_mean":
        return 0.2 * u
    if tensor == "running_var":
        return 1 + 0.5 * u
    if tensor == "weight" and value.dim() == 1:
        return (BRANCH_GAIN[kind] if layer.endswith((".bn3", "project.1")) else 1.0) * (1 + 0.4 * u)
    if name == "fc5b_fc.bias":
        return torch.full_like(value, LAST_BIAS[kind])
    if tensor == "bias":
        return 0.1 * u
    # Variance 2/fan-in (He et al., ICCV 2015) keeps the size of activations; a uniform number has variance 1/3.
    return u * (math.sqrt(6 / value[0].numel()) * GAINS[kind].get(layer, 1.0))


def test_weights(network: HyperIQA, kind: str) -> dict[str, Tensor]:
    """Generated weights for every entry of the network's state_dict."""
    return {name: generate(name, value, kind) for name, value in network.state_dict().items()}


def write_checkpoints(kind: str, folder: Path) -> tuple[Path, str]:
    """Writes the checkpoints of a kind; returns the one to export and the dataset to name."""
    if kind == "resnet50":
        weights = test_weights(build_network("resnet50"), kind)
        torch.save(weights, folder / "hyperiqa-test-resnet50.pkl", _use_new_zipfile_serialization=False)
        torch.save(weights, folder / "hyperiqa-test-resnet50.pth")
        return folder / "hyperiqa-test-resnet50.pth", "koniq10k"
    settings = {"backbone": "efficientnet_lite0", "activation": "relu", "output": "bounded"}
    weights = test_weights(build_network(**settings), kind)
    checkpoint = {
        "state_dict": weights,
        **settings,
    }
    torch.save(checkpoint, folder / "hyperiqa-test-lite0.pth")
    return folder / "hyperiqa-test-lite0.pth", "kadid-synthetic"


def make(folder: Path, kinds: Iterable[str] = KINDS) -> None:
    """Writes checkpoints and model files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in kinds:
        checkpoint, dataset = write_checkpoints(kind, folder)
        # A process of its own for each export gives the same bytes whatever was exported before.
        name = f"hyperiqa-test-{kind}"
        command = [sys.executable, str(Path(__file__).with_name("export.py")), str(checkpoint), "--dataset", dataset]
        command += ["-o", str(folder / f"{name}.pt"), "--name", name, "--licence", "MIT"]
        subprocess.run([*command, "--description", "generated weights for tests, not trained"], check=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Write models with generated weights, for tests.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", action="append", choices=KINDS, help="default: all")
    options = parser.parse_args(arguments)
    make(options.folder, options.kind or KINDS)


if __name__ == "__main__":
    main()
