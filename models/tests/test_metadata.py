import hashlib
import json
from pathlib import Path

import pytest
import torch
from torch import nn

import hyperiqa
from hyperiqa.checkpoints import Checkpoint
from hyperiqa.errors import ModelError
from hyperiqa.metadata import PRESETS, build_metadata, preset_for, self_check_patches, weights_sha256

ROOT = Path(__file__).resolve().parent.parent.parent


def checkpoint(layout="official", output="unbounded"):
    return Checkpoint({}, layout, "resnet50", "relu", output, "ab" * 32)


def metadata(dataset, **arguments):
    options = {"scores": [1.0, 2.0, 3.0, 4.0], "name": "n", "version": "1", "licence": "unknown", "description": None}
    return build_metadata(nn.Linear(1, 1), checkpoint(**arguments), dataset, **options)


def test_every_field_of_the_format_is_there():
    data = metadata("koniq10k")
    assert set(data) == {
        "formatVersion", "kind", "name", "version", "architecture", "backbone", "patchSize", "training", "licence",
        "weightsSha256", "sourceSha256", "score", "protocol", "datasetResize", "selfCheck", "exporter",
    }  # fmt: skip
    assert (data["formatVersion"], data["kind"], data["architecture"]) == (1, "quality", "hyperiqa")
    assert (data["backbone"], data["patchSize"], data["sourceSha256"]) == ("resnet50", 224, "ab" * 32)
    assert data["training"] == {"dataset": "koniq10k", "description": "HyperIQA trained on KonIQ-10k"}
    assert data["exporter"] == {"torch": torch.__version__, "hyperiqa": hyperiqa.__version__}
    assert data["selfCheck"] == {"scores": [1.0, 2.0, 3.0, 4.0], "tolerance": pytest.approx(1e-3)}
    json.dumps(data, allow_nan=False)


@pytest.mark.parametrize(
    ("dataset", "resize", "score"),
    [
        ("koniq10k", {"mode": "exact", "width": 384, "height": 512}, (0, 100, True)),
        ("bid", {"mode": "exact", "width": 512, "height": 512}, (0, 5, True)),
        ("live", {"mode": "none"}, (0, 100, False)),
        ("csiq", {"mode": "none"}, (0, 1, False)),
        ("tid2013", {"mode": "none"}, (0, 9, True)),
        ("livec", {"mode": "none"}, (0, 100, True)),
        ("kadid10k", {"mode": "none"}, (1, 5, True)),
        ("spaq", {"mode": "short-side", "size": 512}, (0, 100, True)),
        ("kadid-synthetic", {"mode": "short-side", "size": 384}, (0, 100, True)),
        ("kadid-synthetic-livec", {"mode": "short-side", "size": 384}, (0, 100, True)),
    ],
)
def test_presets(dataset, resize, score):
    data = metadata(dataset)
    assert data["datasetResize"] == data["protocol"]["resize"] == resize
    assert (data["score"]["minimum"], data["score"]["maximum"], data["score"]["higherIsBetter"]) == score
    direction = "higher" if score[2] else "lower"
    assert data["score"]["meaning"].endswith(f"{direction} is better")


def test_every_preset_is_covered_above():
    assert set(PRESETS) == {
        "koniq10k", "bid", "live", "csiq", "tid2013", "livec", "kadid10k", "spaq", "kadid-synthetic",
        "kadid-synthetic-livec",
    }  # fmt: skip


def test_koniq_weights_follow_demo_py_and_the_other_official_weights_the_solver():
    stored = {"iccProfile": "ignore", "alpha": "drop", "orientation": "ignore"}
    protocol = metadata("koniq10k")["protocol"]
    assert (protocol["name"], protocol["crops"]) == ("official", {"plan": "random", "count": 10})
    assert (protocol["decode"], protocol["minimumSide"]) == (stored, 224)
    for dataset in ("bid", "live", "csiq", "tid2013", "livec", "kadid10k", "spaq"):
        protocol = metadata(dataset)["protocol"]
        assert (protocol["name"], protocol["crops"]) == ("official-test", {"plan": "random", "count": 25})
        assert protocol["decode"] == stored


