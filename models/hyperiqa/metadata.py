"""`hyperiqa.json`, the description that travels inside a model file. docs/model-format.md defines its fields."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from . import __version__
from .checkpoints import Checkpoint
from .errors import ModelError
from .network import PATCH_SIZE

FORMAT_VERSION = 1
ENTRY = "hyperiqa.json"

# Decoding of the reference implementations, by Pillow's convert("RGB").
_AS_STORED = {"iccProfile": "ignore", "alpha": "drop", "orientation": "ignore"}
AS_SEEN = {"iccProfile": "srgb", "alpha": "white", "orientation": "exif"}

_NO_RESIZE: dict[str, Any] = {"mode": "none"}
_KONIQ_RESIZE = {"mode": "exact", "width": 384, "height": 512}

_PYIQA_PROTOCOL = {
    "name": "pyiqa",
    "decode": _AS_STORED,
    "resize": _NO_RESIZE,
    "minimumSide": 225,
    "crops": {"plan": "pyiqa"},
}

_NATIVE_PROTOCOL = {
    "name": "native",
    "decode": AS_SEEN,
    "resize": {"mode": "short-side", "size": 384},
    "minimumSide": PATCH_SIZE,
    "crops": {"plan": "grid"},
}


@dataclass(frozen=True)
class Preset:
    """Properties of a model that follow from its training dataset.

    Attributes:
        minimum, maximum: range of the labels.
        higher_is_better: false for difference scores (DMOS).
        meaning: one sentence on the score.
        description: one sentence on the training data.
        resize: of the dataset's test protocol in the authors' code.
        protocol: the default protocol of the model.
    """

    minimum: float
    maximum: float
    higher_is_better: bool
    meaning: str
    description: str
    resize: Mapping[str, Any]
    protocol: Mapping[str, Any]


def _official(name: str, resize: Mapping[str, Any], count: int) -> dict[str, Any]:
    return {
        "name": name,
        "decode": _AS_STORED,
        "resize": resize,
        "minimumSide": PATCH_SIZE,
        "crops": {"plan": "random", "count": count},
    }


def _tested(
    dataset: str, labels: str, minimum: float, maximum: float, better: str, resize: Mapping[str, Any] = _NO_RESIZE
) -> Preset:
    """Preset of a dataset that the authors' code tests with 25 random crops after `resize`."""
    return Preset(
        minimum=minimum,
        maximum=maximum,
        higher_is_better=better == "higher",
        meaning=f"{labels} of {dataset}, {minimum:g} to {maximum:g}; {better} is better",
        description=f"HyperIQA trained on {dataset}",
        resize=resize,
        protocol=_official("official-test", resize, 25),
    )


# Label ranges: KonIQ-10k's MOS_zscore is rescaled to 0..100; BID grades are 0..5; LIVE's realigned DMOS is about
# 0..100 (a few values lie outside); CSIQ's DMOS is 0..1; TID2013's MOS is 0..9; LIVE Challenge's MOS is 0..100.
PRESETS: dict[str, Preset] = {
    "koniq10k": Preset(
        minimum=0,
        maximum=100,
        higher_is_better=True,
        meaning="MOS (z-scores rescaled) of KonIQ-10k, 0 to 100; higher is better",
        description="HyperIQA trained on KonIQ-10k",
        resize=_KONIQ_RESIZE,
        protocol=_official("official", _KONIQ_RESIZE, 10),
    ),
    "bid": _tested("BID", "MOS", 0, 5, "higher", {"mode": "exact", "width": 512, "height": 512}),
    "live": _tested("LIVE (release 2)", "DMOS", 0, 100, "lower"),
    "csiq": _tested("CSIQ", "DMOS", 0, 1, "lower"),
    "tid2013": _tested("TID2013", "MOS", 0, 9, "higher"),
    "livec": _tested("LIVE In the Wild Image Quality Challenge", "MOS", 0, 100, "higher"),
    # Sets that the authors' code does not know. SPAQ's own authors reduce its photographs to a shorter side of 512.
    "kadid10k": _tested("KADID-10k", "MOS", 1, 5, "higher"),
    "spaq": _tested("SPAQ", "MOS", 0, 100, "higher", {"mode": "short-side", "size": 512}),
    "kadid-synthetic": Preset(
        minimum=0,
        maximum=100,
        higher_is_better=True,
        meaning="mean opinion score on KADID-10k's scale of 1 to 5, mapped linearly to 0 to 100; higher is better",
        description=(
            "openly licensed photographs with synthetic distortions of KADID-10k's types and levels, each labelled "
            "with the mean human score of its type and level"
        ),
        resize=_NATIVE_PROTOCOL["resize"],
        protocol=_NATIVE_PROTOCOL,
    ),
    "kadid-synthetic-livec": Preset(
        minimum=0,
        maximum=100,
        higher_is_better=True,
        meaning=(
            "technical quality, 0 to 100: about 80 for an unimpaired photograph and 22 for a badly damaged one; "
            "higher is better"
        ),
        description=(
            "openly licensed photographs with synthetic distortions of KADID-10k's types and levels, each labelled "
            "with the mean human score of its type and level, and photographs of LIVE In the Wild with people's own "
            "scores"
        ),
        resize=_NATIVE_PROTOCOL["resize"],
        protocol=_NATIVE_PROTOCOL,
    ),
}

