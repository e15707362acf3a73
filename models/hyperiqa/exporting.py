"""Writing model files: a TorchScript archive with `hyperiqa.json` inside (docs/model-format.md)."""

import io
import itertools
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .backbones import fold_same_padding
from .checkpoints import Checkpoint
from .errors import ModelError
from .metadata import ENTRY, build_metadata, self_check_scores, weights_sha256
from .network import PatchScorer


def export_model(
    checkpoint: Checkpoint,
    dataset: str,
    path: Path,
    *,
    name: str | None = None,
    version: str = "1",
    licence: str | None = None,
    description: str | None = None,
    half: bool = False,
) -> dict[str, Any]:
    """Writes a model file, reads it back and checks it.

    In a fresh process the same checkpoint and options give the same bytes, with the same PyTorch and the same kind of
    CPU: TorchScript numbers its types as they come, so a second export in one process names some of them otherwise,
    and the self-check scores depend on the CPU in their last digits.

    Args:
        checkpoint: the weights.
        dataset: key of `metadata.PRESETS`, which decides on protocol and range.
        path: of the file; it appears there complete or not at all.
        name: of the model; `hyperiqa-<backbone>-<dataset>` by default.
        version: of the model.
        licence: of the weights; by default what the checkpoint says, else "unknown".
        description: one sentence on the training data; by default what the checkpoint says, else the preset's.
        half: store convolution and matrix weights in fp16, which halves the file. Biases and batch-norm statistics
            stay fp32: they take no room, and small variances would suffer.

    Returns:
        The content of `hyperiqa.json`.

    Raises:
        ModelError: ERR_DATASET, ERR_CHECKPOINT_VALUES, ERR_MODEL_FILE.
    """
    scorer = PatchScorer(checkpoint.network()).eval().requires_grad_(False)
    fold_same_padding(scorer)
    if half:
        _store_half(scorer)
    scripted = flattened(torch.jit.script(scorer))
    scores = _reference_scores(scorer)
    metadata = build_metadata(
        scripted,
        checkpoint,
        dataset,
        scores=scores,
        name=name or f"hyperiqa-{checkpoint.backbone}-{dataset}",
        version=version,
        licence=licence or checkpoint.details.get("licence", "unknown"),
        description=description or checkpoint.details.get("description"),
    )
    buffer = io.BytesIO()
    torch.jit.save(scripted, buffer, _extra_files={ENTRY: json.dumps(metadata, indent=2, ensure_ascii=False)})
    write_file(path, canonical_archive(buffer.getvalue()))
    verify_model(path, metadata)
    return metadata


def flattened(scripted: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    """The module with all calls put into `forward`, so that LibTorch has one method to read instead of hundreds.

    Weights stay parameters and buffers under their names, in their dtypes and order.
    """
    buffers = [name for name, _ in scripted.named_buffers()]
    inlined = torch._C._freeze_module(scripted._c, buffers, freezeInterfaces=True, preserveParameters=True)
    module = torch.jit._recursive.wrap_cpp_module(inlined)
    # Inlining folds the switch of training mode away, which eval() and train() set in every module all the same.
    for part in module.modules():
        part._c._register_attribute("training", torch._C.BoolType.get(), False)
    return module


def read_model(path: Path) -> tuple[torch.jit.ScriptModule, dict[str, Any]]:
    """Loads a model file on the CPU, in the dtypes it is stored in.

    Raises:
        ModelError: ERR_MODEL_FILE if it is no TorchScript archive or has no `hyperiqa.json`.
    """
    extra = {ENTRY: ""}
    try:
        module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
        metadata = json.loads(extra[ENTRY])
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError("ERR_MODEL_FILE", f"{path} is not a model file: {error}") from error
    return module, metadata


def read_as_written(path: Path, metadata: dict[str, Any]) -> torch.jit.ScriptModule:
    """The module of a model file that must hold `metadata` and the weights whose hash is in it.

    Raises:
        ModelError: ERR_MODEL_FILE.
    """
    module, found = read_model(path)
    if found != json.loads(json.dumps(metadata)):
        raise ModelError("ERR_MODEL_FILE", f"{path}: {ENTRY} is not what was written")
    if weights_sha256(module) != metadata["weightsSha256"]:
        raise ModelError("ERR_MODEL_FILE", f"{path}: the weights are not those that were written")
    return module


def verify_model(path: Path, metadata: dict[str, Any]) -> None:
    """Checks that a model file holds `metadata`, its weights, and a graph that gives the self-check scores.

    Raises:
        ModelError: ERR_MODEL_FILE.
    """
    module = read_as_written(path, metadata)
    scores = _reference_scores(module)
    tolerance = metadata["selfCheck"]["tolerance"]
    differences = [abs(a - b) for a, b in zip(scores, metadata["selfCheck"]["scores"], strict=True)]
    # Written so that a score that is not a number fails, too.
    if not all(difference <= tolerance for difference in differences):
        raise ModelError("ERR_MODEL_FILE", f"{path}: self-check scores are off by {max(differences)}")


def _store_half(module: nn.Module) -> None:
    for name, parameter in module.named_parameters():
        if parameter.dim() < 2:
            continue
        stored = parameter.data.to(torch.float16)
        if not torch.isfinite(stored).all():
            raise ModelError("ERR_CHECKPOINT_VALUES", f"{name} leaves the range of half precision")
        parameter.data = stored


def _reference_scores(module: nn.Module) -> list[float]:
    """Self-check scores of the unoptimised graph in fp32. Leaves `module` itself in the dtypes it is stored in."""
    buffer = io.BytesIO()
    torch.jit.save(module if isinstance(module, torch.jit.ScriptModule) else torch.jit.script(module), buffer)
    buffer.seek(0)
    copy = torch.jit.load(buffer, map_location="cpu").float()
    with torch.jit.optimized_execution(False):
        return self_check_scores(copy)


# Source positions (absolute paths of the exporting machine) and an identifier computed from them: LibTorch does not
# need them, and without them a file says nothing about where it was made.
_DEBUG_SUFFIXES = (".debug_pkl", ".data/serialization_id")

# PyTorch's own alignment of records, in bytes.
_ALIGNMENT = 64


def canonical_archive(archive: bytes) -> bytes:
    """Rewrites a TorchScript archive without what changes from one export to the next.

    Debug records go, dates are fixed, records are aligned, and the constants of a class, which PyTorch writes in the
    order of a set, are sorted.
    """
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as target:
        for name in source.namelist():
            if name.endswith(_DEBUG_SUFFIXES):
                continue
            content = source.read(name)
            if name.endswith(".py"):
                content = _sorted_constants(content.decode()).encode()
            record = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            record.create_system = 3
            record.extra = _padding(result.tell(), name)
            target.writestr(record, content)
    return result.getvalue()


def _sorted_constants(code: str) -> str:
    """Sorts each run of lines that declare constants of a class."""
    groups = itertools.groupby(code.splitlines(keepends=True), lambda line: " : Final[" in line)
    return "".join("".join(sorted(lines) if constants else lines) for constants, lines in groups)


def _padding(offset: int, name: str) -> bytes:
    """A zip extra field ("FB", as PyTorch's) that makes the data of a record begin at a multiple of the alignment."""
    start = offset + zipfile.sizeFileHeader + len(name.encode()) + 4
    fill = -start % _ALIGNMENT
    return b"FB" + fill.to_bytes(2, "little") + bytes(fill)


def write_file(path: Path, content: bytes) -> None:
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise ModelError("ERR_MODEL_FILE", f"cannot write {path}: {error.strerror or error}") from error
