from __future__ import annotations

import csv
import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from hyperiqa.checkpoints import load_checkpoint
from training import cross_validate, train_mixed
from training.evaluate import patch_scores
from training.metrics import Correlation
from training.mixed.config import CropOptions, MixedConfig, read_config
from training.mixed.crops import divide, read_photos
from training.mixed.trainer import CHECKPOINT, MixedTrainer
from training.scoring import Scorer, read_oriented


def with_options(config: MixedConfig, **values: float) -> MixedConfig:
    return dataclasses.replace(config, optimiser=dataclasses.replace(config.optimiser, **values))


def states(trainer: MixedTrainer) -> dict[str, torch.Tensor]:
    return {
        f"{part}.{name}": value
        for part in ("network", "average", "scale")
        for name, value in getattr(trainer, part).state_dict().items()
    }


@pytest.mark.parametrize("frozen", [0, 3])
def test_resumed_run_is_the_same(config, start, rated_folder, prepare, tmp_path, frozen):
    config = with_options(config, frozen_stages=frozen)
    data = prepare(config).datasets(read_photos(rated_folder), 1)
    whole = MixedTrainer(config, tmp_path / "whole", start, *data)
    whole.run(report=False)
    MixedTrainer(config, tmp_path / "parts", start, *data).run(until=2, report=False)
    resumed = MixedTrainer(config, tmp_path / "parts", start, *data)
    assert resumed.progress.step == 2
    resumed.run(report=False)
    expected, found = states(whole), states(resumed)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    losses = [[row["opinion"] for row in trainer.progress.rows] for trainer in (whole, resumed)]
    assert losses[0] == losses[1] and len(losses[0]) == 4


def test_both_kinds_are_learnt_from_and_the_start_stays(config, start, rated_folder, prepare, tmp_path):
    before = {name: value.clone() for name, value in start.state_dict().items()}
    data = prepare(config).datasets(read_photos(rated_folder), 0)
    trainer = MixedTrainer(config, tmp_path / "run", start, *data)
    trainer.run(report=False)
    row = trainer.progress.rows[-1]
    assert all(row[name] > 0 for name in ("opinion", "correlation", "regression"))
    assert row["slope"] != 1 and row["shift"] != 0
    after = trainer.averaged_network().state_dict()
    for name in ("res.stem.0.weight", "res.layer1.0.depthwise.1.bias", "res.lda1_fc.weight", "fc1w_conv.weight"):
        assert not torch.equal(before[name], after[name]), name
    assert all(torch.equal(value, start.state_dict()[name]) for name, value in before.items())


def test_without_groups_only_opinions_are_learnt(config, start, rated_folder, prepare, tmp_path):
    alone = with_options(config, groups_per_step=0)
    trainer = MixedTrainer(alone, tmp_path / "run", start, *prepare(alone).datasets(read_photos(rated_folder), 0))
    trainer.run(until=1, report=False)
    assert trainer.progress.rows[0]["regression"] == trainer.progress.rows[0]["ranking"] == 0


def test_other_configuration_photographs_or_draws_are_refused(config, start, rated_folder, prepare, tmp_path):
    photos, prepared = read_photos(rated_folder), prepare(config)
    MixedTrainer(config, tmp_path / "run", start, *prepared.datasets(photos, 0)).run(until=1, report=False)
    other = with_options(config, head_rate=1.0)
    for changed, data in (
        (other, prepared.datasets(photos, 0)),
        (config, prepared.datasets(photos[1:], 0)),
        (config, prepared.datasets(photos, 9)),
    ):
        with pytest.raises(ValueError, match="another folder"):
            MixedTrainer(changed, tmp_path / "run", start, *data)


def test_run_may_end_earlier_than_planned(config, start, rated_folder, prepare, tmp_path):
    data = prepare(config).datasets(read_photos(rated_folder), 0)
    MixedTrainer(config, tmp_path / "run", start, *data).run(until=1, report=False)
    shorter = with_options(config, steps=2)
    shorter = dataclasses.replace(shorter, run=dataclasses.replace(config.run, log_steps=5))
    trainer = MixedTrainer(shorter, tmp_path / "run", start, *data)
    assert trainer.progress.step == 1
    trainer.run(report=False)
    assert trainer.progress.step == 2
    assert trainer.done
    assert (tmp_path / "run" / CHECKPOINT).is_file()


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_frozen_stages_stay_as_they_are(config, start, rated_folder, prepare, tmp_path, count):
    frozen = with_options(config, frozen_stages=count)
    data = prepare(frozen).datasets(read_photos(rated_folder), 0)
    trainer = MixedTrainer(frozen, tmp_path / "run", start, *data)
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    trainer.run(until=2, report=False)
    after = trainer.network.state_dict()
    names = [f"res.layer{stage}.0.project.0.weight" for stage in range(1, 5)]
    assert [not torch.equal(before[name], after[name]) for name in names] == [stage > count for stage in range(1, 5)]
    assert torch.equal(before["res.stem.0.weight"], after["res.stem.0.weight"]) == (count > 0)
    assert not torch.equal(before["res.lda1_fc.weight"], after["res.lda1_fc.weight"])


