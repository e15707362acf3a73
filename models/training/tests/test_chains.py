from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from training.chains import STAGES, draw_chain
from training.labels import CLEAN_LABEL

FAULTS = [fault for _, faults in STAGES for fault in faults]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_parameters_follow_the_loss(fault):
    values = [fault.parameter(loss) for loss in np.linspace(0, fault.losses[-1], 20)]
    steps = np.diff(values)
    assert (steps > 0).all() or (steps < 0).all()
    assert list(fault.losses) == sorted(fault.losses)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_little_is_lost_at_loss_zero(photo, fault):
    # Grey images: subsampled chroma costs strong colours something at any quality.
    photo = np.repeat(photo[..., 1:2], 3, axis=2)
    rendered = fault.render(photo, fault.parameter(0), np.random.default_rng(0))
    error = np.sqrt(np.square(rendered.astype(float) - photo).mean())
    worst = fault.render(photo, fault.parameter(fault.losses[-1]), np.random.default_rng(0))
    assert error < 0.5 * np.sqrt(np.square(worst.astype(float) - photo).mean())


def test_labels_fall_with_strength(photo):
    for seed in range(40):
        chain = draw_chain(np.random.default_rng(seed))
        labels = [chain.label(strength) for strength in np.linspace(0, 1, 6)]
        assert labels[0] == pytest.approx(CLEAN_LABEL)
        assert all(later <= earlier for earlier, later in pairwise(labels))
        assert 4 < labels[-1] < CLEAN_LABEL
        # Never better than the worst fault by itself.
        assert labels[-1] <= CLEAN_LABEL - 25 * min(max(loss for _, loss in chain.faults), 3.4)


def test_rendering_is_deterministic(photo):
    for seed in range(8):
        chain = draw_chain(np.random.default_rng(seed))
        first = chain.render(photo, 0.6)
        assert first.shape == photo.shape and first.dtype == np.uint8
        np.testing.assert_array_equal(first, chain.render(photo, 0.6))
