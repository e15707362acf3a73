"""Losses of human-scored photographs that leave the model its own scale."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.losses import UNIT, smooth_difference

_CENTRE = 50.0


class ScoreScale(nn.Module):
    """A learned increasing map from the model's scores s to a set's opinion scores: 50 + shift + slope · (s − 50).

    What a score of 50 means differs between sets and between faults made on purpose and those of cameras; the map lets
    the network agree with both.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))
        self.log_slope = nn.Parameter(torch.zeros(()))

    def forward(self, scores: Tensor) -> Tensor:
        """Opinion scores 0..100 for scores 0..100."""
        return _CENTRE + UNIT * self.shift + self.log_slope.exp() * (scores - _CENTRE)


def opinion_loss(scores: Tensor, mos: Tensor, scale: ScoreScale) -> Tensor:
    """Smooth L1 between mapped scores and opinion scores; a scalar."""
    return smooth_difference(scale(scores), mos).mean()


def correlation_loss(scores: Tensor, mos: Tensor) -> Tensor:
    """1 − Pearson's correlation over the batch; a scalar from 0 to 2, 1 if either is constant."""
    return 1 - F.cosine_similarity(scores - scores.mean(), mos - mos.mean(), dim=0)
