"""Writes test/fixtures/parity: what PyTorch, torchvision and Pillow compute, for the tests in TypeScript and C++.

    python models/make_fixtures.py MODELS

MODELS is a folder made by models/make_test_model.py; all other input is in test/fixtures/images. Needs torchvision
and Pillow (models/requirements-dev.txt). Takes some minutes. Every file says with which versions it was made.
"""

import argparse
import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image, ImageCms, ImageOps
from torchvision.transforms import RandomCrop

import reference

FIXTURES = Path(__file__).resolve().parent.parent / "test" / "fixtures"
IMAGES = FIXTURES / "images"
SEED = 7

MADE_WITH = {"torch": torch.__version__, "torchvision": torchvision.__version__, "pillow": PIL.__version__}

GENERATED_FORMULA = (
    "uint32 arithmetic: t = x*(c+1) + y*(c+2) + 91*c; h = (c*height + y)*width + x; h *= 2654435761; h ^= h >> 15; "
    "h *= 2246822519; h ^= h >> 13; value = ((t mod 256)*3 + (h >> 24)) / 4"
)
GENERATED_SIZES = ((400, 300), (640, 480), (100, 80), (224, 224), (224, 400), (1000, 225), (2272, 1704))


def generated_image(width: int, height: int) -> Image.Image:
    """A picture of gradients and noise by `GENERATED_FORMULA`, for tests that have no image decoder."""
    y, x, c = np.indices((height, width, 3), dtype=np.uint32)
    ramp = x * (c + 1) + y * (c + 2) + 91 * c
    noise = (c * height + y) * width + x
    noise *= np.uint32(2654435761)
    noise ^= noise >> 15
    noise *= np.uint32(2246822519)
    noise ^= noise >> 13
    return Image.fromarray((((ramp % 256) * 3 + (noise >> 24)) // 4).astype(np.uint8))


def as_stored(path: Path) -> Image.Image:
    """The decoding of the reference implementations: numbers as stored, alpha dropped, not turned.

    16-bit grey is the exception: Pillow's convert("RGB") clips it to white; the high byte is taken instead, as
    Pillow itself does for 16-bit RGB.
    """
    with Image.open(path) as file:
        if file.mode == "I;16":
            return Image.fromarray((np.asarray(file) >> 8).astype(np.uint8)).convert("RGB")
        return file.convert("RGB")


def as_seen(path: Path) -> Image.Image:
    """The decoding of the `native` protocol: turned by EXIF, converted to sRGB, flattened on white."""
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file)
        profile = file.info.get("icc_profile")
        if "A" in image.mode or "transparency" in image.info:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        elif image.mode == "I;16":
            image = as_stored(path)
    image = image.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        except (OSError, ImageCms.PyCMSError):
            return image
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        image = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), renderingIntent=intent)
    return image


def image_files() -> list[Path]:
    return sorted(path for path in IMAGES.iterdir() if path.is_file() and path.suffix != ".md")


