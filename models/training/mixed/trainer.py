"""The training loop of a second stage, with checkpoints that resume exactly."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from hyperiqa import HyperIQA
from hyperiqa.network import normalise
from training.curves import CURVES, write_curves
from training.folded import fold, unfold_into
from training.losses import ranking_loss, regression_loss
from training.runs import CHECKPOINT, choose_device, read_checkpoint, save_whole, update_average
from training.trainer import schedule

from .config import MixedConfig
from .features import score_features
from .losses import ScoreScale, correlation_loss, opinion_loss

_LOSSES = ("opinion", "correlation", "regression", "ranking")
_CURVE_COLUMNS = ("step", "seconds", *_LOSSES, "shift", "slope")


@dataclass
class Progress:
    """State of the run in a checkpoint: steps done, seconds spent, sums of losses since the last row, rows."""

    step: int = 0
    seconds: float = 0.0
    sums: list[float] = field(default_factory=lambda: [0.0] * len(_LOSSES))
    counted: int = 0
    rows: list[dict[str, float]] = field(default_factory=list)


class MixedTrainer:
    """One run in one folder, which receives the checkpoint and the curves; an existing checkpoint is resumed.

    Args:
        config: of the run.
        folder: of the run.
        start: a network whose weights the run begins with; left as it is.
        scored: crops of human-scored photographs, (input, MOS); ``scored_per_step`` items a step. An input is uint8
            224×224×3 or, where three stages are frozen, what ``features.extract`` keeps.
        groups: synthetic groups, (eight inputs, labels, weights); ``groups_per_step`` items a step.
        made_from: says what the two were made from; a run is resumed with the same only.

    Raises:
        ValueError: the checkpoint was made with another configuration apart from [run], or from other data; or
            CUDA is asked for in vain.
    """

    def __init__(
        self,
        config: MixedConfig,
        folder: Path,
        start: HyperIQA,
        scored: Dataset[Any],
        groups: Dataset[Any],
        made_from: str,
    ) -> None:
        self.config = config
        self.folder = folder
        self.progress = Progress()
        options = config.optimiser
        self._scored = scored
        self._groups = groups
        self._made_with = {"config": config.fixed(), "from": made_from}
        self.device = choose_device(config.run.device)
        torch.set_num_threads(config.run.threads)

        self._start = start
        network = copy.deepcopy(start)
        fold(network)
        freeze_stages(network, options.frozen_stages)
        self.network = network.to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.scale = ScoreScale().to(self.device)
        self.optimiser = torch.optim.AdamW(
            [
                {"params": network.backbone_parameters(), "lr": options.backbone_rate},
                {"params": network.head_parameters(), "lr": options.head_rate},
                {"params": list(self.scale.parameters()), "lr": options.scale_rate, "weight_decay": 0.0},
            ],
            weight_decay=options.weight_decay,
            foreach=True,
        )
        self._rates = [group["lr"] for group in self.optimiser.param_groups]
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / CHECKPOINT).exists():
            self._resume()

    @property
    def done(self) -> bool:
        return self.progress.step == self.config.optimiser.steps

    def run(self, *, until: int | None = None, report: bool = True) -> None:
        """Train to the end of the schedule, or until ``until`` steps are done; saves a checkpoint at the end."""
        steps = self.config.optimiser.steps
        last = steps if until is None else min(until, steps)
        progress, started = self.progress, time.monotonic() - self.progress.seconds
        saved = begun_at = time.monotonic()
        begun = progress.step
        while progress.step < last:
            losses = self._step()
            progress.sums = [total + value for total, value in zip(progress.sums, losses, strict=True)]
            progress.counted += 1
            progress.step += 1
            progress.seconds = time.monotonic() - started
            if progress.step % self.config.run.log_steps == 0 or progress.step == steps:
                self._note()
                if report:
                    speed = (progress.step - begun) / (time.monotonic() - begun_at)
                    print(self._line((steps - progress.step) / speed), flush=True)
            if time.monotonic() - saved >= self.config.run.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        self.save()

    def averaged_network(self) -> HyperIQA:
        """An ordinary network with the averaged weights, on the CPU."""
        network = copy.deepcopy(self._start)
        unfold_into(copy.deepcopy(self.average).cpu(), network)
        return network.eval()

    def save(self) -> None:
        """Write checkpoint and curves; an interruption leaves the previous checkpoint whole."""
        state = {
            "made with": self._made_with,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "scale": self.scale.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": vars(self.progress),
        }
        save_whole(state, self.folder / CHECKPOINT)
        write_curves(self.progress.rows, _CURVE_COLUMNS, self.folder / CURVES)

    def _resume(self) -> None:
        state = read_checkpoint(self.folder / CHECKPOINT, self._made_with, "made with")
        for name in ("network", "average", "scale", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.progress = Progress(**state["progress"])

    def _step(self) -> list[float]:
        options, step = self.config.optimiser, self.progress.step
        factor = schedule(step, options.steps, options.warmup_steps)
        for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor

        crops, mos = _batch(self._scored, step, options.scored_per_step)
        inputs = [crops]
        if options.groups_per_step:
            patches, labels, weights = _batch(self._groups, step, options.groups_per_step)
            inputs.append(patches.flatten(0, 1))
        scores = self._scores(torch.cat(inputs))
        scored, mos = scores[: len(mos)], mos.to(self.device)
        losses = [opinion_loss(scored, mos, self.scale), correlation_loss(scored, mos)]
        total = losses[0] + options.correlation_weight * losses[1]
        if options.groups_per_step:
            labels, weights = labels.to(self.device), weights.to(self.device)
            synthetic = scores[len(mos) :].view_as(labels)
            losses += [regression_loss(synthetic, labels, weights), ranking_loss(synthetic, labels)]
            total = total + options.synthetic_weight * (losses[2] + options.ranking_weight * losses[3])
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), options.gradient_limit, error_if_nonfinite=True)
        self.optimiser.step()
        update_average(self.average, self.network, options.average, step)
        return [loss.item() for loss in losses] + [0.0] * (len(_LOSSES) - len(losses))

    def _scores(self, inputs: Tensor) -> Tensor:
        inputs = inputs.to(self.device)
        if inputs.dtype != torch.uint8:
            return score_features(self.network, inputs)
        # N×224×224×3 seen as N×3×224×224 is channels_last already.
        return self.network(normalise(inputs.permute(0, 3, 1, 2), next(self.network.parameters())))

    def _note(self) -> None:
        """Add a row to the curves."""
        progress = self.progress
        means = [value / progress.counted for value in progress.sums]
        row: dict[str, float] = {"step": progress.step, "seconds": progress.seconds}
        row |= dict(zip(_LOSSES, means, strict=True))
        row |= {"shift": self.scale.shift.item(), "slope": self.scale.log_slope.exp().item()}
        progress.rows.append(row)
        progress.sums, progress.counted = [0.0] * len(_LOSSES), 0

    def _line(self, left: float) -> str:
        row = self.progress.rows[-1]
        text = "  ".join(f"{name} {row[name]:.4f}" for name in (*_LOSSES, "shift", "slope"))
        return f"step {row['step']:.0f}  {text}  {left / 60:.0f} min left"


def freeze_stages(network: HyperIQA, count: int) -> None:
    """Exclude the stem and the first ``count`` stages of an EfficientNet-Lite0 from training; nothing if that is 0."""
    parts = [network.res.stem, network.res.layer1, network.res.layer2, network.res.layer3, network.res.layer4]
    for part in parts[: count + 1] if count else []:
        part.requires_grad_(False)


def _batch(items: Any, step: int, size: int) -> list[Tensor]:
    """The items of a step, stacked."""
    parts = zip(*(items[number] for number in range(step * size, (step + 1) * size)), strict=True)
    return [torch.from_numpy(np.stack(part)) for part in parts]
