"""The scale of a model: two means decide it, and order is kept."""

import numpy as np
import pytest
import torch

from hyperiqa import build_network
from hyperiqa.network import bound
from training.set_scale import bounded, find_scale, rescale, unbounded


def crops(seed: int, centre: float) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.clip(rng.normal(centre, 15, size=6), 1, 99) for _ in range(40)]


def test_the_bound_and_its_inverse_are_the_networks():
    values = np.array([-30.0, -1.0, 0.0, 0.25, 8.0])
    assert bounded(values) == pytest.approx(bound(torch.tensor(values)).numpy())
    assert unbounded(bounded(values)) == pytest.approx(values)


def test_both_means_are_met_and_the_map_increases():
    unimpaired, damaged = crops(1, 70), crops(2, 25)
    slope, shift = find_scale(unimpaired, damaged, (82, 20))
    assert slope > 0
    means = [
        np.mean([bounded(slope * unbounded(photo) + shift).mean() for photo in kind]) for kind in (unimpaired, damaged)
    ]
    assert means == pytest.approx([82, 20], abs=1e-2)


def test_means_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="no increasing map"):
        find_scale(crops(1, 70), crops(2, 25), (20, 82))


def test_a_rescaled_network_gives_the_mapped_scores():
    torch.manual_seed(4)
    network = build_network("efficientnet_lite0", output="bounded", activation="relu").eval()
    x = torch.randn(3, 3, 224, 224)
    with torch.inference_mode():
        before = network(x).numpy()
        rescale(network, 1.4, -0.2)
        after = network(x).numpy()
    assert after == pytest.approx(bounded(1.4 * unbounded(before) - 0.2), abs=1e-3)
