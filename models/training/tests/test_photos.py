from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from training import collect_photos
from training.photos import COLUMNS, check_folder, read_list, read_rgb, resize_short_side, split

SCRIPT = Path(__file__).resolve().parents[1] / "check_photos.py"


def test_list_of_the_package():
    photos = read_list()
    assert len(photos) == 806
    assert all(len(photo.sha256) == 64 for photo in photos)


def test_check_finds_missing_and_changed(photo_folder):
    photos = read_list(photo_folder / "photos.csv")
    assert check_folder(photo_folder, photos) == []
    (photo_folder / "photo0.png").unlink()
    (photo_folder / "photo2.png").write_bytes(b"other")
    problems = check_folder(photo_folder, photos)
    assert len(problems) == 2
    assert "photo0.png: missing" in problems[0]
    assert "photo2.png: not the file of the list" in problems[1]


def test_check_script(photo_folder):
    command = [sys.executable, SCRIPT, photo_folder, "--photos", photo_folder / "photos.csv"]
    good = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout) == (0, "4 of 4 photographs as listed\n")
    (photo_folder / "photo1.png").write_bytes(b"")
    bad = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert "3 of 4" in bad.stdout


def test_photographs_are_collected_from_repositories(photo, tmp_path, monkeypatch, capsys):
    """Upright, reduced, listed with the hash of what was written; one that is not there stops none of the others."""
    clone = tmp_path / "repositories/example/seen"
    clone.mkdir(parents=True)
    picture = Image.fromarray(photo).resize((1500, 1000))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    picture.save(
        clone / "high.jpg", exif=exif, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )
    Image.fromarray(photo).save(clone / "small.png")
    git = ["git", "-C", str(clone), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    rows = [("a.jpg", "high.jpg"), ("b.jpg", "small.png"), ("c.jpg", "missing.jpg")]
    listed = tmp_path / "photos.csv"
    with listed.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for name, path in rows:
            row = {"file": name, "repository": "example/seen", "commit": commit, "path": path, "licence": "CC0"}
            writer.writerow({**row, "width": 1, "height": 1, "sha256": "0"})
    out = tmp_path / "out"
    command = ["collect_photos.py", "--repositories", str(tmp_path / "repositories"), "--out", str(out)]
    monkeypatch.setattr("sys.argv", [*command, "--photos", str(listed)])
    assert collect_photos.main() == 1
    printed = capsys.readouterr()
    assert printed.out == "2 of 3 photographs\n"
    assert "c.jpg" in printed.err and "missing.jpg" in printed.err
    photos = read_list(out / "photos.csv")
    assert [(photo.file, photo.width, photo.height) for photo in photos] == [("a.jpg", 597, 896), ("b.jpg", 340, 300)]
    assert check_folder(out, photos) == []


def test_list_with_missing_column_or_doubled_file(photo_folder):
    path = photo_folder / "photos.csv"
    text = path.read_text()
    path.write_text(text.replace("photo1.png", "photo0.png"))
    with pytest.raises(ValueError, match="listed twice"):
        read_list(path)
    path.write_text(text.replace("sha256", "hash"))
    with pytest.raises(ValueError, match="missing columns sha256"):
        read_list(path)


def test_split_by_source(photo_folder):
    photos = read_list(photo_folder / "photos.csv")
    training, validation = split(photos, ["example/unseen"])
    assert {photo.repository for photo in training} == {"example/seen"}
    assert {photo.repository for photo in validation} == {"example/unseen"}
    with pytest.raises(ValueError, match="no photographs from example/none"):
        split(photos, ["example/none"])
    with pytest.raises(ValueError, match="every source"):
        split(photos, ["example/seen", "example/unseen"])


def test_reading(tmp_path):
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"no image")
    with pytest.raises(ValueError, match="not a readable image"):
        read_rgb(path)


def test_resize_keeps_aspect_and_never_enlarges():
    assert resize_short_side(np.zeros((600, 900, 3), np.uint8), 384).shape == (384, 576, 3)
    assert resize_short_side(np.zeros((300, 900, 3), np.uint8), 384).shape == (300, 900, 3)
