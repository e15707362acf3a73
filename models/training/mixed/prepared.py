"""Files that all runs of a second stage share: rendered groups, and features where the first stages are frozen."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from hyperiqa import HyperIQA
from training.photos import Photo
from training.samples import GROUP

from .config import MixedConfig
from .crops import Crops, ScoredPhoto
from .features import FROZEN_STAGES, FeatureFiles, GroupFeatures, ScoredFeatures
from .groups import RenderedGroups, render

MADE_FROM = "made-from.json"

Report = Callable[[str], None]


class Prepared:
    """A folder of prepared data.

    Args:
        folder: is filled by ``prepare``.
        config: of the runs.
        start: the network that they begin with.
        scored: all human-scored photographs, in the order of their list.
        photos: those that synthetic groups are made of.

    Raises:
        ValueError: the folder was made from something else.
    """

    def __init__(
        self, folder: Path, config: MixedConfig, start: HyperIQA, scored: Sequence[ScoredPhoto], photos: list[Photo]
    ) -> None:
        self._folder = folder
        self._config = config
        self._start = start
        self._scored = scored
        self._photos = photos
        self._features = config.optimiser.frozen_stages >= FROZEN_STAGES
        made_from = {
            "data": dataclasses.asdict(config.data),
            "samples": dataclasses.asdict(config.samples),
            "photos": _digest(photo.sha256 for photo in photos),
        }
        if self._features:
            made_from["crops"] = dataclasses.asdict(config.crops)
            made_from["scored"] = _digest(f"{photo.path.name} {photo.mos!r}" for photo in scored)
            made_from["start"] = _weights_digest(start)
        text = json.dumps(made_from, indent=2)
        path = folder / MADE_FROM
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise ValueError(f"{folder} was prepared from other data or with other settings; use another folder")
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def prepare(self, data: Path, report: Report = lambda line: None) -> None:
        """Make what is missing; ``data`` is the folder of the photographs of the groups."""
        options = self._config.data
        render(
            self._folder / "groups",
            data,
            self._photos,
            options.seed,
            options.groups,
            self._config.samples,
            lambda done: report(f"{done} groups rendered"),
        )
        if not self._features:
            return
        groups = self._groups((0,), 1)
        self._files("groups").write(
            self._start,
            options.groups * GROUP,
            lambda number: groups.rendered(number // GROUP)[0][number % GROUP],
            lambda done: report(f"features of {done} synthetic patches"),
        )
        crops = Crops(self._scored, (options.seed,), self._config.crops.count * len(self._scored), self._config.crops)
        self._files("scored").write(
            self._start,
            len(crops),
            lambda number: crops.crop(*reversed(divmod(number, len(self._scored)))),
            lambda done: report(f"features of {done} crops"),
        )

    def datasets(self, training: Sequence[ScoredPhoto], run: int) -> tuple[Dataset[Any], Dataset[Any], str]:
        """(scored crops, synthetic groups, what they were made from) of a run that trains on ``training``.

        ``run`` decides with the seed on the order, and on the crops.
        """
        config, key = self._config, (self._config.data.seed, run)
        made_from = f"{run} {_digest(f'{photo.path.name} {photo.mos!r}' for photo in training)}"
        count = config.optimiser.steps * config.optimiser.scored_per_step
        groups = self._groups(key, config.optimiser.steps * config.optimiser.groups_per_step)
        if not self._features:
            return Crops(training, key, count, config.crops), groups, made_from
        scored = ScoredFeatures(self._files("scored"), self._scored, training, config.crops.count, key, count)
        return scored, GroupFeatures(self._files("groups"), groups), made_from

    def _groups(self, key: tuple[int, ...], count: int) -> RenderedGroups:
        return RenderedGroups(self._folder / "groups", self._config.data.groups, key, count)

    def _files(self, name: str) -> FeatureFiles:
        return FeatureFiles(self._folder / f"features-{name}")


def _digest(lines: Any) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _weights_digest(network: HyperIQA) -> str:
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(value.detach().to(torch.float32)).tobytes())
    return digest.hexdigest()
