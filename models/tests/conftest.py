from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from hyperiqa.checkpoints import Weights
from hyperiqa.network import HyperIQA, build_network
from make_test_model import test_weights

KINDS = {
    "resnet50": {"backbone": "resnet50"},
    "lite0": {"backbone": "efficientnet_lite0", "activation": "relu", "output": "bounded"},
}

# The tests are about numbers, not speed: one thread keeps them from competing with whatever else runs.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def weights() -> dict[str, Weights]:
    """Generated weights by kind of test model."""
    return {kind: test_weights(build_network(**settings), kind) for kind, settings in KINDS.items()}


@pytest.fixture
def make_network(weights: dict[str, Weights]) -> Callable[[str], HyperIQA]:
    """A new network of a kind, with its generated weights, in evaluation mode."""

    def make(kind: str) -> HyperIQA:
        network = build_network(**KINDS[kind])
        network.load_state_dict(weights[kind])
        return network.eval().requires_grad_(False)

    return make


@pytest.fixture(scope="session")
def official(weights: dict[str, Weights], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in the official layout, in the zip format."""
    path = tmp_path_factory.mktemp("official") / "checkpoint.pth"
    torch.save(weights["resnet50"], path)
    return path


@pytest.fixture(scope="session")
def own(weights: dict[str, Weights], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the compact network as our training writes it."""
    path = tmp_path_factory.mktemp("own") / "checkpoint.pth"
    torch.save({"state_dict": weights["lite0"], **KINDS["lite0"], "licence": "MIT"}, path)
    return path


@pytest.fixture(scope="session")
def patches() -> Tensor:
    """Three different patches, uint8 3×3×224×224: noise over gradients."""
    random = np.random.default_rng(1)
    ramp = np.linspace(0, 120, 224)[None, None, None, :] * random.random((3, 3, 1, 1))
    noise = random.integers(0, 100, (3, 3, 224, 224)) * np.linspace(0.1, 1, 3)[:, None, None, None]
    return torch.from_numpy((ramp + noise).astype(np.uint8))
