"""Losses on scores 0..100: regression to the labels and order within a photograph."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

#: Points of the 0..100 scale that are one unit of the losses (one step of the KADID scale).
UNIT = 25.0
#: Width of the quadratic part of the smooth L1 loss, in units.
_BETA = 0.25
#: Pairs whose labels differ by less (points) say nothing about the order.
_LEAST_DIFFERENCE = 2.0
#: A pair costs nothing once the scores differ by this share of the labels' difference, at most half a unit.
_MARGIN_SHARE = 0.5
_GREATEST_MARGIN = 0.5


def regression_loss(scores: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted smooth L1 between scores and labels, all of one shape; a scalar."""
    return (smooth_difference(scores, labels) * weights).sum() / weights.sum()


def smooth_difference(scores: Tensor, labels: Tensor) -> Tensor:
    """Smooth L1 of each pair, in units of the losses."""
    return F.smooth_l1_loss(scores / UNIT, labels / UNIT, beta=_BETA, reduction="none")


def ranking_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Hinge loss on the order of all pairs within each row of ``scores`` and ``labels`` (groups × versions); a scalar.

    The versions of a row show the same crop, so that their order depends on the distortion only.
    """
    difference = (labels.unsqueeze(2) - labels.unsqueeze(1)) / UNIT
    better = difference > _LEAST_DIFFERENCE / UNIT
    margin = (difference * _MARGIN_SHARE).clamp(max=_GREATEST_MARGIN)
    gap = (scores.unsqueeze(2) - scores.unsqueeze(1)) / UNIT
    cost = torch.where(better, F.relu(margin - gap), torch.zeros_like(gap))
    return cost.sum() / better.sum().clamp(min=1)
