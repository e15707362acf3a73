"""Writes the photographs of test/fixtures/images: small, in every format and oddity the decoder has to deal with.

    python models/make_fixture_images.py PHOTOS

PHOTOS is a folder with the photographs named in `PHOTOS` below and `SOURCES.csv`, which says where each comes from.
Needs Pillow. Encoders differ from version to version, so the bytes may; test expectations (models/make_fixtures.py)
are made from the files as they are.
"""

import argparse
import csv
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from icc_profiles import ADOBE_CURVE, ADOBE_RGB, DISPLAY_P3, SRGB, SRGB_CURVE, rgb_profile

OUTPUT = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "images"

# All CC0.
PHOTOS = {
    "spices": "budgie_backgrounds_04d2a93d2184.jpg",
    "otters": "budgie_backgrounds_0a8f1dc4d60b.jpg",
    "chamomile": "budgie_backgrounds_4306bd5f7fb9.jpg",
    "lavender": "budgie_backgrounds_65c6e90e19c4.jpg",
    "wall": "budgie_backgrounds_964ede4fcd62.jpg",
    "budgie": "budgie_backgrounds_9af68c1b5178.jpg",
    "tunnel": "budgie_backgrounds_c0876a10a4c1.jpg",
    "kitten": "budgie_backgrounds_c6a346781064.jpg",
    "skyline": "budgie_backgrounds_db6db408f7ae.jpg",
    "taipei": "budgie_backgrounds_fa5f2af55993.jpg",
    "tulips": "libjxl_testdata_a9397614d37b.jpg",
}


