"""The network that a second stage starts from: the weights of a model file."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor

from hyperiqa import HyperIQA, build_network
from hyperiqa.errors import ModelError
from hyperiqa.exporting import read_model
from training.folded import fold, unfold_into

_PREFIX = "network."


def network_of(model: Path) -> HyperIQA:
    """The network of a model file in fp32, in inference mode.

    Batch norm is in the form of ``folded``: it only adds a bias.

    Raises:
        hyperiqa.errors.ModelError: ERR_MODEL_FILE if it is no model file; ERR_CHECKPOINT_KEYS if its weights are not
            those of the network that its description names.
    """
    module, metadata = read_model(model)
    network = build_network(
        metadata["backbone"],
        output="bounded" if metadata["score"]["bounded"] else "unbounded",
        activation=_activation(module),
    )
    stored = {name.removeprefix(_PREFIX): value for name, value in module.state_dict().items()}
    expected = network.state_dict()
    if stored.keys() != expected.keys():
        raise ModelError("ERR_CHECKPOINT_KEYS", f"{model}: the weights are not those of {metadata['backbone']}")
    network.load_state_dict({name: _without_padding(value, expected[name]) for name, value in stored.items()})
    folded = copy.deepcopy(network)
    fold(folded)
    unfold_into(folded, network)
    return network.eval()


def _activation(module: torch.jit.ScriptModule) -> str:
    """The activation of a scripted network, which its description does not name."""
    operators = {node.kind().rstrip("_") for node in module.inlined_graph.nodes()}
    return "relu6" if operators & {"aten::hardtanh", "aten::relu6"} else "relu"


def _without_padding(stored: Tensor, expected: Tensor) -> Tensor:
    """Undo ``hyperiqa.backbones.fold_same_padding``: the row and column of zeros that a strided kernel begins with."""
    if stored.shape != expected.shape:
        stored = stored[..., 1:, 1:]
    return stored.to(expected.dtype)


def interpolate(start: HyperIQA, end: HyperIQA, share: float) -> HyperIQA:
    """A network with the weights ``start + share · (end − start)``; both as ``network_of`` returns them."""
    network = copy.deepcopy(end)
    with torch.no_grad():
        for value, first in zip(network.state_dict().values(), start.state_dict().values(), strict=True):
            if value.is_floating_point():
                value.copy_(torch.lerp(first, value, share))
    return network
