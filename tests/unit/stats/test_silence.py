"""Silence is evidence as long as the odds against it say, and false alarms come no oftener than promised."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from detector.stats import silence


def one(value: float) -> np.ndarray:
    return np.array([float(value)])


@pytest.mark.parametrize("phi", [1.0, 2.0, 9.0])
def test_silence_bets_at_the_odds_of_nothing_from_every_moment_on(phi):
    rate, quiet_h = 30.0, 0.4

    def odds(hours: float) -> float:
        mean = rate * hours
        nothing = stats.poisson.pmf(0, mean) if phi == 1 else stats.nbinom.pmf(0, mean / (phi - 1), 1 / phi)
        return float(1 / nothing)

    due = integrate.quad(odds, 0, quiet_h)[0]
    assert silence.longer(one(0), one(quiet_h), one(rate), one(phi))[0] == pytest.approx(due, rel=1e-6)
    kept = silence.longer(one(5), one(quiet_h), one(rate), one(phi))[0]
    assert kept == pytest.approx(due + 5 * odds(quiet_h), rel=1e-6)


def test_two_stretches_of_silence_are_one():
    half = silence.longer(one(0), one(0.2), one(40), one(3))
    assert silence.longer(half, one(0.2), one(40), one(3)) == pytest.approx(
        silence.longer(one(0), one(0.4), one(40), one(3))
    )


def test_a_steady_policy_is_called_silent_no_oftener_than_the_line_says():
    rng, rate, line_h = np.random.default_rng(1), 20.0, 100.0
    gaps_h = rng.exponential(1 / rate, 400_000)
    alarms = silence.longer(np.zeros_like(gaps_h), gaps_h, np.full_like(gaps_h, rate), np.ones_like(gaps_h)) >= line_h
    assert alarms.sum() > 0
    assert gaps_h.sum() / alarms.sum() >= line_h


def test_weeks_of_silence_overflow_nothing():
    assert np.isfinite(silence.longer(one(1e20), one(1e4), one(1e4), one(1))[0])
