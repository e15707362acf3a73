"""The compact model's bare forward in LibTorch and in ONNX Runtime, side by side, on the CPU.

    pip install onnx onnxruntime       # beside models/requirements-dev.txt
    python bench/onnxruntime_peer.py models/hyperiqa-lite0.pt [--batch 10] [--threads 2] [--rounds 15]

Both get the same uint8 patches and take turns round by round within one run. LibTorch runs graph modes that the engine
chooses from; ratios are taken within a round. How far the engine itself is from LibTorch's bare forward is measured by
build/native/bench/hyperiqa_forward.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch


def libtorch(model: Path, mode: str) -> Callable[[torch.Tensor], np.ndarray]:
    """The model file frozen, or frozen and optimised for inference."""
    module = torch.jit.freeze(torch.jit.load(str(model)).float().eval())
    if mode == "optimize":
        module = torch.jit.optimize_for_inference(module)
    return lambda patches: module(patches).numpy()


def onnx_runtime(model: Path, example: torch.Tensor, threads: int) -> Callable[[torch.Tensor], np.ndarray]:
    """The same network as ONNX."""
    buffer = io.BytesIO()
    module = torch.jit.load(str(model)).float().eval()
    torch.onnx.export(module, (example,), buffer, input_names=["patches"], opset_version=17, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(buffer.getvalue(), options, providers=["CPUExecutionProvider"])
    return lambda patches: session.run(None, {"patches": patches.numpy()})[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    patches = torch.randint(0, 256, (arguments.batch, 3, 224, 224), dtype=torch.uint8)
    runners = {
        "onnxruntime": onnx_runtime(arguments.model, patches, arguments.threads),
        "LibTorch freeze": libtorch(arguments.model, "freeze"),
        "LibTorch optimize": libtorch(arguments.model, "optimize"),
    }
    times: dict[str, list[float]] = {name: [] for name in runners}
    with torch.inference_mode():
        results = {name: [run(patches) for _ in range(5)][-1] for name, run in runners.items()}
        for round_ in range(arguments.rounds):
            names = list(runners)
            for name in names[round_ % len(names) :] + names[: round_ % len(names)]:
                started = time.perf_counter()
                for _ in range(3):
                    runners[name](patches)
                times[name].append((time.perf_counter() - started) / 3)
    reference = results["onnxruntime"].ravel()
    for name, seconds in times.items():
        ratios = [ours / theirs for ours, theirs in zip(seconds, times["onnxruntime"], strict=True)]
        print(
            f"{name:18} {arguments.batch / statistics.median(seconds):6.1f} patches/s, "
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) of onnxruntime's time, "
            f"largest difference {np.abs(results[name].ravel() - reference).max():.1e}"
        )


if __name__ == "__main__":
    main()
