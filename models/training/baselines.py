"""Measure BRISQUE and NIQE on folders of images with human scores, on the same pixels as the model.

    pip install brisque==0.2.0 scikit-video==1.1.11 scikit-image
    python models/training/baselines.py FOLDER...

Images are resized to a shorter side of 384 as the native protocol does (``--full-size`` leaves them as they are). Both
measures are lower for better images; the sign is turned, so that a positive correlation is good.
"""

from __future__ import annotations

import argparse
import sys
import types
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
from PIL import Image

from training import metrics
from training.scoring import native_size, read_mos, read_oriented


def niqe_function():
    """NIQE of scikit-video, whose release of 2018 calls functions that NumPy and SciPy have removed since."""
    import scipy

    def imresize(image, scale, interp, mode):
        size = (int(image.shape[1] * scale), int(image.shape[0] * scale))
        return np.asarray(Image.fromarray(image, mode).resize(size, Image.Resampling.BICUBIC))

    scipy.misc = sys.modules["scipy.misc"] = types.SimpleNamespace(imresize=imresize)
    np.int, np.float, np.bool = int, float, bool
    from skvideo.measure import niqe

    return lambda image: float(niqe(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0])


def brisque_function():
    """BRISQUE of the package of that name, with its own SVR weights (trained on LIVE).

    Its 0.2.0 hands arrays of one element where NumPy 2.4 wants numbers.
    """
    from brisque import BRISQUE

    class Fixed(BRISQUE):
        def scale_features(self, features):
            return super().scale_features([np.asarray(feature).item() for feature in features])

    measure = Fixed()
    return lambda image: float(measure.score(image))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="folder of images with mos.csv (image_name, MOS)")
    parser.add_argument("--full-size", action="store_true")
    arguments = parser.parse_args()
    for name, make in (("BRISQUE", brisque_function), ("NIQE", niqe_function)):
        measure = make()
        for folder in arguments.folders:
            paths, mos = read_mos(folder)
            images = (read_oriented(path) for path in paths)
            scores = np.array([-measure(image if arguments.full_size else native_size(image)) for image in images])
            found = metrics.with_interval(metrics.srcc, scores, mos)
            linear = metrics.with_interval(metrics.plcc, scores, mos)
            print(f"{name} {folder.name}: SRCC {found}, PLCC {linear}", flush=True)


if __name__ == "__main__":
    main()