def test_the_native_protocol_is_that_of_the_documentation():
    text = (ROOT / "docs" / "model-format.md").read_text()
    example = json.loads(text.split("```json")[1].split("```")[0])
    data = metadata("kadid-synthetic", layout="hyperiqa", output="bounded")
    assert data["protocol"] == example
    assert data["score"]["bounded"] is True


@pytest.mark.parametrize(("dataset", "scale"), [("tid2013", "0 to 9"), ("kadid10k", "1 to 5")])
def test_our_own_training_maps_scores_to_100(dataset, scale):
    data = metadata(dataset, layout="hyperiqa", output="bounded")
    assert (data["score"]["minimum"], data["score"]["maximum"], data["score"]["higherIsBetter"]) == (0, 100, True)
    assert scale in data["score"]["meaning"]
    assert data["selfCheck"]["tolerance"] == pytest.approx(1e-3)


def test_pyiqas_weights_have_pyiqas_range_and_protocol():
    data = metadata("koniq10k", layout="pyiqa")
    assert (data["score"]["minimum"], data["score"]["maximum"]) == (0, 1)
    assert data["protocol"]["name"] == "pyiqa"
    assert data["protocol"]["minimumSide"] == 225
    assert data["protocol"]["crops"] == {"plan": "pyiqa"}
    assert data["datasetResize"] == {"mode": "none"}
    assert data["selfCheck"]["tolerance"] == pytest.approx(1e-5)


@pytest.mark.parametrize(
    ("dataset", "arguments", "reason"),
    [
        ("imagenet", {}, "must be one of"),
        ("bid", {"layout": "pyiqa"}, "only for koniq10k"),
        ("bid", {"layout": "hyperiqa", "output": "bounded"}, "end at 0 and 100"),
    ],
)
def test_presets_that_do_not_fit_are_refused(dataset, arguments, reason):
    with pytest.raises(ModelError, match=reason) as caught:
        preset_for(dataset, checkpoint(**arguments))
    assert caught.value.code == "ERR_DATASET"


def test_weights_sha256_is_that_of_the_documented_bytes():
    module = nn.Module()
    module.b = nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0]]).t())
    module.register_buffer("a", torch.tensor(7))
    module.register_buffer("B", torch.tensor([0.5], dtype=torch.float16))
    expected = hashlib.sha256(
        b"B\0float16\x001\0\x00\x38"
        + b"a\0int64\0\0\x07\x00\x00\x00\x00\x00\x00\x00"
        + b"b\0float32\x002x2\0"
        + bytes.fromhex("0000803f 00004040 00000040 00008040")
    ).hexdigest()
    assert weights_sha256(module) == expected
    assert weights_sha256(torch.jit.script(module)) == expected


def test_weights_sha256_sees_names_shapes_and_values():
    def digest(**parameters):
        module = nn.Module()
        for name, value in parameters.items():
            module.register_buffer(name, value)
        return weights_sha256(module)

    base = digest(a=torch.zeros(4))
    assert len({base, digest(b=torch.zeros(4)), digest(a=torch.zeros(2, 2)), digest(a=torch.ones(4)),
                digest(a=torch.zeros(4, dtype=torch.int32))}) == 5  # fmt: skip


def test_self_check_patches_are_those_of_the_formula_in_plain_integers():
    fixture = json.loads((ROOT / "test" / "fixtures" / "parity" / "self-check.json").read_text())
    patches = self_check_patches()
    assert (patches.shape, patches.dtype) == ((4, 3, 224, 224), torch.uint8)
    assert hashlib.sha256(patches.numpy().tobytes()).hexdigest() == fixture["patches"]["sha256"]
    for n, c, y, x, value in fixture["patches"]["values"]:
        assert patches[n, c, y, x] == value
    # Increasing noise, from none to almost nothing else.
    roughness = [float((patch[:, :, 1:].int() - patch[:, :, :-1].int()).abs().float().mean()) for patch in patches]
    assert roughness == sorted(roughness)


def test_version_is_the_packages():
    assert hyperiqa.__version__ == json.loads((ROOT / "package.json").read_text())["version"]


def test_the_pins_of_export_are_among_those_of_development():
    pins = [
        set((ROOT / "models" / name).read_text().splitlines()) for name in ("requirements.txt", "requirements-dev.txt")
    ]
    exported, development = ({line for line in lines if "==" in line} for lines in pins)
    assert exported == {line for line in development if line.startswith(("torch==", "numpy=="))}
