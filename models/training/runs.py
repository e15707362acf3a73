"""Helpers of every training run: its device, and files that an interruption leaves whole."""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path
from typing import Any

import torch
from torch import nn

CHECKPOINT = "checkpoint.pt"

# Constant from glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def keep_freed_memory() -> None:
    """Let the process keep what it frees, where the C library is glibc.

    Blocks above 32 MB, and most activations of a training step are, go back to the system at once otherwise; the page
    faults of getting them anew took a quarter of a step (batch of 24 on two cores).
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


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


def read_checkpoint(path: Path, made_with: dict[str, Any], entry: str = "config") -> dict[str, Any]:
    """The state in a checkpoint, on the CPU. Raises ``ValueError`` if its ``entry`` is not ``made_with``."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if state[entry] != made_with:
        raise ValueError(f"{path} was made with another configuration; use that one or another folder")
    return state


def update_average(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move ``average``, the moving average of the weights, towards ``network`` after step number ``step`` (from 0)."""
    # The average starts short, so that the first weights do not linger in it.
    decay = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)
