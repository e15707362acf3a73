"""Training samples: groups of eight versions of one crop, a pure function of (seed, group number).

Because nothing but the two numbers decides about a group, a run can be interrupted and resumed anywhere, with any
number of loader processes, and sees the same samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from torch.utils.data import Dataset

from .chains import draw_chain
from .distortions import KINDS, compression, distort
from .distortions.convert import to_float, to_uint8
from .distortions.faults import COLOUR_FAULTS, FAULTS
from .labels import CLEAN_KADID, CLEAN_LABEL, LEVELS, label, to_score
from .photos import Photo, read_rgb, resize_short_side
from .reference_quality import loss

PATCH = 224
#: Distortions are rendered on a larger window, so that no border effect and no fixed block grid shows in the patch.
WINDOW = 256
GROUP = 8


@dataclass(frozen=True)
class SampleOptions:
    """Composition of a group.

    ``chains``: of the eight versions, how many are one camera chain at different strengths; ``faults``: how many have a
    single fault outside KADID. One version is unimpaired, the rest are KADID distortions, two levels of a type at a
    time. ``estimate_weight``: weight of the labels of chains and faults, which are estimates, in the regression loss.
    ``grey_share`` of the groups are made from a black-and-white version of the photograph, ``turned_share`` from one
    turned by one to three quarters: what a fault looks like does not depend on which way is up.
    ``sides``: range of the shorter side of the photograph that crops are cut from; ``usual_side`` is used for the share
    ``usual_share`` of the groups.
    """

    chains: int = 2
    faults: int = 1
    estimate_weight: float = 0.5
    grey_share: float = 0.04
    turned_share: float = 0.5
    sides: tuple[int, int] = (300, 600)
    usual_side: int = 384
    usual_share: float = 0.6

    def __post_init__(self) -> None:
        if self.chains < 0 or self.faults < 0 or self.chains + self.faults >= GROUP:
            raise ValueError(f"chains and faults must be 0..{GROUP - 1} together, not {self.chains} and {self.faults}")
        if not WINDOW <= self.sides[0] <= self.sides[1] or self.usual_side < WINDOW:
            raise ValueError(f"sides must ascend from at least {WINDOW}")

    @classmethod
    def table_only(cls, chains: int = 0) -> SampleOptions:
        """Settings for measuring: scale 384, photographs as they are, no faults outside the table."""
        return cls(chains=chains, faults=0, grey_share=0, turned_share=0, usual_share=1)


@dataclass(frozen=True)
class Group:
    """Eight versions of one crop: ``patches`` uint8 8×224×224×3, ``labels`` and ``weights`` float32 of length 8."""

    patches: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


def sharpest_window(image: np.ndarray, rng: np.random.Generator, tries: int = 3) -> np.ndarray:
    """A random 256×256 window; of ``tries`` drawn, the one with most detail.

    Skies and defocused backgrounds show little of a distortion: labelled as the whole picture is, they would teach
    noise.
    """
    height, width = image.shape[:2]
    best, best_detail = image, -1.0
    for _ in range(tries):
        top = int(rng.integers(0, height - WINDOW + 1))
        left = int(rng.integers(0, width - WINDOW + 1))
        window = image[top : top + WINDOW, left : left + WINDOW]
        grey = cv2.cvtColor(window, cv2.COLOR_RGB2GRAY)
        detail = float(np.abs(cv2.Laplacian(grey, cv2.CV_16S)).mean())
        if detail > best_detail:
            best, best_detail = window, detail
    return np.ascontiguousarray(best)


def draw_window(image: np.ndarray, options: SampleOptions, rng: np.random.Generator) -> np.ndarray:
    """A 256×256 window of a photograph at a random scale, mirrored half of the time, turned as the options say."""
    side = options.usual_side
    if rng.random() >= options.usual_share:
        side = int(rng.integers(options.sides[0], options.sides[1] + 1))
    image = resize_short_side(image, side)
    if min(image.shape[:2]) < WINDOW:
        raise ValueError(f"photographs must have at least {WINDOW} pixels on the shorter side")
    window = sharpest_window(image, rng)
    if rng.random() < 0.5:
        window = window[:, ::-1]
    if rng.random() < options.turned_share:
        window = np.rot90(window, int(rng.integers(1, 4)))
    return np.ascontiguousarray(window)


def in_grey(window: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A black-and-white version, with channels weighted as by a random filter; three equal channels."""
    weights = rng.dirichlet((3.0, 6.0, 1.0))
    return np.repeat(to_uint8(to_float(window) @ weights)[..., None], 3, axis=2)


