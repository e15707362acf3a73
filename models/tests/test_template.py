import json
import subprocess
import sys
import zipfile

import torch

import make_template
from hyperiqa.metadata import PRESETS
from hyperiqa.network import build_network


def test_the_template_is_current():
    """Runs in a process of its own, because TorchScript numbers its types as they come."""
    command = [sys.executable, make_template.__file__, "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_a_template_of_something_else_is_noticed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_template, "TEMPLATE", tmp_path / "template.zip")
    monkeypatch.setattr(make_template, "make_template", lambda: b"new")
    assert make_template.main(["--check"]) == 1
    assert "run make_template.py" in capsys.readouterr().err
    assert make_template.main([]) == 0
    assert make_template.main(["--check"]) == 0


def test_the_template_has_every_tensor_and_no_weights():
    with zipfile.ZipFile(make_template.TEMPLATE) as archive:
        description = json.loads(archive.read("template.json"))
        sizes = {record.filename: record.file_size for record in archive.infolist()}
    expected = build_network("resnet50").state_dict()
    assert [tensor["name"] for tensor in description["tensors"]] == [f"network.{name}" for name in expected]
    for tensor, value in zip(description["tensors"], expected.values(), strict=True):
        assert tensor["shape"] == list(value.shape)
        assert tensor["dtype"] == str(value.dtype).removeprefix("torch.")
        assert sizes[tensor["record"]] == 0
    assert description["torch"] == torch.__version__.partition("+")[0]
    assert list(description["metadata"]["official"]) == list(PRESETS)
    assert list(description["metadata"]["pyiqa"]) == ["koniq10k"]