@pytest.mark.parametrize(
    ("table", "values", "message"),
    [
        ("optimiser", {"steps": 0}, "steps must be"),
        ("optimiser", {"groups_per_step": -1}, "groups_per_step at least 0"),
        ("optimiser", {"frozen_stages": 5}, "from 0 to 4"),
        ("optimiser", {"scored_per_step": 2}, "a correlation needs as many"),
        ("optimiser", {"average": 1.0}, "below 1"),
        ("data", {"folds": 1}, "folds must be at least 2"),
        ("data", {"groups": 0}, "groups at least 1"),
        ("crops", {"count": 0}, "count must be"),
        ("crops", {"scale": (0.5, 1.0)}, "224 pixels"),
        ("crops", {"stretch": (1.4, 0.9)}, "stretch must ascend"),
    ],
)
def test_impossible_values_are_refused(config, table, values, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(getattr(config, table), **values)


def test_configuration_of_the_project_is_read():
    config = read_config(Path(train_mixed.__file__).with_name("mixed.toml"))
    assert config.data.folds == 5
    assert isinstance(config.crops, CropOptions)
    assert "run" not in config.fixed()


def test_command_trains_folds_and_scores_what_they_have_not_seen(
    config, model, rated_folder, photo_folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(train_mixed, "read_config", lambda _: config)
    monkeypatch.setattr(cross_validate, "read_config", lambda _: config)
    monkeypatch.setattr(cross_validate, "LIST_PATH", photo_folder / "photos.csv")
    monkeypatch.setattr(cross_validate, "patch_scores", partial(patch_scores, groups=2))
    monkeypatch.setattr(cross_validate.metrics, "gain", lambda *values: Correlation(0.1, 0, 0.2, len(values[1])))
    monkeypatch.setattr(
        cross_validate.metrics, "with_interval", lambda *values: Correlation(0.5, 0.4, 0.6, len(values[1]))
    )
    run = tmp_path / "run"
    shared = ["--start", str(model), "--data", str(photo_folder), "--rated", str(rated_folder)]
    list_ = ["--photos", str(photo_folder / "photos.csv")]
    monkeypatch.setattr("sys.argv", ["train_mixed.py", *shared, *list_, "--run", str(run)])
    train_mixed.main()
    photos = read_photos(rated_folder)
    for fold in range(2):
        folder = run / f"fold-{fold}"
        held_out = divide(photos, 2, config.data.seed, fold)[1]
        scorer = Scorer(load_checkpoint(folder / train_mixed.AVERAGED).network())
        with (folder / train_mixed.HELD_OUT).open() as file:
            rows = list(csv.DictReader(file))
        assert [row["image_name"] for row in rows] == [photo.path.name for photo in held_out]
        expected = [scorer.image(read_oriented(photo.path)) for photo in held_out]
        np.testing.assert_allclose([float(row["score"]) for row in rows], expected, atol=1e-3)

    capsys.readouterr()
    mean = tmp_path / "mean.pth"
    command = [
        "cross_validate.py",
        str(run),
        *shared,
        "--development",
        str(rated_folder),
        "--share",
        "0.5",
        "-o",
        str(mean),
    ]
    monkeypatch.setattr("sys.argv", command)
    cross_validate.main()
    rows = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in rows] == ["share", "---", "0", "0.5", "gain"]
    assert rows[3].startswith("| 0.5 | 0.500 [0.400, 0.600] (n=6) | 0.500 [0.400, 0.600] (n=6) |")
    ends = [load_checkpoint(run / f"fold-{fold}" / train_mixed.AVERAGED).weights for fold in range(2)]
    start = train_mixed.network_of(model).state_dict()
    key = "fc1w_conv.weight"
    written = load_checkpoint(mean)
    assert "and 6 photographs of rated with people's own scores" in written.details["description"]
    found = written.weights[key]
    torch.testing.assert_close(found, (ends[0][key] + ends[1][key]) / 4 + start[key] / 2)


def test_command_trains_on_everything_when_told(config, model, rated_folder, photo_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(train_mixed, "read_config", lambda _: config)
    command = ["train_mixed.py", "--start", str(model), "--data", str(photo_folder), "--rated", str(rated_folder)]
    command += ["--photos", str(photo_folder / "photos.csv"), "--run", str(tmp_path / "run"), "--all"]
    monkeypatch.setattr("sys.argv", command)
    train_mixed.main()
    assert (tmp_path / "run/all" / train_mixed.AVERAGED).is_file()
    assert not (tmp_path / "run/all" / train_mixed.HELD_OUT).exists()


def test_validation_without_a_finished_fold_is_refused(
    config, model, rated_folder, photo_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(cross_validate, "read_config", lambda _: config)
    monkeypatch.setattr(cross_validate, "LIST_PATH", photo_folder / "photos.csv")
    command = ["cross_validate.py", str(tmp_path), "--start", str(model), "--data", str(photo_folder)]
    monkeypatch.setattr("sys.argv", [*command, "--rated", str(rated_folder)])
    with pytest.raises(SystemExit, match="no finished fold"):
        cross_validate.main()
