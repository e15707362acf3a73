"""Make the folder of training photographs from the repositories that they come from.

    python models/training/collect_photos.py --repositories FOLDER --out PHOTOS

FOLDER/owner/name is a git clone of each repository of the list, with the commit that the list names. Each photograph is
turned upright, taken to sRGB, reduced to at most 896 pixels on the longer side and written to PHOTOS as JPEG. PHOTOS
receives a list of its own, photos.csv, with the SHA-256 of what was written: decoders and encoders of other versions
give other bytes for the same picture. Train with it: ``train.py --data PHOTOS --photos PHOTOS/photos.csv``.

Exit status 1 if a photograph could not be had; the others are written and listed.
"""

from __future__ import annotations

import argparse
import csv
import io
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PIL import Image, ImageCms, ImageOps

from training.photos import COLUMNS, LIST_PATH, sha256

LONG_SIDE = 896
QUALITY = 92


def original(repositories: Path, row: dict[str, str]) -> bytes:
    """The file of a row of the list as it is in its repository. Raises ``FileNotFoundError`` where it is not there."""
    clone = repositories / row["repository"]
    if not clone.is_dir():
        raise FileNotFoundError(f"{clone}: no clone of {row['repository']}")
    command = ["git", "-C", str(clone), "cat-file", "blob", f"{row['commit']}:{row['path']}"]
    found = subprocess.run(command, capture_output=True, check=False)
    if found.returncode != 0:
        raise FileNotFoundError(f"{clone}: {found.stderr.decode(errors='replace').strip()}")
    return found.stdout


def reduced(data: bytes) -> Image.Image:
    """An encoded photograph as upright sRGB, at most ``LONG_SIDE`` pixels on the longer side; never enlarged."""
    with Image.open(io.BytesIO(data)) as opened:
        image = ImageOps.exif_transpose(opened)
        profile = opened.info.get("icc_profile")
    if profile and image.mode in ("RGB", "L", "CMYK"):
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        image = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    image = image.convert("RGB")
    scale = LONG_SIDE / max(image.size)
    if scale >= 1:
        return image
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repositories", type=Path, required=True, help="folder with owner/name clones")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--photos", type=Path, default=LIST_PATH, help="list of photographs (CSV)")
    arguments = parser.parse_args()
    with arguments.photos.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    arguments.out.mkdir(parents=True, exist_ok=True)
    made = []
    for row in rows:
        path = arguments.out / row["file"]
        try:
            image = reduced(original(arguments.repositories, row))
        except (OSError, ImageCms.PyCMSError) as error:
            print(f"{row['file']}: {error}", file=sys.stderr)
            continue
        image.save(path, "JPEG", quality=QUALITY, subsampling=0)
        made.append({**row, "width": image.width, "height": image.height, "sha256": sha256(path)})
    with (arguments.out / "photos.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(made)
    print(f"{len(made)} of {len(rows)} photographs")
    return 0 if len(made) == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
