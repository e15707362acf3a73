"""The reference side of bench/run.mjs: the published demo's loop, one crop at a time, with PyTorch and Pillow.

    python bench/reference_loop.py CHECKPOINT CROPS SEED

Reads one JSON list of paths a line, answers one JSON object a line.
"""

import json
import resource
import sys
import time
from pathlib import Path

import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "models"))
import reference


def main() -> None:
    checkpoint, crops, seed = sys.argv[1:]
    network = reference.ReferenceNetwork(Path(checkpoint))
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        scores = []
        for path in json.loads(line):
            with Image.open(path) as image:
                values = reference.score_random(network, image.convert("RGB"), int(crops), int(seed))
            scores.append(sum(score for _, _, score in values) / len(values))
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "scores": scores, "peakMemory": peak}), flush=True)


if __name__ == "__main__":
    main()
