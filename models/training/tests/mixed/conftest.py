"""A small human-scored set and rendered groups, made of shapes and noise."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from hyperiqa import HyperIQA, PatchScorer, build_network
from hyperiqa.backbones import fold_same_padding
from training import train_mixed
from training.folded import fold, unfold_into
from training.mixed.config import MixedConfig, read_config
from training.mixed.crops import read_photos
from training.mixed.groups import render
from training.mixed.prepared import Prepared
from training.photos import read_list

CONFIG = Path(train_mixed.__file__).with_name("mixed.toml")


@pytest.fixture
def config() -> MixedConfig:
    """Four steps of four crops and one group, two folds; nothing frozen."""
    config = read_config(CONFIG)
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, folds=2, groups=3, validation_sources=("example/unseen",)),
        crops=dataclasses.replace(config.crops, count=2),
        optimiser=dataclasses.replace(
            config.optimiser, steps=4, scored_per_step=4, groups_per_step=1, warmup_steps=1, frozen_stages=0
        ),
        run=dataclasses.replace(config.run, device="cpu", threads=1, log_steps=1),
    )


@pytest.fixture
def rated_folder(tmp_path: Path) -> Path:
    """Six pictures of 300×300 of more and more noise, with ``mos.csv``."""
    folder = tmp_path / "rated"
    folder.mkdir()
    rng = np.random.default_rng(3)
    base = cv2.resize(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8), (300, 300), interpolation=cv2.INTER_CUBIC)
    with (folder / "mos.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image_name", "MOS", "SD"))
        for number in range(6):
            noisy = np.clip(base + rng.normal(0, 1 + 12 * number, base.shape), 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"{number}.png"), noisy)
            writer.writerow((f"{number}.png", 85 - 13 * number, 20))
    return folder


@pytest.fixture
def start() -> HyperIQA:
    """A network with random weights, its batch norm in the form of ``training.folded``."""
    torch.manual_seed(1)
    network = build_network("efficientnet_lite0", output="bounded", activation="relu").eval()
    folded = build_network("efficientnet_lite0", output="bounded", activation="relu").eval()
    folded.load_state_dict(network.state_dict())
    fold(folded)
    unfold_into(folded, network)
    return network


@pytest.fixture
def groups(config: MixedConfig, photo_folder: Path, tmp_path: Path) -> Path:
    """Three rendered groups."""
    folder = tmp_path / "groups"
    photos = read_list(photo_folder / "photos.csv")[:2]
    render(folder, photo_folder, photos, config.data.seed, config.data.groups, config.samples)
    return folder


@pytest.fixture
def prepare(start: HyperIQA, rated_folder: Path, photo_folder: Path, tmp_path: Path) -> Callable[..., Prepared]:
    """Prepared data of a configuration, in the folder ``prepared`` or another one."""

    def make(config: MixedConfig, name: str = "prepared") -> Prepared:
        photos = read_list(photo_folder / "photos.csv")[:2]
        prepared = Prepared(tmp_path / name, config, start, read_photos(rated_folder), photos)
        prepared.prepare(photo_folder)
        return prepared

    return make


@pytest.fixture
def model(start: HyperIQA, tmp_path: Path) -> Path:
    """``start`` as a model file with the description that is read from it."""
    path = tmp_path / "start.pt"
    scorer = PatchScorer(start).eval().requires_grad_(False)
    fold_same_padding(scorer)
    description = '{"backbone": "efficientnet_lite0", "score": {"bounded": true}}'
    torch.jit.save(torch.jit.script(scorer), str(path), _extra_files={"hyperiqa.json": description})
    return path
