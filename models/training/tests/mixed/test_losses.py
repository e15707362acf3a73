from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr

from training.mixed.losses import ScoreScale, correlation_loss, opinion_loss


def test_correlation_loss_is_one_minus_pearson():
    rng = np.random.default_rng(0)
    scores, mos = rng.uniform(0, 100, (2, 24))
    found = correlation_loss(torch.tensor(scores), torch.tensor(mos)).item()
    assert found == pytest.approx(1 - pearsonr(scores, mos).statistic)


def test_correlation_loss_of_equal_scores_is_one_and_has_a_finite_gradient():
    scores = torch.full((5,), 40.0, requires_grad=True)
    loss = correlation_loss(scores, torch.arange(5.0))
    loss.backward()
    assert loss.item() == pytest.approx(1)
    assert torch.isfinite(scores.grad).all()


def test_scale_begins_as_it_is_and_learns_a_set_of_its_own():
    scale = ScoreScale()
    scores = torch.linspace(10, 90, 17)
    torch.testing.assert_close(scale(scores), scores)
    mos = 20 + 0.6 * scores
    optimiser = torch.optim.Adam(scale.parameters(), lr=0.02)
    for _ in range(400):
        optimiser.zero_grad()
        opinion_loss(scores, mos, scale).backward()
        optimiser.step()
    torch.testing.assert_close(scale(scores), mos, atol=0.5, rtol=0)
    assert (scale(scores).diff() > 0).all()
