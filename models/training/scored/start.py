"""The network that a training on human-scored sets starts from."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from hyperiqa import HyperIQA, build_network
from hyperiqa.pretrained import load_pretrained

from .config import ModelOptions


def start_network(options: ModelOptions, pretrained: Path | None, seed: int) -> HyperIQA:
    """Pretrained weights in the backbone, random heads.

    The heads' weights are drawn as in the authors' code: LDA heads and the generators of the target network from
    He's normal distribution, everything else as PyTorch does.

    Args:
        options: backbone, activation, output.
        pretrained: see ``hyperiqa.pretrained.load_pretrained``.
        seed: of the heads.

    Raises:
        hyperiqa.errors.ModelError: the pretrained weights cannot be read or do not fit.
    """
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network = build_network(options.backbone, output=options.output, activation=options.activation)
        for name, module in network.named_modules():
            if name.startswith(("res.lda", "fc")) and isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
    load_pretrained(network, pretrained)
    return network
