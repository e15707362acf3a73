"""What every training run needs: its device, and files that an interruption leaves whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

CHECKPOINT = "checkpoint.pt"


def choose_device(name: str) -> torch.device:
    """The device of a name; "auto" is CUDA where there is one. Raises ``ValueError`` if CUDA is asked for in vain."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError("[run] device: CUDA is not available")
    return torch.device(name)


def save_whole(state: dict[str, Any], path: Path) -> None:
    """``torch.save`` that leaves the previous file whole if it is interrupted."""
    partial = path.with_name(path.name + ".partial")
    torch.save(state, partial)
    partial.replace(path)
