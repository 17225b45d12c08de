"""Evidence of an excess is what its formula says, is fair while nothing is wrong, and finds what one period hides."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.bench.weekly import excess, gamma_poisson


def judged(rng: np.random.Generator, rows: int, more: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Evidence and tail of two periods of gamma-Poisson counts, means of 0.1 to 1,000, with `more` deviations added."""
    mean, phi = 10 ** rng.uniform(-1, 3, rows), rng.choice([1.2, 2.0, 3.0, 5.0], rows)
    before, now = (
        rng.negative_binomial(mean / (phi - 1), 1 / phi) + rng.poisson(more * np.sqrt(phi * mean)) for _ in range(2)
    )
    ratios = [excess.ratios(count.astype(float), mean, phi) for count in (now, before)]
    return excess.evidence(*ratios), gamma_poisson.tail(now.astype(float), mean, phi)


def test_a_ratio_is_that_of_two_negative_binomials():
    mean, phi, count = 6.0, 3.0, 17
    found = excess.ratios(np.array([float(count)]), np.array([mean]), np.array([phi]))[0]
    for size, ratio in zip(excess.SIZES, found, strict=True):
        higher = mean + size * np.sqrt(phi * mean)
        spread = (phi * mean + size * np.sqrt(phi * mean)) / higher
        above = stats.nbinom.pmf(count, higher / (spread - 1), 1 / spread)
        assert ratio == pytest.approx(above / stats.nbinom.pmf(count, mean / (phi - 1), 1 / phi))


@pytest.mark.parametrize(("mean", "phi"), [(0.2, 1.0), (0.2, 3.0), (5.0, 1.0), (40.0, 5.0)])
def test_a_ratio_is_one_on_average_while_nothing_is_wrong(mean, phi):
    count = np.arange(0.0, 600.0)
    chance = stats.poisson.pmf(count, mean) if phi == 1 else stats.nbinom.pmf(count, mean / (phi - 1), 1 / phi)
    ratios = excess.ratios(count, np.full(600, mean), np.full(600, phi))
    np.testing.assert_allclose(chance @ ratios, 1.0, rtol=2e-3)


def test_at_most_one_period_in_a_hundred_is_a_false_alarm():
    strength, tail = judged(np.random.default_rng(4), 100_000)
    assert 0.006 <= excess.alarms(strength, tail).mean() <= 0.01


def test_two_periods_of_a_small_excess_say_more_than_one_tail():
    strength, tail = judged(np.random.default_rng(4), 20_000, more=2.0)
    assert excess.alarms(strength, tail).mean() > (tail <= 0.01).mean() + 0.1


def test_an_ordinary_count_is_no_alarm_whatever_came_before():
    ratios = [excess.ratios(np.array([count]), np.array([10.0]), np.array([1.5])) for count in (11.0, 80.0)]
    strength = excess.evidence(*ratios)
    tail = gamma_poisson.tail(np.array([11.0]), np.array([10.0]), np.array([1.5]))
    assert strength[0] > excess.LINE
    assert not excess.alarms(strength, tail)[0]


def test_absurd_counts_stay_finite():
    ratios = excess.ratios(np.array([1e9]), np.array([0.1]), np.array([1.0]))
    assert np.isfinite(excess.evidence(ratios, ratios)).all()
