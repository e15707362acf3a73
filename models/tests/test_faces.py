"""The face detector's export: its file, its contract, and networks that hold for any size."""

import json
from pathlib import Path

import pytest
import torch

from export_faces import main
from faces.exporting import WEIGHT_FILES, export_detector, load_weights, self_check_values, verify_detector
from faces.mtcnn import Detector, ProposalNet
from hyperiqa.errors import ModelError
from hyperiqa.exporting import read_model
from hyperiqa.metadata import weights_sha256

MODEL = Path(__file__).parents[1] / "mtcnn-faces.pt"


@pytest.fixture(scope="session")
def weight_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights as facenet-pytorch's package has them, but of the model file here."""
    folder = tmp_path_factory.mktemp("weights")
    module, _ = read_model(MODEL)
    for part, name in WEIGHT_FILES.items():
        torch.save(getattr(module, part).state_dict(), folder / name)
    return folder


def test_the_shipped_model_is_what_it_says() -> None:
    module, metadata = read_model(MODEL)
    verify_detector(MODEL, metadata)
    assert metadata["kind"] == "faces"
    assert len(metadata["selfCheck"]["values"]) == 100
    assert sum(value.numel() for value in module.state_dict().values()) == 495_850


def test_an_export_of_the_same_weights_gives_the_same_networks(weight_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "faces.pt"
    metadata = export_detector(weight_folder, path, version="7")
    module, found = read_model(path)
    _, shipped = read_model(MODEL)
    assert found == json.loads(json.dumps(metadata))
    assert found["version"] == "7"
    assert found["weightsSha256"] == shipped["weightsSha256"] == weights_sha256(module)
    assert found["selfCheck"]["values"] == pytest.approx(shipped["selfCheck"]["values"], abs=1e-5)


@pytest.mark.parametrize(("height", "width"), [(12, 12), (13, 12), (37, 64), (101, 17), (250, 333)])
def test_proposals_hold_for_any_size(height: int, width: int) -> None:
    module, _ = read_model(MODEL)
    probabilities, offsets = module.proposal(torch.rand(1, 3, height, width) * 255)
    rows, columns = ((height - 1) // 2 - 4, (width - 1) // 2 - 4)
    assert probabilities.shape == (1, rows, columns)
    assert offsets.shape == (1, 4, rows, columns)
    assert probabilities.min() >= 0 and probabilities.max() <= 1


def test_the_pieces_of_a_level_are_those_of_the_whole() -> None:
    """The engine may work in tiles: window (x, y) sees the pixels from (2x, 2y) to (2x + 11, 2y + 11) only."""
    torch.manual_seed(3)
    network = ProposalNet().eval()
    level = torch.rand(1, 3, 61, 47) * 255
    whole, _ = network(level)
    tile, _ = network(level[:, :, 2 * 5 : 2 * 14 + 12, 2 * 3 : 2 * 10 + 12])
    assert torch.allclose(tile, whole[:, 5:15, 3:11], atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_other_networks_take_any_number_of_crops(count: int) -> None:
    module, _ = read_model(MODEL)
    assert [tuple(t.shape) for t in module.refinement(torch.zeros(count, 3, 24, 24))] == [(count,), (count, 4)]
    shapes = [tuple(t.shape) for t in module.output(torch.zeros(count, 3, 48, 48))]
    assert shapes == [(count,), (count, 4), (count, 10)]


def test_self_check_values_tell_other_weights() -> None:
    torch.manual_seed(0)
    _, metadata = read_model(MODEL)
    others = self_check_values(torch.jit.script(Detector().eval()))
    assert max(abs(a - b) for a, b in zip(others, metadata["selfCheck"]["values"], strict=True)) > 0.01


def test_missing_and_wrong_weights_are_told(weight_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(ModelError) as missing:
        load_weights(tmp_path)
    assert missing.value.code == "ERR_CHECKPOINT_READ"

    for name in WEIGHT_FILES.values():
        (tmp_path / name).write_bytes((weight_folder / name).read_bytes())
    (tmp_path / "rnet.pt").write_bytes(b"no checkpoint")
    with pytest.raises(ModelError) as damaged:
        load_weights(tmp_path)
    assert damaged.value.code == "ERR_CHECKPOINT_FORMAT"

    (tmp_path / "rnet.pt").write_bytes((weight_folder / "pnet.pt").read_bytes())
    with pytest.raises(ModelError) as swapped:
        load_weights(tmp_path)
    assert swapped.value.code == "ERR_CHECKPOINT_KEYS"

    assert main([str(tmp_path), "-o", str(tmp_path / "faces.pt")]) == 1
    assert "ERR_CHECKPOINT_KEYS" in capsys.readouterr().err
    assert not (tmp_path / "faces.pt").exists()
