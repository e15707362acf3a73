"""The reference: HyperIQA as the public code computes it, one crop at a time, with PyTorch, torchvision and Pillow.

Written apart from the package `hyperiqa`, from which it imports nothing, so that the expected values of the tests
(models/make_fixtures.py) and the loop that the benchmark compares with do not share its mistakes. The network is
put together from torchvision's ResNet-50 and plain layers; for every patch a target network is built as modules.
"""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models, transforms
from torchvision.transforms import functional as TF

Crops = list[tuple[int, int, float]]

PATCH = 224


class TargetLayer(nn.Module):
    """A linear layer with given weights. `weight`: 1×outputs×inputs×1×1 as the hyper network gives it."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight = weight.reshape(weight.shape[1], weight.shape[2])
        self.bias = bias.reshape(-1)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


class ReferenceNetwork:
    """HyperIQA on ResNet-50, for one patch at a time.

    Args:
        checkpoint: state_dict with the names of the authors' code (any file `torch.load` reads).
    """

    def __init__(self, checkpoint: Path) -> None:
        self._weights = torch.load(checkpoint, map_location="cpu", weights_only=True)
        self._resnet = models.resnet50(weights=None).eval()
        backbone = {
            name.removeprefix("res."): value
            for name, value in self._weights.items()
            if name.startswith("res.") and not name.startswith("res.lda")
        }
        missing, unexpected = self._resnet.load_state_dict(backbone, strict=False)
        if unexpected or set(missing) != {"fc.weight", "fc.bias"}:
            raise ValueError(f"{checkpoint} is not in the official layout: {missing} {unexpected}")

    def score(self, patch: Tensor) -> float:
        """Score of a normalised patch, 1×3×224×224."""
        with torch.inference_mode():
            net = self._resnet
            x = net.maxpool(net.relu(net.bn1(net.conv1(patch))))
            content = []
            for index, layer in enumerate((net.layer1, net.layer2, net.layer3, net.layer4), start=1):
                x = layer(x)
                content.append(self._content(index, x))
            target = self._target_network(x)
            return float(target(torch.cat(content, dim=1)))

    def _content(self, stage: int, x: Tensor) -> Tensor:
        if stage < 4:
            x = F.conv2d(x, self._weights[f"res.lda{stage}_pool.0.weight"])
        x = F.avg_pool2d(x, 7, stride=7).reshape(1, -1)
        return F.linear(x, self._weights[f"res.lda{stage}_fc.weight"], self._weights[f"res.lda{stage}_fc.bias"])

    def _target_network(self, features: Tensor) -> nn.Sequential:
        weights = self._weights
        for index in (0, 2, 4):
            features = F.relu(F.conv2d(features, weights[f"conv1.{index}.weight"], weights[f"conv1.{index}.bias"]))
        pooled = F.adaptive_avg_pool2d(features, 1).reshape(1, -1)
        sizes = (224, 112, 56, 28, 14)
        modules: list[nn.Module] = []
        for layer in range(1, 5):
            name = f"fc{layer}w_conv"
            matrix = F.conv2d(features, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)
            matrix = matrix.reshape(1, sizes[layer], sizes[layer - 1], 1, 1)
            name = f"fc{layer}b_fc"
            bias = F.linear(pooled, weights[f"{name}.weight"], weights[f"{name}.bias"])
            modules += [TargetLayer(matrix, bias), nn.Sigmoid()]
        last = F.linear(pooled, weights["fc5w_fc.weight"], weights["fc5w_fc.bias"]).reshape(1, 1, 14, 1, 1)
        bias = F.linear(pooled, weights["fc5b_fc.weight"], weights["fc5b_fc.bias"])
        return nn.Sequential(*modules, TargetLayer(last, bias))


_TO_INPUT = transforms.Compose(
    [transforms.ToTensor(), transforms.Normalize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))]
)


def score_random(network: ReferenceNetwork, image: Image.Image, count: int, seed: int) -> Crops:
    """The authors' protocols: the image is resized to 384×512 (width × height), then cropped at random.

    demo.py takes 10 crops, the test on KonIQ-10k 25; torch.manual_seed(seed) goes before the image.

    Returns:
        left, top and score of each crop. The score of the image is their mean.
    """
    torch.manual_seed(seed)
    resized = transforms.Resize((512, 384))(image)
    crops = []
    for _ in range(count):
        top, left, height, width = transforms.RandomCrop.get_params(resized, (PATCH, PATCH))
        patch = TF.crop(resized, top, left, height, width)
        crops.append((left, top, network.score(_TO_INPUT(patch)[None])))
    return crops


def score_pyiqa(network: ReferenceNetwork, image: Image.Image) -> Crops:
    """pyiqa's protocol: no resize, unless the shorter side is 224 or less; then 25 crops on a 5×5 grid whose last
    fifth is empty. Everything in floating point, the enlargement too."""
    pixels = TF.to_tensor(image)[None]
    height, width = pixels.shape[2:]
    if min(height, width) <= PATCH:
        scale = PATCH + 1
        size = [scale * height // min(height, width), scale * width // min(height, width)]
        pixels = F.interpolate(pixels, size=size, mode="bilinear", align_corners=False)
        height, width = size
    step_y, step_x = (height - PATCH) // 5, (width - PATCH) // 5
    crops = []
    for row in range(5):
        for column in range(5):
            top, left = row * step_y, column * step_x
            patch = pixels[:, :, top : top + PATCH, left : left + PATCH]
            patch = TF.normalize(patch, mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
            crops.append((left, top, network.score(patch)))
    return crops
