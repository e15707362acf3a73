from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from hyperiqa.metadata import PRESETS
from training.scored.errors import DatasetError
from training.scored.pixels import Pixels, resized
from training.scored.sets import LAYOUTS, read_set


def fails(code: str, reason: str):
    """A context that expects a ``DatasetError`` of this code whose message has this part."""
    return pytest.raises(DatasetError, match=reason, check=lambda error: error.code == code)


def replace_text(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_every_set_has_a_preset_for_the_export():
    assert set(LAYOUTS) <= set(PRESETS)


@pytest.mark.parametrize(
    ("name", "count", "groups", "first", "score"),
    [
        ("koniq10k", 12, 12, "1024x768/1000.jpg", 85.5),
        ("kadid10k", 15, 5, "images/I01_01_01.png", (4.32 - 1) * 25),
        ("tid2013", 12, 4, "distorted_images/i01_08_1.bmp", 5.4 / 9 * 100),
        ("spaq", 10, 10, "TestImage/00001.jpg", 82.75),
        ("livec", 10, 10, "Images/10.JPG", 92.4),
    ],
)
def test_published_layouts_on_one_scale(make_folder, name, count, groups, first, score):
    found = read_set(name, make_folder(name))
    assert (len(found.images), found.missing) == (count, ())
    assert len({image.group for image in found.images}) == groups
    assert found.images[0].file == first
    assert found.images[0].score == pytest.approx(score)
    # Every folder is made so that the score falls with the blur: higher is better in all of them.
    order = [image.score for image in found.images if image.group == found.images[0].group]
    assert order == sorted(order, reverse=True)
    assert all(0 <= image.score <= 100 and (found.folder / image.file).is_file() for image in found.images)


def test_official_split_of_koniq(make_folder):
    parts = [image.part for image in read_set("koniq10k", make_folder("koniq10k")).images]
    assert parts == ["training"] * 6 + ["validation"] * 3 + ["test"] * 3


def test_koniq_scores_without_split(make_folder):
    folder = make_folder("koniq10k")
    (folder / "koniq10k_distributions_sets.csv").unlink()
    table = folder / "koniq10k_scores_and_distributions.csv"
    table.write_text('"image_name","MOS","SD","MOS_zscore"\n"1000.jpg",3.9,0.5,77.25\n')
    (folder / "1024x768").rename(folder / "512x384")
    (image,) = read_set("koniq10k", folder).images
    # MOS of this file is 1..5: MOS_zscore is the one on 0..100.
    assert (image.file, image.score, image.part) == ("512x384/1000.jpg", 77.25, None)


def test_tid_names_are_found_in_any_case(make_folder):
    files = [image.file for image in read_set("tid2013", make_folder("tid2013")).images]
    assert files[-1] == "distorted_images/i04_08_3.BMP"


def test_spaq_from_a_csv_export(make_folder):
    folder = make_folder("spaq")
    (folder / "Annotations" / "MOS and Image attribute scores.xlsx").unlink()
    # Excel's format for locales with a decimal comma: byte order mark, semicolons.
    table = folder / "MOS and Image attribute scores.csv"
    table.write_text("Image name;MOS;Brightness\n00002.jpg;61.5;3\n\n", encoding="utf-8-sig")
    assert [(image.file, image.score) for image in read_set("spaq", folder).images] == [("TestImage/00002.jpg", 61.5)]


def test_livec_leaves_out_the_images_that_trained_the_observers(make_folder):
    files = [image.file for image in read_set("livec", make_folder("livec")).images]
    assert not any("/t" in file for file in files)


def test_missing_images_are_named(make_folder):
    folder = make_folder("kadid10k")
    (folder / "images" / "I02_01_03.png").unlink()
    found = read_set("kadid10k", folder)
    assert found.missing == ("images/I02_01_03.png",)
    assert len(found.images) == 14
    shutil.rmtree(folder / "images")
    (folder / "images").mkdir()
    with fails("ERR_DATASET_IMAGES", "none of the 15 listed images"):
        read_set("kadid10k", folder)


@pytest.mark.parametrize(
    ("name", "file", "message"),
    [
        (
            "koniq10k",
            "koniq10k_distributions_sets.csv",
            "has no koniq10k_distributions_sets.csv and no koniq10k_scores",
        ),
        ("kadid10k", "dmos.csv", "has no dmos.csv"),
        ("tid2013", "mos_with_names.txt", "has no mos_with_names.txt"),
        ("spaq", "Annotations/MOS and Image attribute scores.xlsx", "has no Annotations/MOS and Image"),
        ("livec", "Data/AllMOS_release.mat", "has no Data/AllMOS_release.mat"),
    ],
)
def test_missing_score_list(make_folder, name, file, message):
    folder = make_folder(name)
    (folder / file).unlink()
    with fails("ERR_DATASET_FILE", message):
        read_set(name, folder)


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_missing_folders(make_folder, tmp_path, name):
    folder = make_folder(name)
    shutil.rmtree(folder / LAYOUTS[name].image_folders[0])
    with fails("ERR_DATASET_FILE", f"has no folder {LAYOUTS[name].image_folders[0]}"):
        read_set(name, folder)
    with fails("ERR_DATASET_FILE", "is not a folder"):
        read_set(name, tmp_path / "nowhere")


def test_missing_columns_are_named_with_what_is_there(make_folder):
    folder = make_folder("kadid10k")
    replace_text(folder / "dmos.csv", "dist_img,ref_img,dmos,var", "dist_img,ref_img,mos,var")
    with fails("ERR_DATASET_FORMAT", r"no column dmos; its columns are dist_img, ref_img, mos, var"):
        read_set("kadid10k", folder)
    (folder / "dmos.csv").write_text("")
    with fails("ERR_DATASET_FORMAT", r"its columns are \(none\)"):
        read_set("kadid10k", folder)
    (folder / "dmos.csv").write_text("dist_img,ref_img,dmos\n")
    with fails("ERR_DATASET_FORMAT", "has no rows"):
        read_set("kadid10k", folder)
    (folder / "dmos.csv").write_text("dist_img,ref_img,dmos\nI01_01_01.png\n")
    with fails("ERR_DATASET_FORMAT", "row 2: too few cells"):
        read_set("kadid10k", folder)


@pytest.mark.parametrize(
    ("value", "reason"), [("good", "dmos is 'good'"), ("5.32", "are 1 to 5"), ("nan", "are 1 to 5")]
)
def test_bad_scores_are_named(make_folder, value, reason):
    folder = make_folder("kadid10k")
    replace_text(folder / "dmos.csv", "I01_01_01.png,I01.png,4.32", f"I01_01_01.png,I01.png,{value}")
    with fails("ERR_DATASET_VALUES", rf"{reason}.*I01_01_01\.png"):
        read_set("kadid10k", folder)


def test_doubled_image_is_named(make_folder):
    folder = make_folder("tid2013")
    replace_text(folder / "mos_with_names.txt", "I02_08_1.bmp", "i01_08_1.BMP")
    with fails("ERR_DATASET_VALUES", "listed twice: i01_08_1.bmp"):
        read_set("tid2013", folder)


def test_koniq_on_the_wrong_scale_or_with_an_unknown_part(make_folder):
    folder = make_folder("koniq10k")
    table = folder / "koniq10k_distributions_sets.csv"
    replace_text(table, "validation", "holdout")
    with fails("ERR_DATASET_FORMAT", "but 'holdout' occurs"):
        read_set("koniq10k", folder)
    table.write_text("image_name,MOS,set\n1000.jpg,3.5,training\n")
    with fails("ERR_DATASET_VALUES", "scale of 1 to 5"):
        read_set("koniq10k", folder)


def test_tid_lines_that_are_none(make_folder):
    folder = make_folder("tid2013")
    path = folder / "mos_with_names.txt"
    replace_text(path, "I02_08_1.bmp", "picture.bmp")
    with fails("ERR_DATASET_FORMAT", "line 4.*is not a score and a name"):
        read_set("tid2013", folder)
    replace_text(path, "5.40000 picture.bmp", "5,40000 I02_08_1.bmp")
    with fails("ERR_DATASET_VALUES", "line 4: '5,40000' is not a number"):
        read_set("tid2013", folder)
    path.write_text("\n")
    with fails("ERR_DATASET_FORMAT", "has no rows"):
        read_set("tid2013", folder)


def test_spaq_workbook_that_is_none(make_folder):
    folder = make_folder("spaq")
    (folder / "Annotations" / "MOS and Image attribute scores.xlsx").write_bytes(b"PK not a workbook")
    with fails("ERR_DATASET_FILE", "not a readable Excel workbook"):
        read_set("spaq", folder)


def test_livec_files_that_do_not_fit(make_folder):
    folder = make_folder("livec")
    scores = folder / "Data" / "AllMOS_release.mat"
    savemat(scores, {"AllMOS_release": np.zeros((1, 12))})
    with fails("ERR_DATASET_FORMAT", "lists 17 images, AllMOS_release.mat 12 scores"):
        read_set("livec", folder)
    savemat(scores, {"MOS": np.zeros((1, 17))})
    with fails("ERR_DATASET_FORMAT", "no variable AllMOS_release"):
        read_set("livec", folder)
    scores.write_bytes(b"not MATLAB")
    with fails("ERR_DATASET_FILE", "not a readable MATLAB file"):
        read_set("livec", folder)
    savemat(scores, {"AllMOS_release": np.zeros((1, 3))})
    savemat(folder / "Data" / "AllImages_release.mat", {"AllImages_release": np.zeros((3, 1))})
    with fails("ERR_DATASET_FORMAT", "lists 3 images, too few"):
        read_set("livec", folder)


def test_csv_in_another_encoding(make_folder):
    folder = make_folder("kadid10k")
    (folder / "dmos.csv").write_bytes("dist_img,ref_img,dmos\né.png".encode("utf-16"))
    with fails("ERR_DATASET_FILE", "cannot read"):
        read_set("kadid10k", folder)


def test_pixels_are_those_of_the_protocol_and_broken_images_are_named(make_folder, tmp_path):
    folder = make_folder("koniq10k")
    (folder / "1024x768" / "1003.jpg").write_bytes(b"broken")
    files = [image.file for image in read_set("koniq10k", folder).images]
    pixels = Pixels(folder, tmp_path / "run", PRESETS["koniq10k"].resize)
    reports = []
    unreadable = pixels.prepare(files, 1, lambda *values: reports.append(values))
    assert list(unreadable) == ["1024x768/1003.jpg"]
    assert reports[-1] == (12, 12, 0)
    with Image.open(folder / files[0]) as image:
        expected = np.asarray(image.convert("RGB").resize((384, 512), Image.Resampling.BILINEAR))
    assert np.array_equal(pixels.read(files[0]), expected)
    # A second call makes the broken one only, once it is repaired.
    shutil.copy(folder / files[4], folder / files[3])
    made = pixels._make
    again = []
    pixels._make = lambda file: again.append(file) or made(file)
    assert pixels.prepare(files, 1) == {}
    assert again == [files[3]]


@pytest.mark.parametrize(
    ("resize", "size", "expected"),
    [
        ({"mode": "none"}, (500, 401), (500, 401)),
        ({"mode": "none"}, (100, 151), (224, 338)),
        ({"mode": "short-side", "size": 512}, (1025, 800), (656, 512)),
        ({"mode": "exact", "width": 384, "height": 512}, (30, 40), (384, 512)),
    ],
)
def test_resize(resize, size, expected):
    assert resized(Image.new("RGB", size), resize).size == expected


def test_unknown_resize():
    with pytest.raises(ValueError, match="unknown resize 'fit'"):
        resized(Image.new("RGB", (300, 300)), {"mode": "fit"})
