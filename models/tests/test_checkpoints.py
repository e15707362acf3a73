from collections import OrderedDict

import pytest
import torch

from hyperiqa.checkpoints import load_checkpoint
from hyperiqa.errors import ModelError
from hyperiqa.network import build_network


def refused(path):
    with pytest.raises(ModelError) as caught:
        load_checkpoint(path)
    return caught.value


def to_pyiqa(weights):
    """The official names turned into those of pyiqa's HyperNet, written from its module structure."""
    renamed = OrderedDict()
    for name, value in weights.items():
        head, tensor = name.rsplit(".", 1)
        if head.startswith("res.lda"):
            stage = int(head[len("res.lda")])
            part = "0" if "_pool" in head else ("3" if stage < 4 else "2")
            renamed[f"lda_modules.{stage - 1}.{part}.{tensor}"] = value
        elif head.startswith("res."):
            renamed[f"base_model.{name[4:]}"] = value
        elif head.startswith("fc") and head.endswith("w_conv"):
            renamed[f"fc_w_modules.{int(head[2]) - 1}.{tensor}"] = value
        elif head == "fc5w_fc":
            renamed[f"fc_w_modules.4.2.{tensor}"] = value
        elif head.startswith("fc"):
            renamed[f"fc_b_modules.{int(head[2]) - 1}.2.{tensor}"] = value
        else:
            renamed[name] = value
    return renamed


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_official_checkpoints_load_in_both_formats(zipped, weights, tmp_path):
    path = tmp_path / "checkpoint.pkl"
    torch.save(OrderedDict(weights["resnet50"]), path, _use_new_zipfile_serialization=zipped)
    checkpoint = load_checkpoint(path)
    assert (checkpoint.layout, checkpoint.backbone, checkpoint.output) == ("official", "resnet50", "unbounded")
    state = checkpoint.network().state_dict()
    assert all(torch.equal(state[name], value) for name, value in weights["resnet50"].items())
    assert len(checkpoint.sha256) == 64


@pytest.mark.parametrize("wrap", ["state_dict", "params", "module"])
def test_wrapped_official_checkpoints_load(wrap, weights, tmp_path):
    content = weights["resnet50"]
    content = {f"module.{name}": value for name, value in content.items()} if wrap == "module" else {wrap: content}
    torch.save(content, tmp_path / "checkpoint.pth")
    assert load_checkpoint(tmp_path / "checkpoint.pth").layout == "official"


def test_pyiqa_checkpoints_load_under_our_names(weights, tmp_path):
    pyiqa = to_pyiqa(weights["resnet50"])
    assert {name.split(".")[0] for name in pyiqa} == {
        "base_model", "lda_modules", "fc_w_modules", "fc_b_modules", "conv1",
    }  # fmt: skip
    torch.save({"params": pyiqa}, tmp_path / "pyiqa.pth")
    checkpoint = load_checkpoint(tmp_path / "pyiqa.pth")
    assert checkpoint.layout == "pyiqa"
    assert all(torch.equal(checkpoint.weights[name], value) for name, value in weights["resnet50"].items())


def test_our_checkpoints_bring_their_settings(own, weights):
    checkpoint = load_checkpoint(own)
    assert checkpoint.layout == "hyperiqa"
    assert (checkpoint.backbone, checkpoint.activation, checkpoint.output) == ("efficientnet_lite0", "relu", "bounded")
    assert checkpoint.details == {"licence": "MIT"}
    assert checkpoint.network().bounded


def test_half_precision_checkpoints_become_fp32(weights, tmp_path):
    half = {name: value.half() if value.is_floating_point() else value for name, value in weights["resnet50"].items()}
    torch.save(half, tmp_path / "half.pth")
    assert load_checkpoint(tmp_path / "half.pth").weights["conv1.0.weight"].dtype == torch.float32


def test_missing_and_unknown_weights_are_named(weights, tmp_path):
    content = dict(weights["resnet50"])
    del content["fc5b_fc.bias"]
    content["res.fc.weight"] = torch.zeros(1)
    torch.save(content, tmp_path / "keys.pth")
    error = refused(tmp_path / "keys.pth")
    assert error.code == "ERR_CHECKPOINT_KEYS"
    assert "1 of 355 weights are missing: fc5b_fc.bias" in str(error)
    assert "1 are unknown: res.fc.weight" in str(error)


