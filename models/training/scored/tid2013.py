"""TID2013 (Ponomarenko et al., Signal Processing: Image Communication 2015): 25 references, 24 distortions at five
levels."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import DatasetError
from .tables import Row, first_file, read_text

IMAGE_FOLDERS = ("distorted_images",)

# Score and file name, as in "5.51429 I01_01_1.bmp": reference, distortion, level.
_LINE = re.compile(r"(\S+)\s+(i(\d+)_\d+_\d+\.\w+)", re.IGNORECASE)


def read_rows(folder: Path) -> list[Row]:
    """Rows with scores on 0..9. The list and the files differ in the case of names ("I25…", "i25…", ".BMP").

    Raises:
        DatasetError: ERR_DATASET_FILE, ERR_DATASET_FORMAT, ERR_DATASET_VALUES.
    """
    path = first_file(folder, ("mos_with_names.txt",))
    rows = []
    for place, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if not match:
            raise DatasetError(
                "ERR_DATASET_FORMAT", f"{path}, line {place}: {line!r} is not a score and a name like I01_01_1.bmp"
            )
        try:
            score = float(match[1])
        except ValueError as error:
            raise DatasetError("ERR_DATASET_VALUES", f"{path}, line {place}: {match[1]!r} is not a number") from error
        rows.append(Row(match[2], score, f"i{match[3]}"))
    if not rows:
        raise DatasetError("ERR_DATASET_FORMAT", f"{path} has no rows")
    return rows
