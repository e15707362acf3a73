"""LIVE In the Wild Image Quality Challenge (Ghadiyaram, Bovik, IEEE TIP 2016): photographs of mobile devices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from .errors import DatasetError
from .tables import Row, first_file

IMAGE_FOLDERS = ("Images",)

_VARIABLES = ("AllImages_release", "AllMOS_release")

#: The lists begin with seven images that the observers were trained with; they lie in a folder of their own, and
#: published results leave them out.
OBSERVER_TRAINING = 7


def read_rows(folder: Path) -> list[Row]:
    """Rows with scores on 0..100.

    Raises:
        DatasetError: ERR_DATASET_FILE, ERR_DATASET_FORMAT, ERR_DATASET_VALUES.
    """
    names_path, scores_path = (first_file(folder, (f"Data/{name}.mat",)) for name in _VARIABLES)
    names, scores = (_variable(path, path.stem) for path in (names_path, scores_path))
    if len(names) != len(scores):
        raise DatasetError(
            "ERR_DATASET_FORMAT", f"{names_path} lists {len(names)} images, {scores_path.name} {len(scores)} scores"
        )
    if len(names) <= OBSERVER_TRAINING:
        raise DatasetError("ERR_DATASET_FORMAT", f"{names_path} lists {len(names)} images, too few")
    rows = []
    for name, score in zip(names[OBSERVER_TRAINING:], scores[OBSERVER_TRAINING:], strict=True):
        # A cell array of strings arrives as an object array of arrays with one string.
        text = str(np.asarray(name).reshape(-1)[0]) if np.size(name) == 1 else ""
        if not text:
            raise DatasetError("ERR_DATASET_FORMAT", f"{names_path}: {name!r} is not a file name")
        try:
            rows.append(Row(text, float(score), text))
        except (TypeError, ValueError) as error:
            raise DatasetError("ERR_DATASET_VALUES", f"{scores_path}: the score of {text} is no number") from error
    return rows


def _variable(path: Path, name: str) -> np.ndarray:
    try:
        content = loadmat(path, variable_names=[name])
    except (OSError, ValueError, TypeError, NotImplementedError, MatReadError) as error:
        raise DatasetError("ERR_DATASET_FILE", f"{path} is not a readable MATLAB file: {error}") from error
    if name not in content:
        raise DatasetError("ERR_DATASET_FORMAT", f"{path} has no variable {name}")
    return content[name].reshape(-1)