def test_unknown_weights_of_pyiqa_checkpoints_keep_their_own_names(weights, tmp_path):
    content = to_pyiqa(weights["resnet50"])
    content["lda_modules.7.0.weight"] = torch.zeros(1)
    torch.save(content, tmp_path / "keys.pth")
    assert "lda_modules.7.0.weight" in str(refused(tmp_path / "keys.pth"))


def test_long_lists_of_names_are_cut(tmp_path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    error = refused(tmp_path / "other.pth")
    assert error.code == "ERR_CHECKPOINT_KEYS"
    assert "355 of 355 weights are missing" in str(error)
    assert "and 347 more" in str(error)


@pytest.mark.parametrize(
    ("value", "message"),
    [(torch.zeros(1, 2), "fc5b_fc.weight is 1×2 instead of 1×112"),
     (torch.tensor(0.0), "fc5b_fc.weight is a scalar instead of 1×112"),
     (torch.zeros(1, 112, dtype=torch.int64), "fc5b_fc.weight is torch.int64 instead of torch.float32")],
)  # fmt: skip
def test_wrong_shapes_and_types_are_named(value, message, weights, tmp_path):
    torch.save({**weights["resnet50"], "fc5b_fc.weight": value}, tmp_path / "shape.pth")
    error = refused(tmp_path / "shape.pth")
    assert error.code == "ERR_CHECKPOINT_SHAPE"
    assert message in str(error)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(value, weights, tmp_path):
    torch.save({**weights["resnet50"], "fc5b_fc.bias": torch.tensor([value])}, tmp_path / "nan.pth")
    error = refused(tmp_path / "nan.pth")
    assert error.code == "ERR_CHECKPOINT_VALUES"
    assert "fc5b_fc.bias" in str(error)


def test_a_file_that_does_not_exist_or_is_a_folder(tmp_path):
    assert refused(tmp_path / "none.pth").code == "ERR_CHECKPOINT_READ"
    assert refused(tmp_path).code == "ERR_CHECKPOINT_READ"


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off", b"\x80\x02}q\x00."])
def test_files_that_are_no_checkpoints(content, tmp_path):
    (tmp_path / "file.pth").write_bytes(content)
    assert refused(tmp_path / "file.pth").code == "ERR_CHECKPOINT_FORMAT"


def test_a_truncated_checkpoint(official, tmp_path):
    content = official.read_bytes()
    (tmp_path / "cut.pth").write_bytes(content[: len(content) // 2])
    assert refused(tmp_path / "cut.pth").code == "ERR_CHECKPOINT_FORMAT"


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_pickle_that_would_run_code_does_not(zipped, tmp_path):
    class Harmful:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    torch.save({"state_dict": Harmful()}, tmp_path / "harmful.pth", _use_new_zipfile_serialization=zipped)
    assert refused(tmp_path / "harmful.pth").code == "ERR_CHECKPOINT_FORMAT"
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    "content",
    [torch.zeros(3), [torch.zeros(3)], {}, {"state_dict": {}}, {"epoch": 3}, {"state_dict": {1: torch.zeros(1)}},
     {"backbone": "resnet50", "state_dict": {}},
     {"backbone": "vgg16", "activation": "relu", "output": "bounded", "state_dict": {"a": torch.zeros(1)}}],
)  # fmt: skip
def test_other_objects_are_refused(content, tmp_path):
    torch.save(content, tmp_path / "other.pth")
    assert refused(tmp_path / "other.pth").code == "ERR_CHECKPOINT_FORMAT"


@pytest.mark.filterwarnings("ignore:.*TorchScript archive:UserWarning")
def test_a_torchscript_archive_is_refused(tmp_path):
    torch.jit.script(build_network("efficientnet_lite0")).save(tmp_path / "script.pt")
    assert refused(tmp_path / "script.pt").code == "ERR_CHECKPOINT_FORMAT"
