"""The onset statistic is Page's CUSUM for a doubled rate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detector.stats import onset


def test_it_adds_the_log_likelihood_ratio_and_never_falls_below_zero():
    level, by_hand = np.zeros(1), 0.0
    for count, due in ((0, 1.0), (5, 1.0), (2, 1.5), (0, 9.0)):
        level = onset.step(level, onset.change(np.array([float(count)]), np.array([due]), np.array([2.0])))
        by_hand = max(0.0, by_hand + (count * math.log(2) - due) / 2)
        assert level[0] == pytest.approx(by_hand)
    assert level[0] == 0.0
