"""Writing the detector's model file (docs/model-format.md, kind "faces")."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hyperiqa import __version__
from hyperiqa.errors import ModelError
from hyperiqa.exporting import canonical_archive, read_as_written, write_file
from hyperiqa.metadata import AS_SEEN, ENTRY, FORMAT_VERSION, self_check_patches, weights_sha256

from .mtcnn import Detector

# Files of facenet-pytorch's package, in the order of the cascade.
WEIGHT_FILES = {"proposal": "pnet.pt", "refinement": "rnet.pt", "output": "onet.pt"}

# Defaults of facenet-pytorch's MTCNN.
DETECTION: dict[str, Any] = {
    "decode": AS_SEEN,
    "minimumFace": 20,
    "pyramidFactor": 0.709,
    "thresholds": [0.6, 0.7, 0.7],
    "landmarks": ["leftEye", "rightEye", "nose", "leftMouth", "rightMouth"],
}

LICENCE = (
    "MIT. Weights: facenet-pytorch, copyright (c) 2019 Timothy Esler, ported from David Sandberg's facenet (MIT), "
    "which has them from the authors of MTCNN"
)
TRAINING = {"dataset": "wider-face, celeba", "description": "MTCNN as trained by its authors on WIDER FACE and CelebA"}

# Largest difference of self-check values between machines in fp32; probabilities and offsets are of order 1.
TOLERANCE = 1e-4


def load_weights(folder: Path) -> tuple[Detector, str]:
    """The detector with the weights of facenet-pytorch's `data` folder, and the SHA-256 over its three files.

    Raises:
        ModelError: ERR_CHECKPOINT_READ, ERR_CHECKPOINT_FORMAT, ERR_CHECKPOINT_KEYS.
    """
    detector = Detector()
    digest = hashlib.sha256()
    for part, name in WEIGHT_FILES.items():
        path = folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError("ERR_CHECKPOINT_READ", f"cannot read {path}: {error.strerror or error}") from error
        digest.update(content)
        try:
            weights = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except Exception as error:
            raise ModelError("ERR_CHECKPOINT_FORMAT", f"{path} is no PyTorch checkpoint: {error}") from error
        try:
            detector.get_submodule(part).load_state_dict(weights)
        except (RuntimeError, TypeError) as error:
            raise ModelError("ERR_CHECKPOINT_KEYS", f"{path} does not hold MTCNN's weights: {error}") from error
    return detector.eval().requires_grad_(False), digest.hexdigest()


def self_check_values(detector: torch.nn.Module) -> list[float]:
    """Outputs of the three networks for generated pictures, summed up in 100 numbers (docs/model-format.md)."""
    patches = self_check_patches().float()

    def means(tensors: tuple[Tensor, ...]) -> list[float]:
        # Per picture: the mean of the probabilities, then of each offset, then the landmarks.
        columns = [tensor.double().reshape(4, tensor.shape[1] if tensor.dim() > 1 else 1, -1) for tensor in tensors]
        return torch.cat([column.mean(2) for column in columns], 1).flatten().tolist()

    with torch.inference_mode(), torch.jit.optimized_execution(False):
        probabilities, offsets = detector.proposal(patches)
        return (
            means((probabilities.unsqueeze(1), offsets))
            + means(detector.refinement(patches[:, :, :24, :24]))
            + means(detector.output(patches[:, :, :48, :48]))
        )


def export_detector(folder: Path, path: Path, *, version: str = "1") -> dict[str, Any]:
    """Writes the model file, reads it back and checks it.

    Args:
        folder: `data` of the facenet-pytorch package.
        path: of the model file; it appears there complete or not at all.
        version: of the model.

    Returns:
        The content of `hyperiqa.json`.

    Raises:
        ModelError: those of `load_weights`, and ERR_MODEL_FILE.
    """
    detector, source = load_weights(folder)
    scripted = torch.jit.script(detector)
    metadata = {
        "formatVersion": FORMAT_VERSION,
        "kind": "faces",
        "name": "mtcnn",
        "version": version,
        "architecture": "mtcnn",
        "training": TRAINING,
        "licence": LICENCE,
        "weightsSha256": weights_sha256(scripted),
        "sourceSha256": source,
        "detection": DETECTION,
        "selfCheck": {"values": self_check_values(scripted), "tolerance": TOLERANCE},
        "exporter": {"torch": torch.__version__, "hyperiqa": __version__},
    }
    buffer = io.BytesIO()
    torch.jit.save(scripted, buffer, _extra_files={ENTRY: json.dumps(metadata, indent=2, ensure_ascii=False)})
    write_file(path, canonical_archive(buffer.getvalue()))
    verify_detector(path, metadata)
    return metadata


def verify_detector(path: Path, metadata: dict[str, Any]) -> None:
    """Checks that a model file holds `metadata`, its weights, and networks that give the self-check values.

    Raises:
        ModelError: ERR_MODEL_FILE.
    """
    module = read_as_written(path, metadata)
    check = metadata["selfCheck"]
    differences = [abs(a - b) for a, b in zip(self_check_values(module), check["values"], strict=True)]
    # Written so that a value that is not a number fails, too.
    if not all(difference <= check["tolerance"] for difference in differences):
        raise ModelError("ERR_MODEL_FILE", f"{path}: self-check values are off by {max(differences)}")
