"""MTCNN's three networks as one scriptable module.

The cascade around them is the engine's (native/engine/faces/cascade.cpp).

Attributes are named as in facenet-pytorch's state dicts, so that its weights load with strict=True.
"""

import torch
from torch import Tensor, nn


def normalised(pixels: Tensor) -> Tensor:
    """Values 0..255 to about −1..1, as the networks were trained."""
    return (pixels - 127.5) * 0.0078125


class ProposalNet(nn.Module):
    """P-Net: a probability and box offsets for every 12×12 window, 2 pixels apart, of one level of the pyramid."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 10, 3)
        self.prelu1 = nn.PReLU(10)
        self.pool1 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv2 = nn.Conv2d(10, 16, 3)
        self.prelu2 = nn.PReLU(16)
        self.conv3 = nn.Conv2d(16, 32, 3)
        self.prelu3 = nn.PReLU(32)
        self.conv4_1 = nn.Conv2d(32, 2, 1)
        self.conv4_2 = nn.Conv2d(32, 4, 1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """float32 N×3×H×W (0..255, H and W ≥ 12) → probabilities N×h×w, offsets N×4×h×w.

        h = ⌈(H−2)/2⌉ − 4, and w likewise.
        """
        x = self.pool1(self.prelu1(self.conv1(normalised(pixels))))
        x = self.prelu2(self.conv2(x))
        x = self.prelu3(self.conv3(x))
        return torch.softmax(self.conv4_1(x), dim=1)[:, 1], self.conv4_2(x)


class RefinementNet(nn.Module):
    """R-Net: looks at each proposal again, at 24×24 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 28, 3)
        self.prelu1 = nn.PReLU(28)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = nn.Conv2d(28, 48, 3)
        self.prelu2 = nn.PReLU(48)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3 = nn.Conv2d(48, 64, 2)
        self.prelu3 = nn.PReLU(64)
        self.dense4 = nn.Linear(576, 128)
        self.prelu4 = nn.PReLU(128)
        self.dense5_1 = nn.Linear(128, 2)
        self.dense5_2 = nn.Linear(128, 4)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """float32 N×3×24×24 (0..255) → probabilities N, offsets N×4."""
        x = self.pool1(self.prelu1(self.conv1(normalised(pixels))))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.prelu3(self.conv3(x))
        # The weights come from a Caffe model with columns before rows.
        x = self.prelu4(self.dense4(x.permute(0, 3, 2, 1).flatten(1)))
        return torch.softmax(self.dense5_1(x), dim=1)[:, 1], self.dense5_2(x)


class OutputNet(nn.Module):
    """O-Net: decides, at 48×48 pixels, and places the landmarks."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3)
        self.prelu1 = nn.PReLU(32)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.prelu2 = nn.PReLU(64)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.prelu3 = nn.PReLU(64)
        self.pool3 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv4 = nn.Conv2d(64, 128, 2)
        self.prelu4 = nn.PReLU(128)
        self.dense5 = nn.Linear(1152, 256)
        self.prelu5 = nn.PReLU(256)
        self.dense6_1 = nn.Linear(256, 2)
        self.dense6_2 = nn.Linear(256, 4)
        self.dense6_3 = nn.Linear(256, 10)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """float32 N×3×48×48 (0..255) → probabilities N, offsets N×4, landmarks N×10 (five x, then five y)."""
        x = self.pool1(self.prelu1(self.conv1(normalised(pixels))))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.pool3(self.prelu3(self.conv3(x)))
        x = self.prelu4(self.conv4(x))
        x = self.prelu5(self.dense5(x.permute(0, 3, 2, 1).flatten(1)))
        return torch.softmax(self.dense6_1(x), dim=1)[:, 1], self.dense6_2(x), self.dense6_3(x)


class Detector(nn.Module):
    """Content of a model file of kind "faces". It has no forward of its own: the engine calls its three parts."""

    def __init__(self) -> None:
        super().__init__()
        self.proposal = ProposalNet()
        self.refinement = RefinementNet()
        self.output = OutputNet()
