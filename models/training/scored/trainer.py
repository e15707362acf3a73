"""One training run on a human-scored set, after the published protocol, with checkpoints that resume exactly.

Differences from the authors' code, where it does not do what the paper describes: one optimiser lives through the run
(theirs is made anew after each epoch, from a filter that is used up by then, so that the hyper network stops
learning); both learning rates fall; and the epoch is chosen on a validation part, not on the test part.
"""

from __future__ import annotations

import csv
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Subset

from hyperiqa import HyperIQA
from training import metrics
from training.curves import CURVES, write_curves
from training.runs import CHECKPOINT, choose_device, read_checkpoint, save_whole

from .config import ScoredConfig
from .crops import EpochCrops
from .measure import correlation, image_scores, load_batches, network_input
from .pixels import Pixels
from .splits import Split
from .start import start_network

BEST = "best.pth"
SPLIT = "split.csv"
_CURVE_COLUMNS = ("patches", "epoch", "seconds", "l1", "srcc", "plcc")


@dataclass
class Progress:
    """State of the run in a checkpoint.

    Attributes:
        epoch: epochs done.
        step: steps done in the epoch under way.
        seconds: spent in all.
        loss, counted: sum of the losses since the last row of the curves, and their number.
        best_epoch, best_srcc: of the validation part so far; 0 and None before the first. An undefined correlation
            is None, too, and worse than any.
        rows: of the curves.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    counted: int = 0
    best_epoch: int = 0
    best_srcc: float | None = None
    rows: list[dict[str, float]] = field(default_factory=list)


class ScoredTrainer:
    """A run in a folder, which receives ``checkpoint.pt``, ``curves.csv``, ``split.csv`` and, after each epoch that is
    the best so far on the validation part, ``best.pth`` in the layout that ``hyperiqa.checkpoints`` reads.

    An existing checkpoint is resumed; ``ValueError`` if it was made with another configuration or other data.

    Args:
        config: of the run.
        folder: of the run.
        split: parts of the set.
        pixels: prepared images of all parts.
        run: number of the run, from 1; with the seed it decides on crops and initial heads.
        pretrained: file for the backbone, see ``hyperiqa.pretrained.load_pretrained``.
        details: further entries of ``best.pth``, such as ``licence`` and ``description``.

    Raises:
        ValueError: as above, or CUDA is asked for in vain.
        hyperiqa.errors.ModelError: the pretrained weights cannot be read or do not fit.
    """

    def __init__(
        self,
        config: ScoredConfig,
        folder: Path,
        split: Split,
        pixels: Pixels,
        run: int = 1,
        pretrained: Path | None = None,
        details: Mapping[str, str] | None = None,
    ) -> None:
        self.config = config
        self.folder = folder
        self.split = split
        self.progress = Progress()
        self._pixels = pixels
        self._run = run
        self._details = dict(details or {})
        self._data = _fingerprint(split)
        device = choose_device(config.run.device)
        torch.set_num_threads(config.run.threads)

        network = start_network(config.model, pretrained, config.data.seed + run)
        self.network = network.to(device, memory_format=torch.channels_last)
        options = config.optimiser
        self._rates = (options.backbone_rate, options.backbone_rate * options.head_factor)
        self.optimiser = torch.optim.Adam(
            [
                {"params": network.backbone_parameters(), "lr": self._rates[0]},
                {"params": network.head_parameters(), "lr": self._rates[1]},
            ],
            weight_decay=options.weight_decay,
            foreach=True,
        )
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / CHECKPOINT).exists():
            self._resume()
        else:
            _write_split(split, folder / SPLIT)

    @property
    def steps(self) -> int:
        """Steps of an epoch; the last one may have fewer crops."""
        return -(-len(self.split.training) * self.config.data.crops // self.config.optimiser.batch)

    def run(self, *, until: int | None = None, report: bool = True) -> None:
        """Train to the last epoch, or until ``until`` steps are done in all.

        Raises:
            FloatingPointError: the loss is no longer finite; the last checkpoint is from before.
        """
        epochs = self.config.optimiser.epochs
        last = epochs * self.steps if until is None else min(until, epochs * self.steps)
        progress = self.progress
        started = time.monotonic() - progress.seconds
        begun, begun_at = self._done(), time.monotonic()
        saved = time.monotonic()
        while self._done() < last:
            self._set_rates()
            self.network.train()
            for crops, targets in self._batches():
                progress.loss += self._step(crops, targets)
                progress.counted += 1
                progress.step += 1
                progress.seconds = time.monotonic() - started
                complete = progress.step == self.steps
                if complete or progress.step % self.config.run.log_steps == 0:
                    self._note(self._finish_epoch() if complete else {})
                    if report:
                        speed = (self._done() - begun) / (time.monotonic() - begun_at)
                        print(self._line(speed, (last - self._done()) / speed), flush=True)
                if complete or time.monotonic() - saved >= self.config.run.checkpoint_seconds:
                    self.save()
                    saved = time.monotonic()
                if complete or self._done() >= last:
                    break
        if self.progress.step:
            self.save()

    def save(self) -> None:
        """Write checkpoint and curves; an interruption leaves the previous checkpoint whole."""
        state = {
            "config": self.config.fixed(),
            "data": self._data,
            "run": self._run,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": vars(self.progress),
        }
        save_whole(state, self.folder / CHECKPOINT)
        write_curves(self.progress.rows, _CURVE_COLUMNS, self.folder / CURVES)

    def _resume(self) -> None:
        path = self.folder / CHECKPOINT
        state = read_checkpoint(path, self.config.fixed())
        if (state["data"], state["run"]) != (self._data, self._run):
            raise ValueError(f"{path} was made with other images, scores or another split; use another folder")
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.progress = Progress(**state["progress"])

    def _done(self) -> int:
        return self.progress.epoch * self.steps + self.progress.step

    def _set_rates(self) -> None:
        options = self.config.optimiser
        factor = options.decay_factor ** (self.progress.epoch // options.decay_epochs)
        for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor

    def _batches(self) -> Any:
        """The batches of the epoch that are still to do."""
        options, batch = self.config.data, self.config.optimiser.batch
        crops = EpochCrops(
            self.split.training, self._pixels, options.crops, options.seed, self._run, self.progress.epoch
        )
        rest = Subset(crops, range(self.progress.step * batch, len(crops)))
        return load_batches(rest, batch, options.workers)

    def _step(self, crops: Tensor, targets: Tensor) -> float:
        scores = self.network(network_input(crops, self.network))
        loss = F.l1_loss(scores, targets.to(scores))
        value = loss.item()
        if value != value or value == float("inf"):
            raise FloatingPointError(f"{self.folder}: the loss is not finite in epoch {self.progress.epoch + 1}")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return value

    def _finish_epoch(self) -> dict[str, float]:
        """Validate, keep the weights if they are the best, and go on to the next epoch.

        Returns the correlations that are defined.
        """
        progress, images = self.progress, self.split.validation
        scores = image_scores(self.network, images, self._pixels, self.config.data.test_crops, self.config.data.workers)
        targets = torch.tensor([image.score for image in images], dtype=torch.float64).numpy()
        found = {"srcc": correlation(metrics.srcc, scores, targets), "plcc": correlation(metrics.plcc, scores, targets)}
        progress.epoch += 1
        progress.step = 0
        if progress.best_epoch == 0 or _better(found["srcc"], progress.best_srcc):
            progress.best_epoch, progress.best_srcc = progress.epoch, found["srcc"]
            self._save_best(self.network)
        return {name: value for name, value in found.items() if value is not None}

    def _save_best(self, network: HyperIQA) -> None:
        options = self.config.model
        state = {
            "state_dict": {name: value.cpu().contiguous() for name, value in network.state_dict().items()},
            "backbone": options.backbone,
            "activation": options.activation,
            "output": options.output,
            **self._details,
        }
        save_whole(state, self.folder / BEST)

    def _note(self, validation: Mapping[str, float]) -> None:
        """Add a row to the curves."""
        progress = self.progress
        # An epoch's last batch may be smaller, but not the epoch.
        in_epoch = min(progress.step * self.config.optimiser.batch, self._epoch_patches())
        row: dict[str, float] = {
            "patches": progress.epoch * self._epoch_patches() + in_epoch,
            "epoch": progress.epoch + in_epoch / self._epoch_patches(),
            "seconds": progress.seconds,
            "l1": progress.loss / progress.counted,
        }
        progress.rows.append({**row, **validation})
        progress.loss, progress.counted = 0.0, 0

    def _epoch_patches(self) -> int:
        return len(self.split.training) * self.config.data.crops

    def _line(self, speed: float, seconds: float) -> str:
        row = self.progress.rows[-1]
        text = f"epoch {row['epoch']:.2f}/{self.config.optimiser.epochs}  L1 {row['l1']:.2f}"
        if self.progress.step == 0:
            srcc = f"{row['srcc']:.4f}" if "srcc" in row else "undefined"
            plcc = f"{row['plcc']:.4f}" if "plcc" in row else "undefined"
            text += f"  validation SRCC {srcc} PLCC {plcc}"
        return f"{text}  {speed * self.config.optimiser.batch:.1f} patches/s  {seconds / 60:.0f} min left"


def _better(found: float | None, best: float | None) -> bool:
    return found is not None and (best is None or found > best)


def _fingerprint(split: Split) -> str:
    """SHA-256 of the parts: names and scores of their images."""
    digest = hashlib.sha256()
    for name, images in split.parts().items():
        for image in images:
            digest.update(f"{name}\0{image.file}\0{image.score!r}\n".encode())
    return digest.hexdigest()


def _write_split(split: Split, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("image_name", "set", "MOS"))
        for name, images in split.parts().items():
            writer.writerows((image.file, name, f"{image.score:.6f}") for image in images)
