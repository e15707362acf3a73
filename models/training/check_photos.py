"""Check a folder against the list of training photographs: ``python models/training/check_photos.py FOLDER``.

Exit status 1 if a photograph is missing or differs from the list.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training.photos import LIST_PATH, check_folder, read_list


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=Path, default=LIST_PATH, help="list of photographs (CSV)")
    arguments = parser.parse_args()
    photos = read_list(arguments.photos)
    problems = check_folder(arguments.folder, photos)
    for problem in problems:
        print(problem)
    print(f"{len(photos) - len(problems)} of {len(photos)} photographs as listed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
