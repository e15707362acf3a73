"""Fine-tuning with batch norm in inference mode, folded into the convolutions.

Frozen statistics make batch norm a scale and a shift for each channel. Both are merged into the convolution before it
for training (its weight and a bias are what is learnt, a third less time per step) and written back into the ordinary
module afterwards, so that checkpoints and exports have the network's own names.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hyperiqa.backbones import SamePadConv2d


class FoldedConv2d(nn.Module):
    """A convolution with the batch norm after it merged in; weight and bias are trainable."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        scale = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
        self.weight = nn.Parameter(conv.weight.detach() * scale.view(-1, 1, 1, 1))
        self.bias = nn.Parameter(norm.bias.detach() - norm.running_mean * scale)
        self._kernel = conv.kernel_size[0]
        self._stride = conv.stride[0]
        self._groups = conv.groups
        self._same = isinstance(conv, SamePadConv2d)
        self._padding = (self._kernel - 1) // 2 if self._same else conv.padding[0]

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        if self._same and self._stride == 2:
            # TensorFlow's 'same' padding at even sizes: a kernel with a zero row on top and a zero column on the
            # left, padded symmetrically, is the same and saves a copy of the input.
            weight = F.pad(weight, [1, 0, 1, 0])
        return F.conv2d(x, weight, self.bias, self._stride, self._padding, 1, self._groups)

    def write_to(self, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        """Store weight and bias in an ordinary pair of modules, whose batch norm then only adds the bias."""
        with torch.no_grad():
            norm.weight.fill_(1)
            norm.running_mean.zero_()
            norm.running_var.fill_(1)
            norm.bias.copy_(self.bias)
            conv.weight.copy_(self.weight * (1 + norm.eps) ** 0.5)


def fold(module: nn.Module) -> None:
    """Merge, in place, every batch norm that follows a convolution inside an ``nn.Sequential`` of ``module``."""
    for child in module.children():
        if isinstance(child, nn.Sequential):
            for index in range(len(child) - 1):
                conv, norm = child[index], child[index + 1]
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    child[index] = FoldedConv2d(conv, norm)
                    child[index + 1] = nn.Identity()
        fold(child)


def unfold_into(folded: nn.Module, ordinary: nn.Module) -> None:
    """Write a folded network back into ``ordinary``, a network of the same architecture that was never folded.

    Raises ``ValueError`` if the two differ in structure.
    """
    source = dict(folded.named_modules())
    taken: set[str] = set()
    for name, module in ordinary.named_modules():
        if not isinstance(module, nn.Sequential):
            continue
        for index in range(len(module) - 1):
            layer = source.get(f"{name}.{index}")
            if isinstance(layer, FoldedConv2d):
                layer.write_to(module[index], module[index + 1])
                taken |= {f"{name}.{index}.weight", f"{name}.{index}.bias"}
    rest = {key: value for key, value in folded.state_dict().items() if key not in taken}
    unexpected = ordinary.load_state_dict(rest, strict=False).unexpected_keys
    if unexpected:
        raise ValueError(f"the networks differ: {', '.join(unexpected[:3])}")
