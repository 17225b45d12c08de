"""The share detector does what its formula says, keeps its promise about false alarms, and learns what is normal."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from detector.stats import shares

LINE_H = 50.0


def one(value: float) -> np.ndarray:
    return np.array([float(value)])


def by_hand(minutes: list[tuple[int, int, float]], share: float, phi: float) -> float:
    """The recursion of the docstring, one alternative and one minute at a time, in plain Python."""
    total, v = 0.0, phi * (1 - share)
    for odds in shares.ODDS.tolist():
        rho, level = odds / (1 - share + odds * share), 0.0
        gain = math.log(rho * v / (1 + rho * (v - 1)))
        loss = math.log((1 + rho * (v - 1)) / v) / (v - 1)
        for successes, trials, elapsed_h in minutes:
            waited = level * math.exp(-elapsed_h / 168) + min(elapsed_h, 1.0)
            level = waited * math.exp(gain * successes - loss * share * trials)
        total += level
    return total / len(shares.ODDS)


def run(minutes: list[tuple[int, int, float]], share: float, phi: float, cap_h: float = np.inf) -> np.ndarray:
    level = np.zeros((1, len(shares.ODDS)))
    for successes, trials, elapsed_h in minutes:
        bet = shares.log_bet(one(successes), one(trials), one(share), one(phi))
        level = shares.step(level, bet, one(elapsed_h), cap_h)
    return level


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
@pytest.mark.parametrize("phi", [1.0, 3.0])
def test_a_step_is_the_published_recursion(share, phi):
    minutes = [(0, 4, 0.5), (2, 3, 1 / 60), (1, 1, 7.0), (5, 9, 1.0)]
    assert run(minutes, share, phi).mean() == pytest.approx(by_hand(minutes, share, phi), rel=1e-12)


def test_without_dispersion_bets_are_the_likelihood_ratios_of_binomials():
    share, successes, trials = 0.2, 7, 11
    raised = shares.ODDS * share / (1 - share + shares.ODDS * share)
    oracle = stats.binom.logpmf(successes, trials, raised) - stats.binom.logpmf(successes, trials, share)
    np.testing.assert_allclose(shares.log_bet(one(successes), one(trials), one(share), one(1))[0], oracle, rtol=1e-9)


def test_with_dispersion_bets_have_mean_one_under_the_negative_binomial_of_that_variance():
    """Panjer's family beyond v = 1; at v = 1 itself it is Poisson's."""
    share, trials = 0.1, 40
    for phi in (3.0, 1 / 0.9):
        v, mean, counts = phi * (1 - share), share * trials, np.arange(4000.0)
        null = stats.nbinom(mean / (v - 1), 1 / v) if v > 1.001 else stats.poisson(mean)
        bets = shares.log_bet(counts, *(np.full_like(counts, one_value) for one_value in (trials, share, phi)))
        np.testing.assert_allclose(special.logsumexp(null.logpmf(counts)[:, None] + bets, axis=0), 0.0, atol=1e-6)


def test_between_two_odds_the_mixture_loses_less_than_a_tenth_of_its_speed():
    for share in (0.005, 0.05, 0.3, 0.8):
        odds = np.geomspace(shares.ODDS[0], shares.ODDS[-1], 300)
        raised = odds * share / (1 - share + odds * share)
        best = raised * np.log(odds) - np.log1p((odds - 1) * share)
        bets = np.outer(raised, np.log(shares.ODDS)) - np.log1p((shares.ODDS - 1) * share)
        assert (bets.max(axis=1) / best).min() > 0.91


def test_nothing_grows_while_no_trials_come():
    assert run([(0, 1, 5000.0)], 0.1, 1.0).max() < shares.ACTIVE_H


def test_absurd_minutes_move_evidence_to_its_cap_and_no_further():
    assert run([(10**6, 10**6, 1.0)] * 20, 0.1, 1.0, cap_h=1e8).max() == 1e8


@pytest.mark.parametrize("odds", [3.0, 12.0])
def test_a_raised_share_is_proven_within_a_quarter_more_trials_than_the_bound(odds):
    """Line 1e5 h, baseline 10 %: the mean number of trials against ln(A) over the Kullback-Leibler distance."""
    rng, share, line_h = np.random.default_rng(5), 0.1, 1e5
    raised = odds * share / (1 - share + odds * share)
    distance = raised * math.log(odds) - math.log1p((odds - 1) * share)
    trials = []
    for _ in range(100):
        level, count = np.ones((1, len(shares.ODDS))), 0
        while level.mean() < line_h:
            bet = shares.log_bet(one(rng.random() < raised), one(1), one(share), one(1))
            level, count = shares.step(level, bet, one(0.01), np.inf), count + 1
        trials.append(count)
    assert np.mean(trials) < 1.25 * math.log(line_h) / distance


def between_alarms_h(share: float, judged: np.ndarray, group: int, phi: float) -> float:
    """Mean time to the first alarm of 300 streams with ten groups of trials an hour; a group has one outcome."""
    rng, streams = np.random.default_rng(11), len(judged)
    level, alarm_h = np.zeros((streams, len(shares.ODDS))), np.full(streams, np.nan)
    trials, phis = np.full(streams, float(group)), np.full(streams, phi)
    for at in range(6000):
        bet = shares.log_bet(group * rng.binomial(1, share, streams).astype(float), trials, judged, phis)
        level = shares.step(level, bet, np.full(streams, 0.1), np.inf)
        alarm_h[(level.mean(axis=1) >= LINE_H) & np.isnan(alarm_h)] = at * 0.1
        if not np.isnan(alarm_h).any():
            break
    return float(np.where(np.isnan(alarm_h), at * 0.1, alarm_h).mean())


@pytest.mark.parametrize(("share", "group"), [(0.02, 1), (0.3, 1), (0.8, 1), (0.3, 4)])
def test_measured_time_between_false_alarms_is_at_least_the_line(share, group):
    assert between_alarms_h(share, np.full(300, share), group, float(group)) >= LINE_H


@pytest.mark.parametrize("trials", [50, 1000])
def test_an_estimated_share_keeps_the_promise_too_because_it_is_judged_with_caution(trials):
    known = np.random.default_rng(2).binomial(trials, 0.1, 300).astype(float)
    assert between_alarms_h(0.1, shares.judged(known, np.full(300, float(trials))), 1, 1.0) >= LINE_H


@pytest.mark.parametrize("phi", [2.0, 5.0])
def test_beta_binomial_hours_keep_the_promise_where_tempered_likelihoods_would_not(phi):
    """500 streams, an hour's 20 trials share one share of mean 5 %; alarms at 1,000 h, counted over 1,000 h."""
    rng, streams, share, trials = np.random.default_rng(4), 500, 0.05, 20
    spread = (trials - 1) / (phi - 1) - 1
    level, alarms, full = np.zeros((streams, len(shares.ODDS))), 0, np.ones(streams)
    for _ in range(1000):
        now = rng.binomial(trials, rng.beta(share * spread, (1 - share) * spread, streams)).astype(float)
        level = shares.step(level, shares.log_bet(now, trials * full, share * full, phi * full), full, np.inf)
        alarms += int((level.mean(axis=1) >= 1000).sum())
        level[level.mean(axis=1) >= 1000] = 0
    assert 0 < alarms <= streams