# Our own training maps the scores of every set to 0..100.
_MAPPED: dict[str, Preset] = {
    "tid2013": _tested("TID2013", "MOS (0 to 9, mapped linearly)", 0, 100, "higher"),
    "kadid10k": _tested("KADID-10k", "MOS (1 to 5, mapped linearly)", 0, 100, "higher"),
}

# pyiqa's own training: scores about 0..1, tested on whole images.
_PYIQA_KONIQ = Preset(
    minimum=0,
    maximum=1,
    higher_is_better=True,
    meaning="MOS of KonIQ-10k rescaled to 0 to 1; higher is better",
    description="HyperIQA trained on KonIQ-10k by pyiqa (IQA-PyTorch)",
    resize=_NO_RESIZE,
    protocol=_PYIQA_PROTOCOL,
)


def preset_for(dataset: str, checkpoint: Checkpoint) -> Preset:
    """The preset of a dataset for a checkpoint.

    Raises:
        ModelError: ERR_DATASET if the dataset is unknown, or if the checkpoint cannot have been trained on it: pyiqa
            published weights for KonIQ-10k only, and a bounded output ends at 0 and 100.
    """
    if dataset not in PRESETS:
        raise ModelError("ERR_DATASET", f"dataset must be one of {', '.join(PRESETS)}, not {dataset!r}")
    if checkpoint.layout == "pyiqa":
        if dataset != "koniq10k":
            raise ModelError("ERR_DATASET", f"pyiqa has no HyperIQA weights for {dataset}, only for koniq10k")
        return _PYIQA_KONIQ
    preset = PRESETS[dataset]
    if checkpoint.layout == "hyperiqa":
        preset = _MAPPED.get(dataset, preset)
    if checkpoint.output == "bounded" and (preset.minimum, preset.maximum) != (0, 100):
        raise ModelError("ERR_DATASET", f"this checkpoint's scores end at 0 and 100, {dataset}'s labels do not")
    return preset


def weights_sha256(module: nn.Module) -> str:
    """SHA-256 over names, dtypes, shapes and bytes of a module's state_dict, as docs/model-format.md defines it."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items(), key=lambda item: item[0].encode()):
        array = value.detach().cpu().contiguous().numpy()
        shape = "x".join(str(size) for size in array.shape)
        digest.update(f"{name}\0{array.dtype.name}\0{shape}\0".encode())
        digest.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.hexdigest()


def self_check_patches() -> Tensor:
    """The generated input of the self-check: uint8 4×3×224×224, by the formula of docs/model-format.md.

    Integer arithmetic only, so that every machine and language makes the same: gradients of four slopes, from none
    to three quarters of noise.
    """
    n, c, y, x = np.indices((4, 3, PATCH_SIZE, PATCH_SIZE), dtype=np.uint32)
    ramp = x * (n + 1) + y * (c + 2) + 31 * n + 57 * c
    noise = ((n * 3 + c) * PATCH_SIZE + y) * PATCH_SIZE + x
    noise *= np.uint32(2654435761)
    noise ^= noise >> 15
    noise *= np.uint32(2246822519)
    noise ^= noise >> 13
    return torch.from_numpy((((ramp % 256) * (4 - n) + (noise >> 24) * n) // 4).astype(np.uint8))


def self_check_scores(module: nn.Module) -> list[float]:
    """Scores of the self-check patches by a module in fp32 on the CPU."""
    with torch.inference_mode():
        return [float(score) for score in module(self_check_patches())]


def build_metadata(
    module: nn.Module,
    checkpoint: Checkpoint,
    dataset: str,
    *,
    scores: list[float],
    name: str,
    version: str,
    licence: str,
    description: str | None,
) -> dict[str, Any]:
    """The content of `hyperiqa.json` for a module that is about to be saved.

    Args:
        module: the scripted `PatchScorer`, in the dtypes it will be stored in.
        checkpoint: where its weights come from.
        dataset: key of `PRESETS`.
        scores: of the self-check patches, by the unoptimised fp32 graph on the CPU.
        name, version, licence: of the model, for people and for provenance.
        description: of the training data, instead of the preset's.

    Raises:
        ModelError: ERR_DATASET, see `preset_for`.
    """
    preset = preset_for(dataset, checkpoint)
    return {
        "formatVersion": FORMAT_VERSION,
        "kind": "quality",
        "name": name,
        "version": version,
        "architecture": "hyperiqa",
        "backbone": checkpoint.backbone,
        "patchSize": PATCH_SIZE,
        "training": {
            "dataset": dataset,
            "description": description or preset.description,
        },
        "licence": licence,
        "weightsSha256": weights_sha256(module),
        "sourceSha256": checkpoint.sha256,
        "score": {
            "minimum": preset.minimum,
            "maximum": preset.maximum,
            "bounded": checkpoint.output == "bounded",
            "higherIsBetter": preset.higher_is_better,
            "meaning": preset.meaning,
        },
        "protocol": preset.protocol,
        "datasetResize": preset.resize,
        "selfCheck": {
            "scores": scores,
            # A hundred times the spread of fp32 results between instruction sets, batch sizes and folded graphs.
            "tolerance": (preset.maximum - preset.minimum) * 1e-5,
        },
        "exporter": {"torch": torch.__version__, "hyperiqa": __version__},
    }
