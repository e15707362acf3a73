"""Unpacks from the wheels that scripts/libtorch.mjs downloads what LibTorch needs to build against and to run.

    python unpack_libtorch.py DESTINATION WHEEL...

Python's zipfile checks every entry's CRC. Only the standard library is used, so that any Python 3.8 or newer will do.
"""

import fnmatch
import shutil
import sys
import zipfile
from pathlib import Path

# libtorch_cuda.so stays: with NVIDIA's libraries beside it, the same folder serves CUDA.
KEEP = [
    "torch/lib/*.so*",
    "torch/include/*",
    "torch/version.py",
    "nvidia/cu13/lib/libcudart.so.*",
    "nvidia/cu13/lib/libcupti.so.*",
    "*.dist-info/licenses/*",
]
# Only of use inside Python.
DROP = ["torch/lib/libtorch_python.so", "torch/lib/libshm.so"]


def matches(name: str, patterns: list) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def unpack(wheel: Path, destination: Path) -> None:
    """Extracts the wanted entries of one wheel.

    Raises:
        ValueError: an entry's name points out of the destination.
        zipfile.BadZipFile: the wheel is damaged.
    """
    root = destination.resolve()
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if entry.is_dir() or not matches(entry.filename, KEEP) or matches(entry.filename, DROP):
                continue
            target = (root / entry.filename).resolve()
            if root not in target.parents:
                raise ValueError(f"{wheel.name}: {entry.filename} points out of the folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)


def main() -> int:
    destination, *wheels = map(Path, sys.argv[1:])
    try:
        for wheel in wheels:
            unpack(wheel, destination)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
