"""Small folders in the layouts of the five human-scored sets."""

from __future__ import annotations

import csv
import dataclasses
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from scipy.io import savemat

from training import train_scored
from training.config import read_tables
from training.scored.config import ScoredConfig

torch.set_num_threads(1)

CONFIG = Path(train_scored.__file__).with_name("scored.toml")


def write_image(path: Path, seed: int, blur: float = 0, size: tuple[int, int] = (250, 232)) -> None:
    """A picture of coloured noise in three sizes of grain, blurred by so many pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    grains = [Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)) for side in (6, 40, 200)]
    layers = [np.asarray(grain.resize(size, Image.Resampling.BICUBIC)) for grain in grains]
    image = Image.fromarray(np.mean(layers, axis=0).astype(np.uint8))
    image.filter(ImageFilter.GaussianBlur(blur)).save(path)


def write_csv(path: Path, rows: Sequence[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def write_xlsx(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """A workbook of one sheet: the least that Office Open XML asks for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    office = "http://schemas.openxmlformats.org"
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'

    def cell(value: object) -> str:
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
        return f"<c><v>{value}</v></c>"

    data = "".join(f"<row>{''.join(cell(value) for value in row)}</row>" for row in rows)
    kinds = f"{office}/officeDocument/2006/relationships"
    relations = f'<Relationships xmlns="{office}/package/2006/relationships">'
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    files = {
        "[Content_Types].xml": f'<Types xmlns="{office}/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{sheet}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{sheet}.worksheet+xml"/></Types>',
        "_rels/.rels": f'{relations}<Relationship Id="r1" Type="{kinds}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{office}/spreadsheetml/2006/main" xmlns:r="{kinds}"><sheets>'
        '<sheet name="Sheet1" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{relations}<Relationship Id="r1" Type="{kinds}/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{office}/spreadsheetml/2006/main"><sheetData>{data}'
        "</sheetData></worksheet>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, head + content)


def koniq10k(folder: Path) -> Path:
    """Twelve images with an official split of six, three and three; the score falls with the blur."""
    rows: list[Sequence[object]] = [("image_name", "c1", "c2", "c3", "c4", "c5", "c_total", "MOS", "SD", "set")]
    for number in range(12):
        name = f"{1000 + number}.jpg"
        write_image(folder / "1024x768" / name, number, blur=number % 6)
        part = "training" if number < 6 else "validation" if number < 9 else "test"
        rows.append((name, 0, 0.1, 0.2, 0.3, 0.4, 105, 85.5 - 15 * (number % 6), 0.5, part))
    write_csv(folder / "koniq10k_distributions_sets.csv", rows)
    return folder


def kadid10k(folder: Path, references: int = 5) -> Path:
    """References with one distortion at three levels."""
    rows: list[Sequence[object]] = [("dist_img", "ref_img", "dmos", "var")]
    for reference in range(1, references + 1):
        write_image(folder / "images" / f"I{reference:02d}.png", reference)
        for level in (1, 3, 5):
            name = f"I{reference:02d}_01_{level:02d}.png"
            write_image(folder / "images" / name, reference, blur=level)
            rows.append((name, f"I{reference:02d}.png", round(5.1 - 0.8 * level + reference / 50, 2), 0.4))
    write_csv(folder / "dmos.csv", rows)
    return folder


def tid2013(folder: Path) -> Path:
    """Four references; the list and the files differ in case, as published."""
    lines = []
    for reference in range(1, 5):
        for level in range(1, 4):
            listed = f"I{reference:02d}_08_{level}.bmp"
            stored = f"i{reference:02d}_08_{level}.BMP" if reference == 4 else listed.replace("I", "i")
            write_image(folder / "distorted_images" / stored, reference, blur=level)
            lines.append(f"{7.2 - 1.8 * level:.5f} {listed}")
    (folder / "mos_with_names.txt").write_text("\r\n".join(lines) + "\r\n")
    return folder


def spaq(folder: Path) -> Path:
    """Ten images with the published workbook."""
    head = ("Image name", "MOS", "Brightness", "Colorfulness", "Contrast", "Noisiness", "Sharpness")
    rows: list[Sequence[object]] = [head]
    for number in range(1, 11):
        write_image(folder / "TestImage" / f"{number:05d}.jpg", number, blur=number / 2, size=(300, 240))
        rows.append((f"{number:05d}.jpg", 90 - 7.25 * number, 50, 50, 50, 50, 50))
    write_xlsx(folder / "Annotations" / "MOS and Image attribute scores.xlsx", rows)
    return folder


def livec(folder: Path) -> Path:
    """Ten images after the seven that trained the observers, which lie in a folder of their own."""
    names, scores = [f"t{number}.bmp" for number in range(1, 8)], [50.0] * 7
    for number in range(10):
        names.append(f"{number + 3}.bmp" if number else "10.JPG")
        scores.append(92.4 - 8 * number)
        write_image(folder / "Images" / names[-1], number, blur=number)
    for name in names[:7]:
        write_image(folder / "Images" / "trainingImages" / name, 99)
    (folder / "Data").mkdir()
    cells = np.empty((len(names), 1), dtype=object)
    cells[:, 0] = names
    savemat(folder / "Data" / "AllImages_release.mat", {"AllImages_release": cells})
    savemat(folder / "Data" / "AllMOS_release.mat", {"AllMOS_release": np.array([scores])})
    return folder


MAKERS: dict[str, Callable[[Path], Path]] = {
    "koniq10k": koniq10k,
    "kadid10k": kadid10k,
    "tid2013": tid2013,
    "spaq": spaq,
    "livec": livec,
}


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[[str], Path]:
    """Make the folder of a set by its name."""

    def make(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        return MAKERS[name](folder)

    return make


@pytest.fixture
def config() -> ScoredConfig:
    """The shipped configuration, cut down: EfficientNet-Lite0, two epochs of two steps."""
    whole = read_tables(CONFIG, ScoredConfig)
    return dataclasses.replace(
        whole,
        model=dataclasses.replace(whole.model, backbone="efficientnet_lite0"),
        data=dataclasses.replace(whole.data, split="official", crops=2, test_crops=2, workers=0),
        optimiser=dataclasses.replace(whole.optimiser, batch=8, epochs=2),
        run=dataclasses.replace(whole.run, threads=1, device="cpu", log_steps=1),
    )
