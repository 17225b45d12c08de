"""The baseline finds the rate, the weekly rhythm and the dispersion that made the data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detector.stats import baseline

ONE = np.ones(1)


def test_the_level_is_the_conjugate_posterior_mean_while_nothing_is_forgotten(monkeypatch):
    monkeypatch.setattr(baseline, "_FADE", 1.0)
    counts, floor = [70, 30, 90, 40], 6.0
    a = b = np.zeros(1)
    for count in counts:
        a, b = baseline.learn_level(a, b, np.array([float(count)]), ONE)
    posterior = stats.gamma(a=floor * baseline.PRIOR_H + sum(counts), scale=1 / (baseline.PRIOR_H + len(counts)))
    assert baseline.rate_per_h(a, b, ONE, np.array([floor]))[0] == pytest.approx(posterior.mean())


def test_rates_below_the_material_floor_count_as_the_floor():
    assert baseline.rate_per_h(np.zeros(1), np.array([500.0]), ONE, np.array([6.0]))[0] == 6.0


def test_a_busy_policy_learns_its_rhythm_and_a_quiet_one_stays_flat():
    for rate, low, high in ((2000.0, 1.7, 2.0), (0.05, 1.0, 1.05)):
        counts = expected = np.zeros(1, np.float32)
        for _ in range(6):
            counts, expected = baseline.learn_profile(counts, expected, np.array([2 * rate]), np.array([rate]))
        assert low <= baseline.seasonal(counts, expected, ONE)[0] <= high


@pytest.mark.parametrize("dispersion", [1.0, 4.0, 12.0])
def test_dispersion_of_negative_binomial_counts_is_found(dispersion):
    mean, rng = 80.0, np.random.default_rng(3)
    r = mean / max(dispersion - 1, 1e-9)
    draws = rng.poisson(mean, 2000) if dispersion == 1 else rng.negative_binomial(r, r / (r + mean), 2000)
    total = hours = np.zeros(1)
    for count in draws:
        total, hours = baseline.learn_phi(total, hours, np.array([float(count)]), np.array([mean]))
    assert baseline.phi(total, hours)[0] == pytest.approx(dispersion, rel=0.25)


def test_dispersion_is_never_below_poisson():
    assert baseline.phi(np.zeros(1), np.array([1000.0]))[0] == 1.0
