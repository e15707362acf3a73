"""Feature maps of the first three stages on disk, for runs that leave those stages as they are.

Kept are stage 3 and, of stages 1 and 2, the means over 7×7 fields: the LDA heads pool so after a 1×1 convolution, and
the two commute. A step then costs a third of one with a single frozen stage, and crops are drawn once for all runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from hyperiqa import HyperIQA
from hyperiqa.network import normalise
from training.samples import GROUP

from .crops import ScoredPhoto
from .groups import RenderedGroups

FROZEN_STAGES = 3
_FIELD = 7
#: Sides of what is kept of the stages 1, 2 and 3 of a 224×224 patch.
_SIDES = (8, 4, 14)
#: Patches of one file, 48 MB.
CHUNK = 1000
_AT_ONCE = 20


def extract(network: HyperIQA, patches: Tensor) -> Tensor:
    """Features kept of the stages of uint8 N×224×224×3, flattened: N×values, fp32."""
    pixels = normalise(patches.permute(0, 3, 1, 2), next(network.parameters()))
    with torch.no_grad():
        stage1 = network.res.layer1(network.res.stem(pixels))
        stage2 = network.res.layer2(stage1)
        kept = (F.avg_pool2d(stage1, _FIELD), F.avg_pool2d(stage2, _FIELD), network.res.layer3(stage2))
        return torch.cat([part.flatten(1) for part in kept], dim=1)


def score_features(network: HyperIQA, features: Tensor) -> Tensor:
    """Scores of patches whose ``extract`` is given, by the last stage and the heads."""
    channels = network.res.stage_channels[:FROZEN_STAGES]
    shapes = [(count, side, side) for count, side in zip(channels, _SIDES, strict=True)]
    parts = features.split([math.prod(shape) for shape in shapes], dim=1)
    pooled1, pooled2, stage3 = (part.unflatten(1, shape) for part, shape in zip(parts, shapes, strict=True))
    stages = (*(part.repeat_interleave(_FIELD, 2).repeat_interleave(_FIELD, 3) for part in (pooled1, pooled2)), stage3)
    network.res.stages = lambda _: (*stages, network.res.layer4(stage3))
    try:
        return network(features)
    finally:
        del network.res.stages


class FeatureFiles:
    """Features of patches 0, 1, 2, … in fp16, in a folder that belongs to one network and one list of patches."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[Path, np.ndarray] = {}

    def write(
        self,
        network: HyperIQA,
        count: int,
        patches: Callable[[int], np.ndarray],
        report: Callable[[int], None] = lambda done: None,
    ) -> None:
        """Extract those of ``count`` patches that are missing; ``patches`` gives uint8 224×224×3 by number."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for first in range(0, count, CHUNK):
            path = self._path(first)
            if path.exists():
                continue
            numbers = range(first, min(first + CHUNK, count))
            parts = [
                extract(
                    network,
                    torch.from_numpy(np.stack([patches(number) for number in numbers[start : start + _AT_ONCE]])),
                )
                for start in range(0, len(numbers), _AT_ONCE)
            ]
            partial = path.with_suffix(".partial.npy")
            np.save(partial, torch.cat(parts).half().numpy())
            partial.replace(path)
            report(numbers.stop)

    def read(self, numbers: Sequence[int]) -> np.ndarray:
        """Features of patches, fp32 numbers×values."""
        return np.stack([self._chunk(number // CHUNK)[number % CHUNK] for number in numbers]).astype(np.float32)

    def _chunk(self, number: int) -> np.ndarray:
        path = self._path(number * CHUNK)
        if path not in self._open:
            self._open[path] = np.load(path, mmap_mode="r")
        return self._open[path]

    def _path(self, first: int) -> Path:
        return self._folder / f"features-{first:06}.npy"


class ScoredFeatures(Dataset[tuple[np.ndarray, np.float32]]):
    """Like ``crops.Crops``, of crops whose features are on disk. Items are (features, MOS).

    Args:
        files: of ``crops`` crops of each photograph; crop k of photograph p has the number k · len(listed) + p.
        listed: all photographs, in the order of the files.
        photos: those to draw from.
        crops: of each photograph.
        key: of the draws.
        count: of items.
    """

    def __init__(
        self,
        files: FeatureFiles,
        listed: Sequence[ScoredPhoto],
        photos: Sequence[ScoredPhoto],
        crops: int,
        key: tuple[int, ...],
        count: int,
    ) -> None:
        self._files = files
        self._total = len(listed)
        places = {photo: place for place, photo in enumerate(listed)}
        self._photos = [(places[photo], photo.mos) for photo in photos]
        self._crops = crops
        self._key = key
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.float32]:
        turn, place = divmod(number, len(self._photos))
        order = np.random.default_rng((*self._key, 1, turn)).permutation(len(self._photos))
        photo, mos = self._photos[order[place]]
        crop = int(np.random.default_rng((*self._key, 2, number)).integers(self._crops))
        return self._files.read([crop * self._total + photo])[0], np.float32(mos)


class GroupFeatures(Dataset[tuple[np.ndarray, np.ndarray, np.ndarray]]):
    """Groups of ``groups`` by their features: (8×values, labels, weights); version v of group g is number 8 · g + v."""

    def __init__(self, files: FeatureFiles, groups: RenderedGroups) -> None:
        self._files = files
        self._groups = groups

    def __len__(self) -> int:
        return len(self._groups)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        group = self._groups.place(number)
        _, labels, weights = self._groups.rendered(group)
        return self._files.read(range(group * GROUP, (group + 1) * GROUP)), labels, weights
