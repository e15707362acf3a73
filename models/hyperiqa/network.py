"""HyperIQA as one scriptable module, and the module that is exported around it.

The network follows section 3 of the paper. Entries of the state_dict have the names of the authors' public
checkpoints, so that those load with `strict=True`.
"""

import itertools
from typing import Final

import torch
from torch import Tensor, nn

from .backbones import Backbone, EfficientNetLite0, ResNet50

PATCH_SIZE = 224

# Channels of the network state_dict keys have no say in: the content vector and the layers of the target network.
CONTENT = 224
TARGET_LAYERS = (CONTENT, 112, 56, 28, 14)
HYPER_CHANNELS = 112
FEATURE_SIZE = 7

# Widths of the 1×1 convolutions between the last feature map and the hyper network's 112 channels.
HYPER_WIDTHS: dict[str, tuple[int, ...]] = {
    ResNet50.name: (1024, 512),
    EfficientNetLite0.name: (224,),
}

LDA_CHANNELS = (16, 32, 64)
LDA_OUTPUT = 16

OUTPUTS = ("unbounded", "bounded")


class HyperIQA(nn.Module):
    """Quality of 224×224 patches.

    The weights of a small "target network" that judges the patch are computed, for every patch anew, by a hyper
    network from the last feature map (paper, sections 3.2 to 3.4). The target network runs as batched matrix
    products, so that one graph serves any batch size.

    Args:
        backbone: gives the four feature maps. It becomes `self.res` and receives the local distortion aware (LDA)
            heads as `lda1_pool` … `lda4_fc`: that is where the public checkpoints have them.
        output: "unbounded" gives the last layer as it is, as the official weights expect; "bounded" maps it to
            0..100, see `bound`.
    """

    bounded: Final[bool]

    def __init__(self, backbone: Backbone, output: str = "unbounded") -> None:
        super().__init__()
        if output not in OUTPUTS:
            raise ValueError(f"output must be one of {', '.join(OUTPUTS)}, not {output!r}")
        self.bounded = output == "bounded"
        self.res = backbone
        self._attach_lda_heads(backbone)

        widths = (backbone.stage_channels[3], *HYPER_WIDTHS[backbone.name], HYPER_CHANNELS)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, after, 1), nn.ReLU(inplace=True)]
        self.conv1 = nn.Sequential(*layers)

        self.fc1w_conv, self.fc1b_fc = self._layer_generators(1)
        self.fc2w_conv, self.fc2b_fc = self._layer_generators(2)
        self.fc3w_conv, self.fc3b_fc = self._layer_generators(3)
        self.fc4w_conv, self.fc4b_fc = self._layer_generators(4)
        self.fc5w_fc = nn.Linear(HYPER_CHANNELS, TARGET_LAYERS[4])
        self.fc5b_fc = nn.Linear(HYPER_CHANNELS, 1)

    @staticmethod
    def _attach_lda_heads(backbone: Backbone) -> None:
        """LDA heads on the four stages (paper, section 3.3): 16 + 16 + 16 + 176 = 224 values of content."""
        channels = backbone.stage_channels
        for index, width in enumerate(LDA_CHANNELS):
            side = 8 >> index
            convolution = nn.Conv2d(channels[index], width, 1, bias=False)
            backbone.add_module(f"lda{index + 1}_pool", nn.Sequential(convolution, nn.AvgPool2d(7, stride=7)))
            backbone.add_module(f"lda{index + 1}_fc", nn.Linear(width * side * side, LDA_OUTPUT))
        backbone.add_module("lda4_pool", nn.AvgPool2d(7, stride=7))
        backbone.add_module("lda4_fc", nn.Linear(channels[3], CONTENT - 3 * LDA_OUTPUT))

    @staticmethod
    def _layer_generators(layer: int) -> tuple[nn.Conv2d, nn.Linear]:
        """Modules that compute the weights and the biases of a layer (1..4) of the target network."""
        inputs, outputs = TARGET_LAYERS[layer - 1], TARGET_LAYERS[layer]
        weights = nn.Conv2d(HYPER_CHANNELS, inputs * outputs // FEATURE_SIZE**2, 3, padding=1)
        return weights, nn.Linear(HYPER_CHANNELS, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of normalised patches.

        Args:
            x: N×3×224×224, RGB normalised with ImageNet's mean and standard deviation, in the dtype of the
                parameters; N ≥ 1; any memory format.

        Returns:
            N scores, fp32 (fp64 for fp64 parameters); higher or lower is better as the training labels had it.
        """
        stage1, stage2, stage3, stage4 = self.res.stages(x)
        content = torch.cat(
            [
                self.res.lda1_fc(self.res.lda1_pool(stage1).flatten(1)),
                self.res.lda2_fc(self.res.lda2_pool(stage2).flatten(1)),
                self.res.lda3_fc(self.res.lda3_pool(stage3).flatten(1)),
                self.res.lda4_fc(self.res.lda4_pool(stage4).flatten(1)),
            ],
            dim=1,
        )
        hyper = self.conv1(stage4)
        pooled = hyper.mean(dim=[2, 3])

        # The target network runs in fp32 even on half-precision features: it costs nothing, and a bf16 score of 50 to
        # 100 would be a multiple of 0.5. flatten(1) reads N×C×7×7 in the order N, C, row, column whatever the memory
        # format.
        dtype = working_dtype(self.fc5b_fc.weight)
        y = content.to(dtype).unsqueeze(2)
        y = target_layer(y, self.fc1w_conv(hyper).flatten(1).to(dtype), self.fc1b_fc(pooled).to(dtype))
        y = target_layer(y, self.fc2w_conv(hyper).flatten(1).to(dtype), self.fc2b_fc(pooled).to(dtype))
        y = target_layer(y, self.fc3w_conv(hyper).flatten(1).to(dtype), self.fc3b_fc(pooled).to(dtype))
        y = target_layer(y, self.fc4w_conv(hyper).flatten(1).to(dtype), self.fc4b_fc(pooled).to(dtype))
        weights, bias = self.fc5w_fc(pooled).to(dtype), self.fc5b_fc(pooled).to(dtype)
        score = torch.bmm(weights.unsqueeze(1), y).flatten() + bias.flatten()
        if self.bounded:
            return bound(score)
        return score

    def backbone_parameters(self) -> list[nn.Parameter]:
        """Parameters of the backbone without the LDA heads: those that come pretrained."""
        return [value for name, value in self.res.named_parameters() if not name.startswith("lda")]

    def head_parameters(self) -> list[nn.Parameter]:
        """All other parameters: LDA heads and hyper network."""
        pretrained = {id(value) for value in self.backbone_parameters()}
        return [value for value in self.parameters() if id(value) not in pretrained]


def target_layer(x: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """One sigmoid layer of the target network, with other weights for each sample.

    Args:
        x: N×inputs×1.
        weights: N×(outputs·inputs), row-major outputs×inputs.
        bias: N×outputs.

    Returns:
        N×outputs×1.
    """
    matrix = weights.view(weights.shape[0], bias.shape[1], x.shape[1])
    return torch.sigmoid(torch.baddbmm(bias.unsqueeze(2), matrix, x))


def bound(z: Tensor) -> Tensor:
    """Maps any score to 0..100, monotonically: 50·(1 + z/(1 + |z|)).

    A clamp gives every image beyond the range the same score, and a logistic function is exactly 100 in fp32 from
    z ≈ 17 on: ties that spoil rank correlations. This function approaches its ends as 1/|z|: still 99.5 at z = 99.
    """
    return 50.0 * (1.0 + z / (1.0 + z.abs()))


class PatchScorer(nn.Module):
    """Content of a model file: the network with the scaling and normalisation of its input.

    Args:
        network: a `HyperIQA`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, patches: Tensor) -> Tensor:
        """Scores of patches.

        Args:
            patches: uint8 N×3×224×224, RGB 0..255; N ≥ 1; any memory format.

        Returns:
            float32 N.
        """
        return self.network(normalise(patches, self.network.fc5b_fc.weight)).to(torch.float32)


def normalise(patches: Tensor, like: Tensor) -> Tensor:
    """RGB 0..255 → (value/255 − mean)/SD with ImageNet's mean and standard deviation, in one pass.

    Computed in fp32 (fp64 for fp64 parameters) even when the network runs in half precision, where the constants
    themselves would be off by a quarter of a grey level.

    Args:
        patches: uint8 N×3×H×W on any device.
        like: a parameter of the network; its device and dtype are those of the result. In a frozen graph it is a
            constant, and the scale and the shift below are folded into constants with it.
    """
    dtype = working_dtype(like)
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=dtype, device=like.device)
    deviation = torch.tensor([0.229, 0.224, 0.225], dtype=dtype, device=like.device)
    scale = (1.0 / (255.0 * deviation)).view(1, 3, 1, 1)
    shift = (-mean / deviation).view(1, 3, 1, 1)
    return torch.addcmul(shift, patches.to(dtype), scale).to(like.dtype)


def working_dtype(like: Tensor) -> torch.dtype:
    """fp64 if `like`, a parameter, is fp64, else fp32: the dtype of steps that half precision would spoil."""
    if like.dtype == torch.float64:
        return torch.float64
    return torch.float32


def build_network(backbone: str, *, output: str = "unbounded", activation: str = "relu6") -> HyperIQA:
    """A network with random weights.

    Args:
        backbone: "resnet50" or "efficientnet_lite0".
        output: "unbounded" or "bounded", see `HyperIQA`.
        activation: of EfficientNet-Lite0, "relu6" or "relu"; ResNet-50 has ReLU.

    Raises:
        ValueError: unknown backbone, output or activation.
    """
    if backbone == ResNet50.name:
        return HyperIQA(ResNet50(), output)
    if backbone == EfficientNetLite0.name:
        return HyperIQA(EfficientNetLite0(activation), output)
    raise ValueError(f"backbone must be one of {', '.join(HYPER_WIDTHS)}, not {backbone!r}")
