"""Tables of scores: CSV, Excel, and the rows every reader makes of them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import DatasetError


@dataclass(frozen=True)
class Row:
    """A scored image as published.

    Attributes:
        name: file name in the set's image folder.
        score: mean opinion score on the set's own scale.
        group: what must not be divided between training and test: the reference image of a synthetic set, else the
            image itself.
        part: "training", "validation" or "test" of an official split; None where there is none.
    """

    name: str
    score: float
    group: str
    part: str | None = None


def first_file(folder: Path, names: Sequence[str]) -> Path:
    """The first of ``names`` that is a file in ``folder``. Raises ``DatasetError`` ERR_DATASET_FILE if none is."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DatasetError("ERR_DATASET_FILE", f"{folder} has no {' and no '.join(names)}")


def read_table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a CSV file, or of the first sheet of an Excel workbook, as text by column.

    Column names count whatever their case and the spaces around them; the result has them as in ``columns``.

    Raises:
        DatasetError: ERR_DATASET_FILE if the file cannot be read; ERR_DATASET_FORMAT if a column or a cell of it is
            missing, or there is no row.
    """
    lines = _excel_lines(path) if path.suffix.lower() == ".xlsx" else _csv_lines(path)
    header = [name.strip().lower() for name in lines[0]] if lines else []
    missing = [column for column in columns if column.lower() not in header]
    if missing:
        raise DatasetError(
            "ERR_DATASET_FORMAT",
            f"{path} has no column {' and no column '.join(missing)}; its columns are {', '.join(header) or '(none)'}",
        )
    places = {column: header.index(column.lower()) for column in columns}
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) <= max(places.values()):
            raise DatasetError("ERR_DATASET_FORMAT", f"{path}, row {number}: too few cells")
        rows.append({column: line[place].strip() for column, place in places.items()})
    if not rows:
        raise DatasetError("ERR_DATASET_FORMAT", f"{path} has no rows")
    return rows


def number(row: Mapping[str, str], column: str, path: Path) -> float:
    """A cell as a number. Raises ``DatasetError`` ERR_DATASET_VALUES, naming file and row, if it is none."""
    try:
        return float(row[column])
    except ValueError as error:
        cells = ", ".join(row.values())
        raise DatasetError(
            "ERR_DATASET_VALUES", f"{path}: {column} is {row[column]!r}, not a number, in the row {cells}"
        ) from error


def read_text(path: Path) -> str:
    """A file in UTF-8, without the byte order mark of Excel's exports. Raises ``DatasetError`` ERR_DATASET_FILE."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError("ERR_DATASET_FILE", f"cannot read {path}: {error}") from error


def _csv_lines(path: Path) -> list[list[str]]:
    text = read_text(path)
    first = text.partition("\n")[0]
    # Excel separates with semicolons in some locales.
    delimiter = max(",;\t", key=first.count)
    return list(csv.reader(text.splitlines(), delimiter=delimiter))


def _excel_lines(path: Path) -> list[list[str]]:
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ModuleNotFoundError as error:
        raise DatasetError(
            "ERR_DATASET_FILE",
            f"reading {path.name} needs a package: pip install python-calamine==0.9.1 (or export the sheet as CSV)",
        ) from error
    try:
        cells = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    except (CalamineError, OSError) as error:
        raise DatasetError("ERR_DATASET_FILE", f"{path} is not a readable Excel workbook: {error}") from error
    return [[str(cell) for cell in line] for line in cells]
