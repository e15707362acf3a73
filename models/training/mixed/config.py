"""The configuration of a second stage, read from TOML and checked."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.config import read_tables
from training.samples import SampleOptions


@dataclass(frozen=True)
class DataOptions:
    """``folds``: parts of the human-scored set, each left out by one run; ``groups``: synthetic groups on disk."""

    seed: int
    folds: int
    groups: int
    validation_sources: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.folds < 2 or self.groups < 1:
            raise ValueError("folds must be at least 2 and groups at least 1")


@dataclass(frozen=True)
class CropOptions:
    """Cropping of human-scored photographs.

    ``scale``: range of the shorter side over the 384 pixels of the native protocol; ``stretch``: range of the factor on
    width over height, for photographs that were squashed before people scored them. ``count``: crops of each
    photograph whose features are kept on disk, where three stages are frozen; else crops are drawn anew at each pass.
    """

    count: int
    scale: tuple[float, float]
    stretch: tuple[float, float]

    def __post_init__(self) -> None:
        for name in ("scale", "stretch"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} must ascend from above 0")
        if self.count < 1:
            raise ValueError("count must be at least 1")
        if self.scale[0] * 384 < 224:
            raise ValueError("scale must leave at least the 224 pixels of a patch")


@dataclass(frozen=True)
class OptimiserOptions:
    """The rates rise linearly over ``warmup_steps`` and fall along a cosine to zero.

    ``frozen_stages`` of the backbone's four, the stem with the first, stay as they are: they have learnt what faults
    look like, and most of the time of a step is theirs.
    """

    steps: int
    frozen_stages: int
    scored_per_step: int
    groups_per_step: int
    backbone_rate: float
    head_rate: float
    scale_rate: float
    weight_decay: float
    warmup_steps: int
    correlation_weight: float
    ranking_weight: float
    synthetic_weight: float
    gradient_limit: float
    average: float

    def __post_init__(self) -> None:
        if self.steps < 1 or self.groups_per_step < 0:
            raise ValueError("steps must be at least 1 and groups_per_step at least 0")
        if not 0 <= self.frozen_stages <= 4:
            raise ValueError(f"frozen_stages must be from 0 to 4, not {self.frozen_stages}")
        if self.scored_per_step < 3:
            raise ValueError("scored_per_step must be at least 3: a correlation needs as many")
        if not 0 <= self.average < 1:
            raise ValueError(f"average must be from 0 to below 1, not {self.average}")


@dataclass(frozen=True)
class RunOptions:
    threads: int
    device: str
    checkpoint_seconds: float
    log_steps: int


@dataclass(frozen=True)
class MixedConfig:
    data: DataOptions
    samples: SampleOptions
    crops: CropOptions
    optimiser: OptimiserOptions
    run: RunOptions

    def fixed(self) -> dict[str, Any]:
        """Settings that a resumed run must share with the interrupted one: all but [run] and the schedule's length.

        A run that must end earlier than planned is resumed with fewer steps, and its learning rates then follow the
        shorter cosine.
        """
        values = dataclasses.asdict(self)
        del values["run"]
        del values["optimiser"]["steps"]
        return values


def read_config(path: Path) -> MixedConfig:
    """Read a configuration. Raises ``ValueError`` naming the table for missing, unknown or impossible values."""
    return read_tables(path, MixedConfig)
