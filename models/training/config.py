"""The configuration of a run, read from TOML and checked."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from .samples import GROUP, SampleOptions

_T = TypeVar("_T")


@dataclass(frozen=True)
class ModelOptions:
    backbone: str
    activation: str


@dataclass(frozen=True)
class DataOptions:
    """``validation_groups`` groups are drawn from the photographs of ``validation_sources``."""

    seed: int
    validation_sources: tuple[str, ...]
    validation_groups: int
    workers: int


@dataclass(frozen=True)
class OptimiserOptions:
    """Lengths are in patches, so that a run can be cut anywhere; the rates fall along a cosine to zero.

    A ``backbone_rate`` of 0 freezes the backbone: the heads learn on its ImageNet features.
    """

    photos_per_batch: int
    patches: int
    backbone_rate: float
    head_rate: float
    weight_decay: float
    warmup_patches: int
    ranking_weight: float
    gradient_limit: float
    average: float

    @property
    def steps(self) -> int:
        return self.patches // (self.photos_per_batch * GROUP)

    def __post_init__(self) -> None:
        if self.photos_per_batch < 1 or self.steps < 1:
            raise ValueError("[optimiser] patches must be enough for one batch of at least one photograph")
        if not 0 <= self.average < 1:
            raise ValueError(f"[optimiser] average must be from 0 to below 1, not {self.average}")


@dataclass(frozen=True)
class RunOptions:
    threads: int
    device: str
    checkpoint_seconds: float
    log_patches: int
    validate_patches: int


@dataclass(frozen=True)
class Config:
    model: ModelOptions
    data: DataOptions
    samples: SampleOptions
    optimiser: OptimiserOptions
    run: RunOptions

    def fixed(self) -> dict[str, Any]:
        """Settings that a resumed run must share with the interrupted one.

        The [run] table, the number of loader processes and the length of the schedule may differ: a run that must end
        earlier than planned is resumed with fewer patches, and its learning rates then follow the shorter cosine.
        """
        values = dataclasses.asdict(self)
        del values["run"]
        del values["data"]["workers"]
        del values["optimiser"]["patches"]
        return values


def read_config(path: Path) -> Config:
    """Read a configuration. Raises ``ValueError`` naming the table for missing, unknown or impossible values."""
    return read_tables(path, Config)


def read_tables(path: Path, kind: type[_T]) -> _T:
    """Read a TOML file into ``kind``, a dataclass of dataclasses: one for each table of the file.

    Raises ``ValueError`` naming the table for missing, unknown or impossible values.
    """
    with path.open("rb") as file:
        tables = tomllib.load(file)
    kinds = get_type_hints(kind)
    if tables.keys() != kinds.keys():
        raise ValueError(f"{path}: tables must be {', '.join(kinds)}")
    return kind(**{name: _table(path, name, table, tables[name]) for name, table in kinds.items()})


def _table(path: Path, name: str, kind: type[_T], table: dict[str, Any]) -> _T:
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: [{name}]: {error}") from error