class Photos:
    """The source photographs, cut and scaled to size."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str, width: int, height: int) -> Image.Image:
        """The centre of a photograph, scaled to width × height, RGB."""
        with Image.open(self._folder / PHOTOS[name]) as file:
            photo = file.convert("RGB")
        scale = max(width / photo.width, height / photo.height)
        left, top = (photo.width - width / scale) / 2, (photo.height - height / scale) / 2
        box = (left, top, left + width / scale, top + height / scale)
        return photo.resize((width, height), Image.Resampling.LANCZOS, box=box)


def write_jpegs(photos: Photos, folder: Path) -> None:
    photos.get("spices", 640, 426).save(folder / "jpeg-420.jpg", quality=85, subsampling="4:2:0")
    photos.get("taipei", 600, 400).save(
        folder / "jpeg-444-progressive.jpg", quality=80, subsampling="4:4:4", progressive=True
    )
    photos.get("tunnel", 400, 300).convert("L").save(folder / "jpeg-grey.jpg", quality=85)
    photos.get("tulips", 400, 300).convert("CMYK").save(folder / "jpeg-cmyk.jpg", quality=85)
    photos.get("skyline", 100, 80).save(folder / "tiny-100x80.jpg", quality=90)
    photos.get("tulips", 224, 336).save(folder / "exact-224x336.jpg", quality=85)

    srgb = rgb_profile("sRGB", SRGB, SRGB_CURVE)
    photos.get("otters", 480, 270).save(folder / "jpeg-srgb-profile.jpg", quality=85, icc_profile=srgb)
    for file, photo, profile in (
        ("jpeg-p3-profile.jpg", photos.get("wall", 500, 333), rgb_profile("Display P3", DISPLAY_P3, SRGB_CURVE)),
        ("jpeg-adobergb-profile.jpg", photos.get("lavender", 480, 270), rgb_profile("A98", ADOBE_RGB, ADOBE_CURVE)),
    ):
        # Other numbers for the same colours: a reader that ignores the profile sees a duller picture.
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        converted = ImageCms.profileToProfile(photo, _profile(srgb), _profile(profile), renderingIntent=intent)
        converted.save(folder / file, quality=85, icc_profile=profile)
    photos.get("chamomile", 400, 300).save(folder / "jpeg-broken-profile.jpg", quality=85, icc_profile=srgb[:200])

    # Stored turned, with the EXIF orientation that turns them back.
    for orientation, transpose in ((6, Image.Transpose.ROTATE_90), (5, Image.Transpose.TRANSPOSE)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = photos.get("kitten", 480, 320).transpose(transpose)
        stored.save(folder / f"jpeg-exif-{orientation}.jpg", quality=85, exif=exif)

    names = ("budgie", "otters", "wall", "chamomile", "taipei", "spices")
    mosaic = Image.new("RGB", (2272, 1704))
    for index, name in enumerate(names):
        left, right = (index % 3) * 2272 // 3, (index % 3 + 1) * 2272 // 3
        mosaic.paste(photos.get(name, right - left, 852), (left, index // 3 * 852))
    mosaic.save(folder / "large-2272x1704.jpg", quality=70)


def _profile(content: bytes) -> ImageCms.ImageCmsProfile:
    from io import BytesIO

    return ImageCms.ImageCmsProfile(BytesIO(content))


def write_others(photos: Photos, folder: Path) -> None:
    photos.get("budgie", 400, 300).save(folder / "png-rgb.png", optimize=True)
    photos.get("chamomile", 224, 224).save(folder / "exact-224.png", optimize=True)
    photos.get("tunnel", 300, 300).convert("L").save(folder / "png-grey.png", optimize=True)
    palette = photos.get("wall", 400, 300).quantize(64, dither=Image.Dither.NONE)
    palette.save(folder / "png-palette.png", optimize=True)

    # Alpha from opaque at the top to transparent at the bottom.
    kitten = photos.get("kitten", 320, 240)
    kitten.putalpha(Image.linear_gradient("L").resize(kitten.size).transpose(Image.Transpose.FLIP_TOP_BOTTOM))
    kitten.save(folder / "png-rgba.png", optimize=True)
    kitten.save(folder / "webp-alpha.webp", quality=80)
    grey = photos.get("lavender", 240, 240).convert("LA")
    grey.putalpha(Image.linear_gradient("L").resize(grey.size))
    grey.save(folder / "png-grey-alpha.png", optimize=True)

    # 16 bits: the 8-bit photograph with a fine ramp in the low byte.
    colour = np.asarray(photos.get("otters", 240, 232)).astype(np.uint16)
    low = np.arange(240, dtype=np.uint16)[None, :, None]
    (folder / "png-16bit-rgb.png").write_bytes(png_16bit(colour * 256 + low))
    monochrome = np.asarray(photos.get("skyline", 256, 256).convert("L")).astype(np.uint16)[:, :, None]
    (folder / "png-16bit-grey.png").write_bytes(png_16bit(monochrome * 256 + 128))

    photos.get("lavender", 480, 270).save(folder / "webp-lossy.webp", quality=80)
    photos.get("spices", 480, 320).save(folder / "avif.avif", quality=70, subsampling="4:4:4")
    photos.get("taipei", 256, 240).save(folder / "tiff-lzw.tif", compression="tiff_lzw")
    photos.get("tulips", 240, 230).save(folder / "bmp.bmp")
    first, second = photos.get("wall", 300, 240), photos.get("budgie", 300, 240)
    first.quantize(64).save(folder / "gif-animated.gif", save_all=True, append_images=[second.quantize(64)])


def png_16bit(pixels: np.ndarray) -> bytes:
    """A PNG with 16 bits a sample, which Pillow does not write for RGB. `pixels`: H×W×C uint16, C 1 or 3."""
    height, width, channels = pixels.shape
    rows = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    filtered = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()
    return _png(width, height, 16, {1: 0, 3: 2}[channels], zlib.compress(filtered, 9))


def _png(width: int, height: int, depth: int, colour: int, data: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def write_broken(folder: Path) -> None:
    """Files that cannot be scored. `folder` is that of the good ones."""
    broken = folder / "broken"
    broken.mkdir(exist_ok=True)
    whole = (folder / "jpeg-420.jpg").read_bytes()
    (broken / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (broken / "empty.jpg").write_bytes(b"")
    (broken / "text.jpg").write_text("This is not a photograph.\n")
    # A well-formed black image of 400 megapixels in some 50 kilobytes.
    side = 20000
    compressor = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    data = b"".join(compressor.compress(row) for _ in range(side)) + compressor.flush()
    (broken / "bomb.png").write_bytes(_png(side, side, 1, 0, data))


def write_attribution(photos: Path, folder: Path) -> None:
    with (photos / "SOURCES.csv").open(newline="") as file:
        sources = {row["file"]: row for row in csv.DictReader(file)}
    lines = [
        "# Where these images come from",
        "",
        "All were made by `models/make_fixture_images.py` from these photographs, which their authors released under",
        "CC0 1.0 (public domain dedication): cut, scaled, re-encoded, and put together in `large-2272x1704.jpg`.",
        "The files in `broken/` are generated or cut from them.",
        "",
        "| photograph | repository | commit | path | licence |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, file_name in PHOTOS.items():
        row = sources[file_name]
        lines.append(
            f"| {name} | {row['repository']} | {row['commit']} | {row['path']} | {row['licence']} |",
        )
    (folder / "ATTRIBUTION.md").write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the photographs of test/fixtures/images.")
    parser.add_argument("photos", type=Path, help="folder with the source photographs and SOURCES.csv")
    options = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    photos = Photos(options.photos)
    write_jpegs(photos, OUTPUT)
    write_others(photos, OUTPUT)
    write_broken(OUTPUT)
    write_attribution(options.photos, OUTPUT)


if __name__ == "__main__":
    main()