def grid(width: int, height: int, side: int = 8) -> list[tuple[int, int]]:
    """Evenly spaced positions, corners included."""
    xs = [index * (width - 1) // (side - 1) for index in range(side)]
    ys = [index * (height - 1) // (side - 1) for index in range(side)]
    return [(x, y) for y in ys for x in xs]


def samples(image: Image.Image) -> dict[str, Any]:
    """Size, mean and some pixels of an RGB image: `pixels` are x, y, red, green, blue one after the other."""
    pixels = np.asarray(image)
    flat: list[int] = []
    for x, y in grid(*image.size):
        flat += [x, y, *(int(value) for value in pixels[y, x])]
    return {
        "width": image.width,
        "height": image.height,
        "mean": [round(float(value), 4) for value in pixels.mean((0, 1))],
        "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
        "pixels": flat,
    }


def crop_positions() -> dict[str, Any]:
    """Positions that torchvision's RandomCrop(224) draws after torch.manual_seed(seed)."""
    seeds = (0, 1, 7, 42, 123456789, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 7, 2**53 + 1, 2**63, 2**64 - 1)
    sizes = ((384, 512), (512, 512), (1024, 768), (225, 225), (224, 224), (224, 500), (500, 224), (2272, 1704))
    cases = []
    for index, seed in enumerate(seeds):
        # All sizes for the first seeds, one for each of the others.
        for width, height in sizes if index < 3 else (sizes[index % 2],):
            torch.manual_seed(seed)
            image = torch.empty(3, height, width, dtype=torch.uint8)
            drawn = [RandomCrop.get_params(image, (224, 224)) for _ in range(25)]
            positions = [[left, top] for top, left, _, _ in drawn]
            cases.append({"seed": str(seed), "width": width, "height": height, "positions": positions})
    return {"about": "left and top of 25 crops; seeds are strings since they may exceed 2^53", "cases": cases}


def resized() -> dict[str, Any]:
    """Pixels of Pillow's bilinear (antialiased) resize."""
    cases = []

    def add(name: str, image: Image.Image, sizes: Iterable[tuple[int, int]]) -> None:
        for size in sizes:
            result = image.resize(size, Image.Resampling.BILINEAR)
            cases.append({"image": name, "from": list(image.size), **samples(result)})

    for file in ("jpeg-420.jpg", "large-2272x1704.jpg"):
        add(file, as_stored(IMAGES / file), ((384, 512), (512, 512), (512, 384)))
    add("tiny-100x80.jpg", as_stored(IMAGES / "tiny-100x80.jpg"), ((280, 224), (281, 225)))
    for size in ((400, 300), (2272, 1704)):
        add("generated", generated_image(*size), ((384, 512), (512, 512), (512, 384)))
    add("generated", generated_image(100, 80), ((280, 224), (281, 225)))
    return {"generated": GENERATED_FORMULA, "cases": cases}


def decoded() -> dict[str, Any]:
    """Pixels of every image under both policies of decoding."""
    return {path.name: {"stored": samples(as_stored(path)), "seen": samples(as_seen(path))} for path in image_files()}


def _scored(image: Image.Image, crops: reference.Crops) -> dict[str, Any]:
    return {
        "width": image.width,
        "height": image.height,
        "score": float(np.mean([score for _, _, score in crops])),
        "crops": [[left, top, round(score, 5)] for left, top, score in crops],
    }


def official_scores(models: Path) -> dict[str, Any]:
    """Scores of the ResNet-50 test model under the reference's protocols, by models/reference.py."""
    network = reference.ReferenceNetwork(models / "hyperiqa-test-resnet50.pkl")
    images = {path.name: as_stored(path) for path in image_files()}
    generated = {f"{width}x{height}": generated_image(width, height) for width, height in GENERATED_SIZES}

    protocols: dict[str, Any] = {name: {} for name in ("official", "official-test", "pyiqa")}
    for group, pictures in (("images", images), ("generated", generated)):
        for name in protocols:
            protocols[name][group] = {}
        for picture, image in pictures.items():
            print(f"{group}: {picture}", flush=True)
            # The demo's 10 crops are the first of the test's 25 with the same seed.
            crops = reference.score_random(network, image, 25, SEED)
            protocols["official"][group][picture] = _scored(image, crops[:10])
            protocols["official-test"][group][picture] = _scored(image, crops)
            protocols["pyiqa"][group][picture] = _scored(image, reference.score_pyiqa(network, image))
    return {
        "model": "hyperiqa-test-resnet50.pt",
        "seed": SEED,
        "generated": GENERATED_FORMULA,
        "protocols": protocols,
    }


def native_scores(models: Path) -> dict[str, Any]:
    """Scores of the Lite0 test model under its `native` protocol: Pillow's resize, the graph run by PyTorch."""
    model = torch.jit.load(str(models / "hyperiqa-test-lite0.pt")).eval()

    def score(image: Image.Image) -> dict[str, Any]:
        short = min(image.size)
        size = (image.width * 384 // short, image.height * 384 // short)
        pixels = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
        positions = [(x, y) for y in evenly(size[1]) for x in evenly(size[0])]
        patches = np.stack([pixels[y : y + 224, x : x + 224] for x, y in positions]).transpose(0, 3, 1, 2)
        with torch.inference_mode():
            scores = model(torch.from_numpy(patches.copy()))
        crops = [(x, y, float(value)) for (x, y), value in zip(positions, scores, strict=True)]
        return {**_scored(image, crops), "resized": list(size)}

    return {
        "model": "hyperiqa-test-lite0.pt",
        "generated": GENERATED_FORMULA,
        "native": {
            "images": {path.name: score(as_seen(path)) for path in image_files()},
            "generated": {f"{w}x{h}": score(generated_image(w, h)) for w, h in GENERATED_SIZES},
        },
    }


def evenly(length: int) -> list[int]:
    """Starts of as many crops as cover a length: evenly spaced, rounded down, both ends covered."""
    count = -(-length // 224)
    return [index * (length - 224) // (count - 1) for index in range(count)] if count > 1 else [(length - 224) // 2]


def self_check(models: Path) -> dict[str, Any]:
    """The generated patches of the self-check, in plain integers, and what the test models say of them."""
    patches = np.empty((4, 3, 224, 224), np.uint8)
    for n in range(4):
        for c in range(3):
            for y in range(224):
                for x in range(224):
                    t = x * (n + 1) + y * (c + 2) + 31 * n + 57 * c
                    h = ((n * 3 + c) * 224 + y) * 224 + x
                    h = h * 2654435761 % 2**32
                    h ^= h >> 15
                    h = h * 2246822519 % 2**32
                    h ^= h >> 13
                    patches[n, c, y, x] = ((t % 256) * (4 - n) + (h >> 24) * n) // 4
    scores = {}
    for name in ("hyperiqa-test-resnet50.pt", "hyperiqa-test-lite0.pt"):
        with torch.inference_mode():
            scores[name] = [float(score) for score in torch.jit.load(str(models / name))(torch.from_numpy(patches))]
    probes = [(n, c, y, x) for n in range(4) for c in range(3) for y, x in ((0, 0), (0, 1), (100, 37), (223, 223))]
    return {
        "patches": {
            "sha256": hashlib.sha256(patches.tobytes()).hexdigest(),
            "order": "n, channel, row, column",
            "values": [[*probe, int(patches[probe])] for probe in probes],
        },
        "scores": scores,
    }


def write(name: str, content: dict[str, Any]) -> None:
    """JSON with one line for each leaf list, so that differences can be read."""
    path = FIXTURES / "parity" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_pretty({"madeBy": "models/make_fixtures.py", "madeWith": MADE_WITH, **content}) + "\n")


def _pretty(value: Any, indent: int = 0) -> str:
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(key)}: {_pretty(item, indent + 2)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + "\n" + " " * indent + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(inner + _pretty(item, indent + 2) for item in value) + "\n" + " " * indent + "]"
    return json.dumps(value, separators=(",", ":"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Write test/fixtures/parity.")
    parser.add_argument("models", type=Path, help="folder made by make_test_model.py")
    options = parser.parse_args()
    torch.set_num_threads(1)
    write("crops.json", crop_positions())
    write("resize.json", resized())
    write("decode.json", {"images": decoded()})
    write("self-check.json", self_check(options.models))
    write("native.json", native_scores(options.models))
    write("scores.json", official_scores(options.models))


if __name__ == "__main__":
    main()
