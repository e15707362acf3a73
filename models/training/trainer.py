"""The training loop: end-to-end fine-tuning with checkpoints that resume exactly."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from hyperiqa import HyperIQA, build_network
from hyperiqa.backbones import load_lite0_imagenet
from hyperiqa.network import normalise

from . import metrics
from .config import Config
from .curves import CURVES, write_curves
from .folded import fold, unfold_into
from .losses import ranking_loss, regression_loss
from .photos import Photo, split
from .runs import CHECKPOINT, choose_device, read_checkpoint, save_whole, update_average
from .samples import GROUP, Groups, SampleOptions

_CURVE_COLUMNS = ("patches", "seconds", "regression", "ranking", "srcc", "plcc")

#: Validation groups are drawn with a seed of their own, whatever the seed of training is.
_VALIDATION_SEED = 7


@dataclass
class Progress:
    """State of the run in a checkpoint: steps done, seconds spent, and the rows of the curves."""

    step: int = 0
    seconds: float = 0.0
    rows: list[dict[str, float]] = field(default_factory=list)


class Trainer:
    """One run in one folder.

    ``folder`` receives the checkpoint and the curves; ``photos`` is the list (training and validation), ``data`` the
    folder with their files. An existing checkpoint in ``folder`` is resumed; it must have been made with the same
    configuration apart from [run], else ``ValueError``.
    """

    def __init__(self, config: Config, folder: Path, data: Path, photos: list[Photo]) -> None:
        self.config = config
        self.folder = folder
        self.progress = Progress()
        self._training, self._validation = split(photos, config.data.validation_sources)
        self._data = data
        self.device = choose_device(config.run.device)
        torch.set_num_threads(config.run.threads)
        torch.manual_seed(config.data.seed)

        network = start_network(config)
        fold(network)
        self.network = network.to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        options = config.optimiser
        if options.backbone_rate == 0:
            for parameter in network.backbone_parameters():
                parameter.requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            [
                {"params": network.backbone_parameters(), "lr": options.backbone_rate},
                {"params": network.head_parameters(), "lr": options.head_rate},
            ],
            weight_decay=options.weight_decay,
            foreach=True,
        )
        self._rates = [group["lr"] for group in self.optimiser.param_groups]
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / CHECKPOINT).exists():
            self._resume()

    def run(self, *, until: int | None = None, report: bool = True) -> None:
        """Train to the end of the schedule, or until ``until`` steps are done; saves a checkpoint at the end."""
        options, settings = self.config.optimiser, self.config.run
        last = options.steps if until is None else min(until, options.steps)
        batch = options.photos_per_batch * GROUP
        log_steps = max(1, settings.log_patches // batch)
        validate_steps = max(1, settings.validate_patches // batch)
        started = time.monotonic() - self.progress.seconds
        saved = time.monotonic()
        first_step, first_time = self.progress.step, time.monotonic()
        sums = np.zeros(2)
        counted = 0

        for patches, labels, weights in self._batches(last):
            sums += self._step(patches, labels, weights)
            counted += 1
            step = self.progress.step = self.progress.step + 1
            self.progress.seconds = time.monotonic() - started
            if step % log_steps == 0 or step == last:
                regression, ranking = (sums / counted).tolist()
                values = (step * batch, self.progress.seconds, regression, ranking)
                row: dict[str, float] = dict(zip(_CURVE_COLUMNS, values, strict=False))
                if step % validate_steps < log_steps or step == options.steps:
                    scores, targets, _ = self.validate()
                    row |= {"srcc": metrics.srcc(scores, targets), "plcc": metrics.plcc(scores, targets)}
                self.progress.rows.append(row)
                sums[:], counted = 0, 0
                if report:
                    speed = (step - first_step) / (time.monotonic() - first_time)
                    print(_line(row, speed * batch, (options.steps - step) / speed), flush=True)
            if time.monotonic() - saved >= settings.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        self.save()

    def validate(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(scores, labels, photograph numbers) of the averaged network on the patches of unseen photographs."""
        options = SampleOptions.table_only()
        count = self.config.data.validation_groups
        groups = Groups(self._data, self._validation, _VALIDATION_SEED, count, options)
        scores, labels = [], []
        with torch.inference_mode():
            for patches, group_labels, _ in self._loader(groups, 1):
                scores.append(self._scores(self.average, patches).cpu())
                labels.append(group_labels.flatten())
        units = np.repeat(np.arange(count) % len(self._validation), GROUP)
        return torch.cat(scores).numpy(), torch.cat(labels).numpy(), units

    def averaged_network(self) -> HyperIQA:
        """An ordinary network with the averaged weights, on the CPU."""
        network = build_network(self.config.model.backbone, output="bounded", activation=self.config.model.activation)
        unfold_into(copy.deepcopy(self.average).cpu(), network)
        return network.eval()

    def save(self) -> None:
        """Write checkpoint and curves; an interruption leaves the previous checkpoint whole."""
        state = {
            "config": self.config.fixed(),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "step": self.progress.step,
            "seconds": self.progress.seconds,
            "rows": self.progress.rows,
        }
        save_whole(state, self.folder / CHECKPOINT)
        write_curves(self.progress.rows, _CURVE_COLUMNS, self.folder / CURVES)

    def _resume(self) -> None:
        state = read_checkpoint(self.folder / CHECKPOINT, self.config.fixed())
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        self.progress = Progress(state["step"], state["seconds"], state["rows"])

    def _batches(self, last: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        options = self.config.optimiser
        count = last * options.photos_per_batch
        groups = Groups(self._data, self._training, self.config.data.seed, count, self.config.samples)
        rest = range(self.progress.step * options.photos_per_batch, count)
        return iter(self._loader(Subset(groups, rest), options.photos_per_batch))

    def _loader(self, groups: Any, size: int) -> DataLoader:
        # A generator of its own: the loader's draw of a base seed must not touch the state that is saved.
        return DataLoader(
            groups, batch_size=size, num_workers=self.config.data.workers, generator=torch.Generator().manual_seed(0)
        )

    def _scores(self, network: nn.Module, patches: Tensor) -> Tensor:
        # N×224×224×3 seen as N×3×224×224 is channels_last already.
        pixels = patches.flatten(0, 1).to(self.device).permute(0, 3, 1, 2)
        return network(normalise(pixels, next(network.parameters())))

    def _step(self, patches: Tensor, labels: Tensor, weights: Tensor) -> tuple[float, float]:
        options = self.config.optimiser
        factor = schedule(
            self.progress.step, options.steps, options.warmup_patches // (options.photos_per_batch * GROUP)
        )
        for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor
        labels, weights = labels.to(self.device), weights.to(self.device)
        scores = self._scores(self.network, patches).view_as(labels)
        regression = regression_loss(scores, labels, weights)
        ranking = ranking_loss(scores, labels)
        self.optimiser.zero_grad(set_to_none=True)
        (regression + options.ranking_weight * ranking).backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), options.gradient_limit, error_if_nonfinite=True)
        self.optimiser.step()
        update_average(self.average, self.network, options.average, self.progress.step)
        return regression.item(), ranking.item()


def start_network(config: Config) -> HyperIQA:
    """A network with ImageNet weights in the backbone and random heads, in inference mode."""
    network = build_network(config.model.backbone, output="bounded", activation=config.model.activation)
    if config.model.backbone != "efficientnet_lite0":
        raise ValueError("the package has no ImageNet weights for this backbone: [model] backbone = efficientnet_lite0")
    load_lite0_imagenet(network.res)
    return network.eval()


def schedule(step: int, steps: int, warmup: int) -> float:
    """Factor of the learning rates: linear rise over ``warmup`` steps, then a half cosine to zero at ``steps``."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def _line(row: dict[str, float], speed: float, left: float) -> str:
    text = f"{row['patches']:.0f} patches  regression {row['regression']:.4f}  ranking {row['ranking']:.4f}"
    if "srcc" in row:
        text += f"  validation SRCC {row['srcc']:.4f} PLCC {row['plcc']:.4f}"
    return f"{text}  {speed:.1f} patches/s  {left / 60:.0f} min left"
