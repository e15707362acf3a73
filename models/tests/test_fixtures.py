"""The committed expectations of the tests in TypeScript and C++ hold for this package, too."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hyperiqa.metadata import self_check_scores, weights_sha256
from hyperiqa.network import PatchScorer
from make_test_model import uniform

PARITY = Path(__file__).resolve().parent.parent.parent / "test" / "fixtures" / "parity"


def fixture(name):
    return json.loads((PARITY / name).read_text())


def test_generated_weights_are_the_same_on_every_machine(make_network):
    numbers = uniform("a name", 100_000)
    assert hashlib.sha256(numbers.tobytes()).hexdigest() == (
        "1754508dad2473a85005238dec7eaaf3cec43a5343cf74dfb7a51fa249ec9a06"
    )
    assert abs(numbers).max() <= 1
    assert abs(numbers.mean()) < 0.01
    assert numbers.std() == pytest.approx(3**-0.5, abs=0.01)
    assert weights_sha256(PatchScorer(make_network("resnet50"))) == (
        "c584b8bf2d9ce526799c599804d4fea2bb332eccc1e6a792fe70226c34427e02"
    )


@pytest.mark.parametrize("kind", ["resnet50", "lite0"])
def test_self_check_scores(kind, make_network):
    expected = fixture("self-check.json")["scores"][f"hyperiqa-test-{kind}.pt"]
    assert self_check_scores(PatchScorer(make_network(kind))) == pytest.approx(expected, abs=1e-3)


def test_crop_positions_are_those_of_an_mt19937_implementation():
    """numpy's generator stands in for torchvision: seeded with the low 32 bits, each draw one number, modulo."""
    for case in fixture("crops.json")["cases"]:
        generator = np.random.RandomState(int(case["seed"]) & 0xFFFFFFFF)
        height, width = case["height"], case["width"]

        def draw(size, generator=generator):
            return int(generator.randint(0, 2**32, dtype=np.uint32)) % (size - 224 + 1)

        for position in case["positions"]:
            if (height, width) == (224, 224):
                assert position == [0, 0]
                continue
            top = draw(height)
            assert position == [draw(width), top]


def test_reference_pipeline_and_this_network_agree(make_network, official, patches):
    reference = pytest.importorskip("reference")
    network = reference.ReferenceNetwork(official)
    x = (patches.float() / 255 - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor(
        [0.229, 0.224, 0.225]
    )[:, None, None]
    expected = [network.score(patch[None]) for patch in x]
    assert PatchScorer(make_network("resnet50"))(patches).tolist() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("protocol", ["official", "official-test", "pyiqa"])
def test_scores_of_the_fixtures_spread_over_the_scale(protocol):
    """A test model that gave every picture nearly the same score would hide mistakes."""
    images = fixture("scores.json")["protocols"][protocol]["images"]
    scores = [image["score"] for image in images.values()]
    assert min(scores) < 40
    assert max(scores) > 60
    assert np.std(scores) > 8
    for image in images.values():
        assert image["score"] == pytest.approx(np.mean([crop[2] for crop in image["crops"]]), abs=1e-4)


@pytest.mark.parametrize("protocol", ["official", "official-test", "pyiqa"])
def test_scores_of_generated_pictures(protocol, make_network):
    make_fixtures = pytest.importorskip("make_fixtures")
    from PIL import Image

    scorer = PatchScorer(make_network("resnet50"))
    expected = fixture("scores.json")["protocols"][protocol]["generated"]["400x300"]
    image = make_fixtures.generated_image(400, 300)
    if protocol != "pyiqa":
        image = image.resize((384, 512), Image.Resampling.BILINEAR)
    pixels = np.asarray(image)
    cut = np.stack([pixels[y : y + 224, x : x + 224] for x, y, _ in expected["crops"]]).transpose(0, 3, 1, 2)
    scores = scorer(torch.from_numpy(cut.copy())).tolist()
    assert scores == pytest.approx([crop[2] for crop in expected["crops"]], abs=1e-3)
