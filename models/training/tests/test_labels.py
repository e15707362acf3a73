from __future__ import annotations

import pytest

from training import labels


def test_scale_is_linear():
    assert labels.to_score(1) == 0
    assert labels.to_score(5) == 100
    assert labels.to_score(3) == 50


def test_clean_label_is_that_of_the_identity_levels():
    identity = (labels.level_means()[1, 1].mean + labels.level_means()[3, 1].mean) / 2
    assert pytest.approx(identity) == labels.CLEAN_KADID
    assert pytest.approx(90.2) == labels.CLEAN_LABEL


def test_every_type_and_level_has_a_label():
    assert len(labels.level_means()) == labels.TYPES * labels.LEVELS
    assert labels.label(1, 5) == pytest.approx((1.303 - 1) * 25)
    assert labels.label(18, 3) == pytest.approx((4.603 - 1) * 25)
    with pytest.raises(KeyError):
        labels.label(26, 1)
