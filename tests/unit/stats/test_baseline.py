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


def lived(rate: float, weeks: float, busy: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Profile, shape (1, 168) twice, of a policy that acts `busy` times as often in the first hour of each day."""
    counts, expected = np.zeros((1, 168), np.float32), np.zeros((1, 168), np.float32)
    for hour in range(int(weeks * 168)):
        at, factor = hour % 168, (busy if hour % 24 == 0 else (24 - busy) / 23)
        counts[:, at], expected[:, at] = baseline.learn_profile(
            counts[:, at], expected[:, at], np.array([factor * rate]), np.array([rate])
        )
    return counts, expected


def factor(profile: tuple[np.ndarray, np.ndarray], hour: int, pooled: float = 0.0) -> float:
    parts = baseline.counted(*profile, baseline.scale(*profile), hour)
    return float(baseline.seasonal(*parts, np.array([pooled]), ONE)[0])


def test_a_busy_policy_learns_its_rhythm_and_a_quiet_one_stays_flat():
    assert 1.95 <= factor(lived(2000.0, 6), 0) <= 2.0
    assert 1.0 <= factor(lived(0.02, 6), 0) <= 1.1


def test_the_rhythm_of_a_day_is_known_after_two_and_on_days_of_the_week_that_never_came():
    assert 1.8 <= factor(lived(100.0, 2 / 7), 5 * 24) <= 2.0


def test_a_level_that_is_learned_late_is_no_rhythm():
    counts, expected = lived(100.0, 1)
    assert factor((counts, expected / 4), 0) == pytest.approx(factor((counts, expected), 0), rel=0.02)


def test_a_quiet_policy_has_the_rhythm_of_the_others_and_a_busy_one_its_own():
    pooled = baseline.pool(*(np.repeat(each[:, 0], 9) for each in lived(50.0, 6)))
    assert 1.7 <= pooled <= 2.0
    assert factor(lived(0.02, 6), 0, pooled) == pytest.approx(pooled, rel=0.1)
    assert factor(lived(2000.0, 6, busy=1.0), 0, pooled) == pytest.approx(1.0, rel=0.02)


def test_the_pool_is_the_same_to_the_last_bit_in_any_order_and_nobody_rules_it():
    rng = np.random.default_rng(1)
    expected = rng.gamma(0.5, 300.0, 50)
    counts, order = rng.poisson(2 * expected).astype(float), rng.permutation(50)
    assert baseline.pool(counts, expected) == baseline.pool(counts[order], expected[order])
    assert baseline.pool(np.array([*[100.0] * 9, 9e6]), np.array([*[100.0] * 9, 1e6])) < 3


@pytest.mark.parametrize("dispersion", [1.0, 4.0, 12.0])
def test_dispersion_of_negative_binomial_counts_is_found(dispersion):
    mean, rng = 80.0, np.random.default_rng(3)
    r = mean / max(dispersion - 1, 1e-9)
    draws = rng.poisson(mean, 2000) if dispersion == 1 else rng.negative_binomial(r, r / (r + mean), 2000)
    total = hours = np.zeros(1)
    for count in draws:
        total, hours = baseline.learn_phi(total, hours, np.array([float(count)]), np.array([mean]))
    assert baseline.phi(total, hours)[0] == pytest.approx(dispersion, rel=0.25)


@pytest.mark.parametrize(("dispersion", "least", "most"), [(1.0, 1.0, 1.5), (4.0, 2.5, 4.5)])
def test_dispersion_of_a_few_actions_a_day_is_found_too(dispersion, least, most):
    mean, rows, rng = 0.2, 300, np.random.default_rng(5)
    total, hours = np.zeros(rows), np.zeros(rows)
    for _ in range(2000):
        clusters = rng.poisson(mean / dispersion, rows)
        total, hours = baseline.learn_phi(total, hours, clusters * dispersion, np.full(rows, mean))
    assert least <= baseline.phi(total, hours).mean() <= most


def test_dispersion_is_never_below_poisson():
    assert baseline.phi(np.zeros(1), np.array([1000.0]))[0] == 1.0
