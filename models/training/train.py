"""Train: ``python models/training/train.py --data PHOTOS --run FOLDER``. The same command resumes a run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training.config import read_config  # noqa: E402
from training.photos import LIST_PATH, read_list  # noqa: E402
from training.trainer import Trainer  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the photographs of the list")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run: checkpoint and curves")
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("config.toml"))
    parser.add_argument("--photos", type=Path, default=LIST_PATH, help="list of photographs (CSV)")
    arguments = parser.parse_args()
    Trainer(read_config(arguments.config), arguments.run, arguments.data, read_list(arguments.photos)).run()


if __name__ == "__main__":
    main()
