from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from training.photos import check_folder, read_list, read_rgb, resize_short_side, split

SCRIPT = Path(__file__).resolve().parents[1] / "check_photos.py"


def test_list_of_the_package():
    photos = read_list()
    assert len(photos) == 460
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
