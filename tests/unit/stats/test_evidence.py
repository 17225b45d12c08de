"""The e-detector does what its formula says, and keeps its promise about false alarms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from detector.stats import evidence

WIDTH_H = 5 / 3600


def one(value: float) -> np.ndarray:
    return np.array([value])


def by_hand(counts: list[int], rate: float, phi: float) -> float:
    """The recursion of the docstring with scipy's likelihoods, one ratio and one bucket at a time."""
    total, due = 0.0, rate * WIDTH_H
    for ratio, weight in zip(evidence.RATIOS.tolist(), evidence.WEIGHTS.tolist(), strict=True):
        level, worth = 0.0, worth_by_hand(due, ratio, phi)
        for count in counts:
            level = (level + WIDTH_H * worth) * math.exp(log_ratio(count, due, ratio, phi))
        total += weight * level
    return total


def worth_by_hand(due: float, ratio: float, phi: float) -> float:
    """What an hour of exposure counts, from scipy's likelihoods: their ratio is linear in the count."""
    empty, each = log_ratio(0, due, ratio, phi), log_ratio(1, due, ratio, phi) - log_ratio(0, due, ratio, phi)
    before, after = -(empty + each * due), empty + each * ratio * due
    further = min(0.5, 1 - (ratio - 1) / (ratio * math.log(ratio)))
    return (1 - further * empty) / (before / after + evidence.FINITE)


def log_ratio(count: int, due: float, ratio: float, phi: float) -> float:
    return log_likelihood(count, due, ratio, phi) - log_likelihood(count, due, 1, phi)


def log_likelihood(count: int, due: float, ratio: float, phi: float) -> float:
    """Of a count of mean `ratio * due`: Poisson, or the gamma-Poisson of the shape that has variance `phi due` at 1."""
    if phi == 1.0:
        return float(stats.poisson.logpmf(count, ratio * due))
    return float(stats.nbinom.logpmf(count, due / (phi - 1), 1 / (1 + ratio * (phi - 1))))


def moved(level: np.ndarray, count: np.ndarray, rate: np.ndarray, phi: np.ndarray, width_h: float) -> np.ndarray:
    """Evidence after the very next bucket."""
    factor, offset = evidence.moves(count, np.zeros_like(count, float), rate, phi, width_h)
    return factor * level + offset


def run(counts: list[int], rate: float, phi: float) -> np.ndarray:
    level = np.zeros((1, len(evidence.RATIOS)))
    for count in counts:
        level = moved(level, one(count), one(rate), one(phi), WIDTH_H)
    return level


@pytest.mark.parametrize("rate", [6.0, 300.0, 5000.0])
@pytest.mark.parametrize("phi", [1.0, 4.0])
def test_a_step_is_the_published_recursion(rate, phi):
    counts = [0, 3, 1, 0, 0, 7, 2]
    assert evidence.level_h(run(counts, rate, phi))[0] == pytest.approx(by_hand(counts, rate, phi), rel=1e-6)


@pytest.mark.parametrize("empty", [0, 1, 7, 5000])
def test_resting_equals_that_many_empty_buckets(empty):
    start = run([4, 4, 4], 60.0, 2.0)
    stepped = start
    for _ in range(empty):
        stepped = moved(stepped, one(0), one(60.0), one(2.0), WIDTH_H)
    rested = evidence.idle(start, one(float(empty)), one(60.0), one(2.0), WIDTH_H)
    np.testing.assert_allclose(rested, stepped, rtol=1e-9)


def test_fewer_rows_never_mean_more_evidence():
    full, missing = run([5, 9, 9], 60.0, 2.0), run([5, 7, 9], 60.0, 2.0)
    assert (missing < full).all()


@pytest.mark.parametrize("empty", [0, 1, 7, 5000])
def test_a_bucket_after_empty_ones_moves_evidence_like_resting_and_then_the_bucket(empty):
    start, gap = run([4, 4, 4], 60.0, 2.0), one(float(empty))
    factor, offset = evidence.moves(one(3.0), gap, one(60.0), one(2.0), WIDTH_H)
    rested = evidence.idle(start, gap, one(60.0), one(2.0), WIDTH_H)
    np.testing.assert_allclose(factor * start + offset, moved(rested, one(3.0), one(60.0), one(2.0), WIDTH_H))


def test_an_absurd_count_moves_evidence_far_and_stays_finite():
    level = run([10**6], 6.0, 1.0)
    assert np.isfinite(level).all()
    assert level.max() > 1e20


