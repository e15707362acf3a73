"""Reading checkpoints: the authors' layout, pyiqa's, and that of our own training.

Only tensors are unpickled (`weights_only=True`), so that a checkpoint from an unknown source cannot run code.
"""

import hashlib
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .errors import ModelError
from .network import HyperIQA, build_network

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that fits its network.

    Attributes:
        weights: state_dict with the names of `HyperIQA`.
        layout: "official" (the authors' code), "pyiqa" (IQA-PyTorch) or "hyperiqa" (our training).
        backbone, activation, output: arguments of `build_network`.
        sha256: SHA-256 of the file.
        details: further entries of our own checkpoints, such as `licence` and `description`.
    """

    weights: Weights
    layout: str
    backbone: str
    activation: str
    output: str
    sha256: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def network(self) -> HyperIQA:
        """The network with these weights in fp32, in evaluation mode."""
        network = build_network(self.backbone, output=self.output, activation=self.activation)
        network.load_state_dict(self.weights, strict=True)
        return network.eval()


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads and checks a checkpoint, whichever of the known layouts it has.

    Args:
        path: a file of `torch.save`, in the zip format or the older plain pickle. Its weights are, under the
            official or pyiqa's names, the object itself or its entry `state_dict` or `params`; or an object of our
            training with the entries `state_dict`, `backbone`, `activation` and `output`. Names may begin with
            `module.`, as `DataParallel` writes them.

    Raises:
        ModelError: see its codes. Missing and unknown names and wrong shapes are listed.
    """
    content = _unpickle(path)
    sha256 = file_sha256(path)
    if "backbone" in content:
        return _own(path, content, sha256)
    weights = _foreign(path, content)
    layout = "pyiqa" if any(name.startswith("base_model.") for name in weights) else "official"
    names = {name: _pyiqa_name(name) if layout == "pyiqa" else name for name in weights}
    fitted = fit(path, {names[name]: value for name, value in weights.items()}, build_network("resnet50"), names)
    return Checkpoint(fitted, layout, "resnet50", "relu", "unbounded", sha256)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(path: Path) -> Weights:
    """Tensors of a state_dict, under the names it has, in a file of `torch.save`; see `load_checkpoint`.

    Raises:
        ModelError: ERR_CHECKPOINT_READ, ERR_CHECKPOINT_FORMAT.
    """
    return _foreign(path, _unpickle(path))


def _foreign(path: Path, content: Mapping[str, Any]) -> Weights:
    return _weights(path, content.get("state_dict", content.get("params", content)))


def _unpickle(path: Path) -> Mapping[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError("ERR_CHECKPOINT_READ", f"cannot read {path}: {error.strerror or error}") from error
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).strip().splitlines()
        raise ModelError(
            "ERR_CHECKPOINT_FORMAT",
            f"{path} is not a PyTorch checkpoint of plain tensors: {reason[0] if reason else type(error).__name__}",
        ) from error
    if not isinstance(content, Mapping):
        raise ModelError("ERR_CHECKPOINT_FORMAT", f"{path} holds a {type(content).__name__}, not a state_dict")
    return content


def _own(path: Path, content: Mapping[str, Any], sha256: str) -> Checkpoint:
    settings = {}
    for name in ("backbone", "activation", "output"):
        if not isinstance(content.get(name), str):
            raise ModelError("ERR_CHECKPOINT_FORMAT", f"{path} has no entry {name!r}, or it is no string")
        settings[name] = content[name]
    try:
        network = build_network(settings["backbone"], activation=settings["activation"], output=settings["output"])
    except ValueError as error:
        raise ModelError("ERR_CHECKPOINT_FORMAT", f"{path}: {error}") from error
    weights = _weights(path, content.get("state_dict"))
    fitted = fit(path, weights, network, {name: name for name in weights})
    details = {name: value for name, value in content.items() if name not in settings and name != "state_dict"}
    return Checkpoint(fitted, "hyperiqa", **settings, sha256=sha256, details=details)


def _weights(path: Path, content: object) -> Weights:
    if not isinstance(content, Mapping) or not content:
        raise ModelError("ERR_CHECKPOINT_FORMAT", f"{path} holds no state_dict")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ModelError("ERR_CHECKPOINT_FORMAT", f"{path}: the entry {name!r} is not a tensor")
    if all(name.startswith("module.") for name in content):
        return {name.removeprefix("module."): value for name, value in content.items()}
    return dict(content)


_PYIQA_PATTERNS = (
    (r"base_model\.(.+)", lambda m: f"res.{m[1]}"),
    (r"lda_modules\.([012])\.0\.(.+)", lambda m: f"res.lda{int(m[1]) + 1}_pool.0.{m[2]}"),
    (r"lda_modules\.([012])\.3\.(.+)", lambda m: f"res.lda{int(m[1]) + 1}_fc.{m[2]}"),
    (r"lda_modules\.3\.2\.(.+)", lambda m: f"res.lda4_fc.{m[1]}"),
    (r"fc_w_modules\.([0-3])\.(weight|bias)", lambda m: f"fc{int(m[1]) + 1}w_conv.{m[2]}"),
    (r"fc_w_modules\.4\.2\.(.+)", lambda m: f"fc5w_fc.{m[1]}"),
    (r"fc_b_modules\.([0-4])\.2\.(.+)", lambda m: f"fc{int(m[1]) + 1}b_fc.{m[2]}"),
)


def _pyiqa_name(name: str) -> str:
    """Our name of a weight of pyiqa's `HyperNet` (IQA-PyTorch, pyiqa/archs/hypernet_arch.py); else `name` itself."""
    for pattern, ours in _PYIQA_PATTERNS:
        match = re.fullmatch(pattern, name)
        if match:
            return ours(match)
    return name


def fit(path: Path, weights: Weights, network: nn.Module, names: Mapping[str, str]) -> Weights:
    """Checks weights against a network's and returns them in fp32, in the network's order.

    Args:
        path: of the file they come from, for messages.
        weights: under the names of the network.
        network: with the names and shapes that are expected.
        names: by name in the file, the name in the network; for messages.

    Raises:
        ModelError: ERR_CHECKPOINT_KEYS, ERR_CHECKPOINT_SHAPE, ERR_CHECKPOINT_VALUES.
    """
    expected = network.state_dict()
    missing = [name for name in expected if name not in weights]
    unknown = [theirs for theirs, ours in names.items() if ours not in expected]
    if missing or unknown:
        parts = []
        if missing:
            parts.append(f"{len(missing)} of {len(expected)} weights are missing: {_some(missing)}")
        if unknown:
            parts.append(f"{len(unknown)} are unknown: {_some(unknown)}")
        raise ModelError("ERR_CHECKPOINT_KEYS", f"{path} is not a checkpoint of this network: {'; '.join(parts)}")

    wrong = []
    for name, value in expected.items():
        found = weights[name]
        if found.shape != value.shape:
            wrong.append(f"{name} is {_shape(found)} instead of {_shape(value)}")
        elif found.is_floating_point() != value.is_floating_point():
            wrong.append(f"{name} is {found.dtype} instead of {value.dtype}")
    if wrong:
        raise ModelError("ERR_CHECKPOINT_SHAPE", f"{path} does not fit this network: {_some(wrong)}")

    fitted = {name: weights[name].to(value.dtype).contiguous() for name, value in expected.items()}
    broken = [name for name, value in fitted.items() if not torch.isfinite(value).all()]
    if broken:
        raise ModelError("ERR_CHECKPOINT_VALUES", f"{path} has values that are not finite in {_some(broken)}")
    return fitted


def _shape(value: Tensor) -> str:
    return "×".join(str(size) for size in value.shape) or "a scalar"


def _some(items: list[str], most: int = 8) -> str:
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {rest} more" if rest > 0 else "")