#: Saturation in HSV at factor 0: in the database people saw the colour original beside it and marked it down. By itself
#: it is a black-and-white photograph, and those are not damaged; nothing is learnt from it.
_GREY_LEVEL = (7, 4)
#: Types that change the saturation, in HSV and in Lab.
_SATURATION = {7, 8}


def make_group(image: np.ndarray, options: SampleOptions, rng: np.random.Generator) -> Group:
    """Eight versions of one crop of ``image`` (RGB uint8)."""
    window = draw_window(image, options, rng)
    if rng.random() < options.grey_share:
        window = in_grey(window, rng)
    clean = compression.jpeg(window, rng.uniform(88, 97), rng) if rng.random() < 0.3 else window

    singles = GROUP - 1 - options.chains - options.faults
    # Without colours, less of them is no distortion.
    kinds = list(KINDS) if np.ptp(window, axis=2).any() else [number for number in KINDS if number not in _SATURATION]
    types = rng.choice(kinds, size=(singles + 1) // 2, replace=False)
    pairs = [(int(t), int(level)) for t in types for level in rng.choice(LEVELS, size=2, replace=False) + 1][:singles]
    chain = draw_chain(rng)
    strengths = 1 - rng.random(options.chains)
    faults = [(str(name), rng.random()) for name in rng.choice(list(FAULTS), options.faults, replace=False)]

    versions, labels, weights = [clean], [CLEAN_LABEL], [1.0]
    for number, level in pairs:
        versions.append(distort(window, number, level, rng))
        labels.append(label(number, level))
        weights.append(0.0 if options.grey_share > 0 and (number, level) == _GREY_LEVEL else 1.0)
    for name, strength in faults:
        versions.append(FAULTS[name](window, strength, rng))
        labels.append(to_score(CLEAN_KADID - _fault_loss(window, versions[-1], name)))
        weights.append(options.estimate_weight)
    for strength in strengths:
        versions.append(chain.render(window, strength))
        labels.append(chain.label(float(strength)))
        weights.append(options.estimate_weight)

    top, left = (int(v) for v in rng.integers(0, WINDOW - PATCH + 1, 2))
    patches = np.stack([version[top : top + PATCH, left : left + PATCH] for version in versions])
    return Group(patches, np.float32(labels), np.float32(weights))


def _fault_loss(window: np.ndarray, version: np.ndarray, name: str) -> float:
    """Loss of quality by a fault outside KADID, on that database's scale."""
    found = loss(window, version)
    if name not in COLOUR_FAULTS:
        return found
    grey, grey_version = (cv2.cvtColor(v, cv2.COLOR_RGB2GRAY) for v in (window, version))
    return (found + loss(*(cv2.cvtColor(v, cv2.COLOR_GRAY2RGB) for v in (grey, grey_version)))) / 2


class Groups(Dataset[tuple[np.ndarray, np.ndarray, np.ndarray]]):
    """Groups 0, 1, 2, …: each pass over the photographs is in its own random order.

    Items are (patches, labels, weights) of a ``Group``.
    """

    def __init__(self, folder: Path, photos: list[Photo], seed: int, count: int, options: SampleOptions) -> None:
        self._folder = folder
        self._photos = photos
        self._seed = seed
        self._count = count
        self._options = options

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        cv2.setNumThreads(1)
        turn, place = divmod(number, len(self._photos))
        order = np.random.default_rng((self._seed, 1, turn)).permutation(len(self._photos))
        image = read_rgb(self._folder / self._photos[order[place]].file)
        group = make_group(image, self._options, np.random.default_rng((self._seed, 2, number)))
        return group.patches, group.labels, group.weights