@pytest.mark.parametrize("bet", [0, 2, 4])
@pytest.mark.parametrize("phi", [1.0, 5.0, 20.0])
def test_gamma_is_what_overshoots_of_bets_that_are_right_leave_of_a_far_line(phi, bet):
    rng, ratio, extra, level, line = np.random.default_rng(3), evidence.RATIOS[bet], phi - 1, np.zeros(10_000), 12.0
    gain, loss = (each[0, bet] for each in evidence.bets(one(phi)))
    while (below := np.flatnonzero(level < line)).size:  # a cluster of events at a time; `waited` in expected events
        clusters = ratio if phi == 1 else math.log1p(ratio * extra) / extra
        waited = rng.exponential(1 / clusters, below.size)
        size = 1 if phi == 1 else rng.logseries(ratio * extra / (1 + ratio * extra), below.size)
        level[below] += gain * size - loss * waited
    found = evidence.gamma(*evidence.bets(one(phi)))[0, bet] - evidence.FINITE
    assert np.exp(line - level).mean() == pytest.approx(found, rel=0.03)


def test_weights_are_shares():
    assert evidence.WEIGHTS.sum() == pytest.approx(1.0)
    assert (evidence.WEIGHTS > 0).all()


def test_no_bit_of_a_level_depends_on_the_rows_it_is_worked_out_with():
    rng = np.random.default_rng(5)
    every = rng.lognormal(0.0, 5.0, (1000, len(evidence.RATIOS)))
    wider = np.concatenate([every, every[:, :5]], axis=1)
    levels = evidence.level_h(every)
    assert np.array_equal(levels, evidence.level_h(wider[:, : len(evidence.RATIOS)]))
    for size in (1, 2, 3, 7, 64):
        pieces = [evidence.level_h(every[i : i + size]) for i in range(0, len(every), size)]
        assert np.array_equal(levels, np.concatenate(pieces))


def test_budgets_of_scopes_add_up_to_the_policys():
    lines = [evidence.line_h(0.1, weight) for weight in (0.5, 0.25, 0.25)]
    assert sum(365.25 * 24 / line for line in lines) == pytest.approx(0.1)


def false_alarm_h(draw, rate: float, phi: float, line_h: float, streams: int = 400, width_h: float = 0.05) -> float:
    """Mean hours to the first false alarm of many streams whose buckets `draw` gives."""
    level, alarm_h = np.zeros((streams, len(evidence.RATIOS))), np.full(streams, np.nan)
    phis, rates = np.full(streams, phi), np.full(streams, rate)
    for bucket in range(60_000):
        level = moved(level, draw(rate * width_h, streams), rates, phis, width_h)
        crossed = (evidence.strength(level, np.full(streams, line_h)) >= 1) & np.isnan(alarm_h)
        alarm_h[crossed] = bucket * width_h
        if not np.isnan(alarm_h).any():
            break
    return float(np.where(np.isnan(alarm_h), bucket * width_h, alarm_h).mean())


@pytest.mark.parametrize(("rate", "cluster"), [(2.0, 1), (50.0, 1), (20.0, 4)])
def test_poisson_clusters_alarm_falsely_no_oftener_than_the_line_says(rate, cluster):
    rng = np.random.default_rng(7)
    assert false_alarm_h(lambda due, n: cluster * rng.poisson(due / cluster, n), rate, cluster, 50.0) >= 50.0


@pytest.mark.parametrize("phi", [2.0, 5.0, 20.0])
def test_gamma_poisson_counts_alarm_falsely_no_oftener_than_the_line_says(phi):
    rng = np.random.default_rng(7)

    def draw(due: float, n: int) -> np.ndarray:
        return rng.negative_binomial(due / (phi - 1), 1 / phi, n)

    assert false_alarm_h(draw, 100.0, phi, 50.0) >= 50.0


@pytest.mark.parametrize("phi", [1.0, 2.0, 20.0])
def test_buckets_of_many_events_alarm_falsely_no_oftener_than_the_line_says(phi):
    rng = np.random.default_rng(7)

    def draw(due: float, n: int) -> np.ndarray:
        return rng.poisson(due, n) if phi == 1 else rng.negative_binomial(due / (phi - 1), 1 / phi, n)

    assert false_alarm_h(draw, 10_000.0, phi, 0.5, width_h=WIDTH_H) >= 0.5


def test_exposure_counts_more_the_further_a_bet_overshoots():
    rare, busy = (moved(np.zeros((1, 8)), one(0.0), one(rate), one(1.0), WIDTH_H)[0] for rate in (1e-6, 1e3))
    drift = evidence.bets(one(1.0))[1][0] * 1e3 * WIDTH_H
    assert (np.diff(rare) > 0).all()
    assert (busy * np.exp(drift) > rare).all()
