"""The slow twin finds ramps that a quick baseline swallows, and keeps its promise about false alarms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from detector.stats import slow

FLOOR = 1.0
WEEK = np.array([1.2, 1.2, 1.1, 1.1, 1.0, 0.7, 0.7])


def counts(rng: np.random.Generator, mean: float, phi: float, rows: int) -> np.ndarray:
    drawn = rng.poisson(mean, rows) if phi == 1.0 else rng.negative_binomial(mean / (phi - 1), 1 / phi, rows)
    return drawn.astype(float)


def close(twins: np.ndarray, day: int, count: np.ndarray, floor: float = FLOOR) -> np.ndarray:
    floors = np.full(len(twins), floor)
    return slow.learn(slow.step(twins, day, count, floors), day, count, floors)


def lived(mean: float, days: int, phi: float = 1.0, rows: int = 50, week: np.ndarray = WEEK) -> np.ndarray:
    rng, twins = np.random.default_rng(5), slow.blank(rows)
    for day in range(days):
        twins = close(twins, day, counts(rng, mean * week[day % 7], phi, rows))
    return twins


def one(a: float, b: float, phi: float = 1.0) -> np.ndarray:
    """A twin whose level is `a / b` (the floor of 1 adds a count and a day), dispersion known for ever."""
    twins = slow.blank(1)
    twins["a"], twins["b"], twins["phi_days"], twins["phi_total"] = a, b, 1e12, phi * 1e12
    return twins


def test_a_day_moves_evidence_by_the_likelihood_ratio_of_two_negative_binomials():
    twins, phi, count = one(3000.0, 29.0, 3.0), 3.0, 104
    most = slow.due(twins, 0, np.ones(1)).most[0]
    twins["evidence"] = 50.0
    heard = slow.step(twins, 0, np.array([float(count)]), np.ones(1))["evidence"][0]
    shape = most / (phi - 1)
    for ratio, got in zip(slow.RATIOS, heard, strict=True):
        above = stats.nbinom.logpmf(count, shape, 1 / (1 + ratio * (phi - 1)))
        assert got == pytest.approx((50 + 24) * math.exp(above - stats.nbinom.logpmf(count, shape, 1 / phi)), rel=1e-4)


def test_without_dispersion_it_is_the_likelihood_ratio_of_two_poissons():
    twins = one(3000.0, 29.0)
    most = slow.due(twins, 0, np.ones(1)).most[0]
    heard = slow.step(twins, 0, np.array([115.0]), np.ones(1))["evidence"][0]
    ratios = stats.poisson.logpmf(115, slow.RATIOS * most) - stats.poisson.logpmf(115, most)
    np.testing.assert_allclose(heard, 24 * np.exp(ratios), rtol=1e-4)


@pytest.mark.parametrize(("a", "phi"), [(40.0, 1.0), (3000.0, 1.0), (3000.0, 20.0)])
def test_the_level_judged_is_the_upper_end_of_the_gamma_posterior(a, phi):
    shape = (1 + math.exp(-1 / slow.MEMORY_D)) * (a + 1) / phi
    upper = stats.gamma.ppf(stats.norm.cdf(slow.CAUTION), shape) / shape * (a + 1) / 30
    assert slow.due(one(a, 29.0, phi), 0, np.ones(1)).most[0] == pytest.approx(upper, rel=0.01)


def test_the_discounted_level_errs_by_no_more_than_its_posterior_says():
    twins = lived(50.0, 400, rows=2000, week=np.ones(7))
    shape = (1 + math.exp(-1 / slow.MEMORY_D)) * twins["a"].mean()
    error = (twins["a"] / twins["b"]).std() / 50
    assert error == pytest.approx(1 / math.sqrt(shape), rel=0.1)


def test_a_day_is_learned_a_fortnight_later_and_not_before():
    twins, floors = lived(100.0, 60, rows=1), np.ones(1)
    before = float(twins["a"][0])
    expected = before
    for day in range(60, 60 + slow.LAG_D):
        expected = expected * math.exp(-1 / slow.MEMORY_D) + float(twins["waiting"][0, day % slow.LAG_D])
        twins = slow.learn(twins, day, np.array([1e6]), floors)
    assert twins["a"][0] == pytest.approx(expected)
    assert slow.learn(twins, 60 + slow.LAG_D, np.array([100.0]), floors)["a"][0] > 9e5


def test_a_day_that_must_not_be_learned_leaves_no_trace():
    floors, twins = np.ones(1), lived(100.0, 60, rows=1)
    for day in range(60, 60 + slow.LAG_D):
        twins = slow.learn(twins, day, np.array([np.nan]), floors)
    level = twins[["a", "b", "phi_total", "phi_days"]].copy()
    for day in range(74, 74 + slow.LAG_D):
        twins = slow.learn(twins, day, np.array([5e5]), floors)
    assert twins[["a", "b", "phi_total", "phi_days"]] == level


def test_a_day_that_was_not_seen_moves_no_evidence():
    twins = lived(100.0, 80, rows=3)
    heard = slow.step(twins, 80, np.array([np.nan, 0.0, 130.0]), np.ones(3))
    np.testing.assert_array_equal(heard["evidence"][0], twins["evidence"][0])
    assert (heard["evidence"][1] < twins["evidence"][1]).all()


def test_a_scope_without_history_has_no_voice():
    twins = slow.blank(1)
    for day in range(slow.LAG_D + int(slow.KNOWN_D) - 1):
        twins = close(twins, day, np.array([10.0**day if day < 9 else 1e9]))
        assert not twins["evidence"].any()


def test_one_wild_day_alone_is_no_ramp():
    twins = slow.step(lived(1000.0, 80), 80, np.full(50, 1e7), np.full(50, FLOOR))
    assert (twins["evidence"].mean(axis=1) < 365 * 24).all()


def test_counts_below_the_material_floor_are_no_evidence():
    rng, twins = np.random.default_rng(5), slow.blank(50)
    for day in range(120):
        twins = close(twins, day, counts(rng, 10.0 * 1.02 ** max(0, day - 70), 1.0, 50), floor=50.0)
    assert (twins["evidence"].mean(axis=1) < 10 * 24).all()


def test_the_rhythm_of_the_week_is_found():
    twins = lived(500.0, 150)
    found = [float(np.mean(slow.due(twins, day, np.ones(50)).season)) for day in range(7)]
    np.testing.assert_allclose(found, WEEK, atol=0.04)


@pytest.mark.parametrize("phi", [1.0, 5.0, 20.0])
def test_the_dispersion_of_a_day_is_found_with_a_margin(phi):
    found = slow.due(lived(200.0, 250, phi, rows=300), 0, np.ones(300)).phi.mean()
    assert 0.95 * phi <= found <= 2.0 * phi


@pytest.mark.parametrize(("growth", "mean", "phi", "days"), [(0.01, 1e3, 1, 14), (0.02, 1e3, 5, 14), (0.05, 99, 5, 14)])
def test_a_ramp_is_found_at_a_false_alarm_in_a_hundred_years(growth, mean, phi, days):
    rng, twins, line_h = np.random.default_rng(8), lived(mean, 90, phi), 100 * 365.25 * 24
    found = np.zeros(50, bool)
    for day in range(90, 90 + days):
        twins = close(twins, day, counts(rng, mean * WEEK[day % 7] * (1 + growth) ** (day - 89), phi, 50))
        found |= twins["evidence"].mean(axis=1) >= line_h
    assert found.mean() >= 0.5


@pytest.mark.parametrize(("mean", "phi"), [(10.0, 1.0), (100.0, 5.0), (1000.0, 20.0), (10.0, 20.0)])
def test_measured_time_between_false_alarms_is_at_least_the_line(mean, phi):
    """400 scopes over two years with a weekly rhythm, line 200 days."""
    rng, twins, line_h, alarms, exposure_h = np.random.default_rng(3), slow.blank(400), 200 * 24.0, 0, 0.0
    for day in range(730):
        twins = close(twins, day, counts(rng, mean * WEEK[day % 7], phi, 400))
        alarmed = twins["evidence"].mean(axis=1) >= line_h
        alarms += int(alarmed.sum())
        exposure_h += 24.0 * float((twins["b"] >= slow.KNOWN_D).sum())
        twins["evidence"][alarmed] = 0.0
    assert exposure_h / max(alarms, 1) >= line_h


def test_evidence_stays_finite_in_an_endless_ramp_and_falls_within_weeks_of_its_end():
    twins = lived(100.0, 60, rows=1)
    for day in range(60, 260):
        twins = close(twins, day, np.array([100.0 * 1.03 ** (day - 60)]))
    assert twins["evidence"].max() <= slow.CEILING_H
    for day in range(260, 281):
        twins = close(twins, day, np.array([100.0]))
    assert twins["evidence"].mean() < 24.0 * 365