def test_the_judged_share_is_one_deviation_above_the_posterior_mean():
    posterior = stats.beta(30 + 0.5, 170 + 0.5)
    assert shares.judged(one(30), one(200))[0] == pytest.approx(posterior.mean() + posterior.std(), rel=1e-3)


def test_a_judged_count_is_one_deviation_above_the_posterior_mean_of_a_rate():
    posterior = stats.gamma(30.5, scale=1 / 201)
    assert shares.judged_count(one(30), one(200))[0] == pytest.approx(posterior.mean() + posterior.std(), rel=1e-9)
    assert shares.judged_count(one(30), one(200), 0.0)[0] == pytest.approx(posterior.mean(), rel=1e-9)


def test_a_share_that_was_never_seen_is_judged_as_one_in_a_hundred_at_least():
    assert shares.judged(one(0), one(1e6))[0] == shares.LEAST


def test_four_weeks_later_a_third_of_what_was_learned_remains():
    left = shares.FADE ** (28 * 24)
    assert left == pytest.approx(1 / math.e)


@pytest.mark.parametrize("group", [1, 4])
def test_dispersion_of_grouped_trials_is_found(group):
    rng, share = np.random.default_rng(3), 0.3
    total = due = np.zeros(1)
    for _ in range(2000):
        groups = rng.integers(1, 20)
        trials, successes = group * groups, group * rng.binomial(groups, share)
        variance = one(trials * share * (1 - share))
        total, due = total + shares.deviation(one(successes), one(trials * share), variance), due + variance
    assert shares.phi(total, due)[0] == pytest.approx(group, rel=0.15)


def test_dispersion_is_never_below_the_binomials_and_cautious_while_unknown():
    assert shares.phi(one(0), one(1e4))[0] == 1.0
    assert shares.phi(one(0), one(0))[0] == shares.PHI_PRIOR
