from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hyperiqa import PatchScorer, build_network
from hyperiqa.checkpoints import load_checkpoint
from hyperiqa.errors import ModelError
from hyperiqa.exporting import export_model, read_model
from training.mixed.start import interpolate, network_of
from training.train_mixed import save_averaged

SHIPPED = Path(__file__).resolve().parents[4] / "models/hyperiqa-lite0.pt"


def patches(count: int = 2) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_network_of_the_shipped_model_gives_its_scores():
    expected = torch.jit.load(str(SHIPPED), map_location="cpu").float()(patches())
    torch.testing.assert_close(PatchScorer(network_of(SHIPPED))(patches()), expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_activation_output_and_batch_norm_are_recovered(tmp_path, activation):
    torch.manual_seed(0)
    network = build_network("efficientnet_lite0", output="bounded", activation=activation)
    network(torch.randn(4, 3, 224, 224))  # moves the running means of batch norm away from 0 and 1
    network.eval()
    save_averaged(network, "two kinds of photographs", tmp_path / "network.pth")
    export_model(load_checkpoint(tmp_path / "network.pth"), "kadid-synthetic", tmp_path / "model.pt")
    assert read_model(tmp_path / "model.pt")[1]["training"]["description"] == "two kinds of photographs"
    found = network_of(tmp_path / "model.pt")
    assert (found.res.activation, found.bounded) == (activation, True)
    assert torch.equal(found.res.stem[1].running_mean, torch.zeros(32))
    torch.testing.assert_close(PatchScorer(found)(patches()), PatchScorer(network)(patches()), atol=1e-3, rtol=0)


def test_weights_of_another_network_are_refused(tmp_path):
    scorer = PatchScorer(build_network("resnet50")).eval()
    description = '{"backbone": "efficientnet_lite0", "score": {"bounded": false}}'
    torch.jit.save(torch.jit.script(scorer), str(tmp_path / "m.pt"), _extra_files={"hyperiqa.json": description})
    with pytest.raises(ModelError, match="not those of efficientnet_lite0"):
        network_of(tmp_path / "m.pt")


def test_interpolation_runs_from_start_to_end(start):
    torch.manual_seed(2)
    end = build_network("efficientnet_lite0", output="bounded", activation="relu").eval()
    end.load_state_dict(start.state_dict())
    with torch.no_grad():
        for parameter in end.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    key = "fc1w_conv.weight"
    first, last = start.state_dict()[key].clone(), end.state_dict()[key].clone()
    torch.testing.assert_close(interpolate(start, end, 0).state_dict()[key], first)
    torch.testing.assert_close(interpolate(start, end, 1).state_dict()[key], last)
    torch.testing.assert_close(interpolate(start, end, 0.25).state_dict()[key], 0.75 * first + 0.25 * last)
    assert torch.equal(end.state_dict()[key], last)
