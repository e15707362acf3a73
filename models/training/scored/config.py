"""The configuration of a training on human-scored sets."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from hyperiqa.backbones import BACKBONES, LITE_ACTIVATIONS
from hyperiqa.network import OUTPUTS

SPLITS = ("random", "official")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class ModelOptions:
    """Arguments of ``hyperiqa.build_network``."""

    backbone: str
    activation: str
    output: str

    def __post_init__(self) -> None:
        _require(self.backbone in BACKBONES, f"backbone must be one of {', '.join(BACKBONES)}")
        _require(self.activation in LITE_ACTIVATIONS, f"activation must be one of {', '.join(LITE_ACTIVATIONS)}")
        _require(self.output in OUTPUTS, f"output must be one of {', '.join(OUTPUTS)}")


@dataclass(frozen=True)
class DataOptions:
    """See scored.toml. Shares are above 0 and below 1."""

    seed: int
    runs: int
    split: str
    test_share: float
    validation_share: float
    crops: int
    test_crops: int
    workers: int

    def __post_init__(self) -> None:
        _require(self.split in SPLITS, f"split must be one of {', '.join(SPLITS)}")
        for name in ("test_share", "validation_share"):
            _require(0 < getattr(self, name) < 1, f"{name} must be above 0 and below 1")
        for name in ("runs", "crops", "test_crops"):
            _require(getattr(self, name) >= 1, f"{name} must be at least 1")
        for name in ("seed", "workers"):
            _require(getattr(self, name) >= 0, f"{name} must not be negative")


@dataclass(frozen=True)
class OptimiserOptions:
    """See scored.toml."""

    batch: int
    epochs: int
    backbone_rate: float
    head_factor: float
    decay_epochs: int
    decay_factor: float
    weight_decay: float

    def __post_init__(self) -> None:
        for name in ("batch", "epochs", "decay_epochs"):
            _require(getattr(self, name) >= 1, f"{name} must be at least 1")
        for name in ("backbone_rate", "head_factor", "decay_factor"):
            _require(getattr(self, name) > 0, f"{name} must be above 0")
        _require(self.weight_decay >= 0, "weight_decay must not be negative")


@dataclass(frozen=True)
class RunOptions:
    """See scored.toml."""

    threads: int
    device: str
    checkpoint_seconds: float
    log_steps: int

    def __post_init__(self) -> None:
        for name in ("threads", "log_steps"):
            _require(getattr(self, name) >= 1, f"{name} must be at least 1")


@dataclass(frozen=True)
class ScoredConfig:
    """The tables of scored.toml; ``training.config.read_tables`` reads it."""

    model: ModelOptions
    data: DataOptions
    optimiser: OptimiserOptions
    run: RunOptions

    def fixed(self) -> dict[str, Any]:
        """Settings that a resumed run must share with the interrupted one."""
        values = dataclasses.asdict(self)
        del values["run"]
        del values["data"]["workers"]
        del values["data"]["runs"]
        del values["optimiser"]["epochs"]
        return values
