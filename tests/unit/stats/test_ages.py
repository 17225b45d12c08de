"""Follow-ups are due at the age of actions: each action passes each bin once, when it is that old."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from detector.stats import ages, shares

MINUTE = 28_000_003


class Watched:
    """One row of rings, moved as the engine moves them."""

    def __init__(self) -> None:
        self.rings, self.at = np.zeros((1, ages.CELLS), np.int32), np.array([MINUTE])
        self.behind, self.passed = np.zeros((1, ages.BOUNDED)), np.zeros((1, ages.BOUNDED))

    def move(self, minute: int, actions: int = 0) -> None:
        self.rings, left = ages.aged(self.rings, self.at, minute)
        behind = ages.passages(self.rings, minute)
        self.passed += behind + left - self.behind
        self.behind, self.at = behind, np.array([minute])
        ages.add(self.rings, np.array([actions], np.int32))


def exact(age_min: np.ndarray) -> np.ndarray:
    """Part of each bin that an action of this age has behind it, by the definition."""
    edges = np.array([0, *ages.EDGES_S]) / 60
    low, high = edges[1:-1], edges[2:]
    later = np.log(np.clip(age_min[:, None], low, high) / low) / np.log(high / low)
    return np.column_stack([np.clip(age_min / edges[1], 0, 1), later])


def test_ages_fall_into_bins_whose_lower_edge_belongs_to_them():
    found = ages.bin_of(np.array([-5, 0, 599, 600, 3_599, 3_600, 86_399, 86_400, 604_799, 604_800, 10**9]))
    assert found.tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 700), st.integers(0, 9)), min_size=1, max_size=40))
def test_each_action_passes_each_bin_exactly_once_however_time_is_cut(steps):
    watched, minute = Watched(), MINUTE
    for gap, actions in steps:
        minute += gap
        watched.move(minute, actions)
    watched.move(minute + 8 * 1440)
    np.testing.assert_allclose(watched.passed[0], sum(actions for _, actions in steps), atol=1e-9)


@pytest.mark.parametrize(("age_min", "slack"), [(5, 0.12), (30, 0.12), (180, 0.06), (4320, 0.12)])
def test_passages_are_those_of_actions_of_that_age(age_min, slack):
    """One burst: the rings' cells blur its age by a cell, which moves a passage by at most a ninth."""
    watched = Watched()
    watched.move(MINUTE, 1000)
    watched.move(MINUTE + age_min)
    np.testing.assert_allclose(watched.passed[0] / 1000, exact(np.array([float(age_min)]))[0], atol=slack)


def test_passages_of_a_stream_are_those_of_its_actions_one_by_one():
    rng, watched = np.random.default_rng(4), Watched()
    minutes = MINUTE + np.sort(rng.choice(20_000, 3_000, replace=False))
    for minute in minutes.tolist():
        watched.move(minute, 1)
    watched.move(MINUTE + 20_000)
    oracle = exact((MINUTE + 20_000 - minutes).astype(float)).sum(axis=0)
    np.testing.assert_allclose(watched.passed[0], oracle, rtol=0.005)


def test_rings_rest_while_no_cell_ends():
    rings, left = ages.aged(np.ones((1, ages.CELLS), np.int32), np.array([1440 * 9]), 1440 * 9 + 1)
    assert rings.sum() == ages.CELLS
    assert not left.any()


def test_follow_ups_due_are_passages_times_the_gamma_posterior_and_its_deviation():
    followed, passed = np.array([[30.0, 5.0, 0.0, 2.0]]), np.array([[900.0, 800.0, 700.0, 100.0]])
    now = np.array([[10.0, 20.0, 30.0, 40.0]])
    prior = ages.PRIOR_SHARE * ages.PRIOR_PASSAGES
    posterior = stats.gamma(a=followed + prior, scale=1 / (passed + ages.PRIOR_PASSAGES))
    for caution in (0.0, 1.0):
        oracle = (now * (posterior.mean() + caution * posterior.std())).sum()
        assert ages.due(now, followed, passed, caution)[0] == pytest.approx(oracle)


def test_nothing_known_means_one_in_a_hundred_per_bin_and_lowered_hazards_are_never_negative():
    now, nothing = np.array([[100.0, 0.0, 0.0, 0.0]]), np.zeros((1, ages.BOUNDED))
    assert ages.due(now, nothing, nothing, 0.0)[0] == pytest.approx(1.0)
    assert ages.due(now, nothing, nothing, -9.0)[0] == 0.0


def test_an_age_with_few_decisions_is_judged_by_the_share_of_all_ages():
    overturned, decided = np.array([[300.0, 0.0, 0.0, 90.0, 0.0]]), np.array([[1000.0, 0.0, 0.0, 100.0, 0.0]])
    mean = ages.mean(overturned, decided)[0]
    assert mean[1] == pytest.approx(390 / 1100, rel=0.01)
    assert mean[0] == pytest.approx(0.3, rel=0.02)
    assert 0.8 < mean[3] < 0.9
    assert (ages.judged(overturned, decided)[0] > mean).all()


def test_decisions_of_an_age_are_judged_at_that_age_as_shares_are():
    overturned, decided = np.array([[40.0] * 5]), np.array([[100.0] * 5])
    pooled = 200.5 / 501
    oracle = shares.judged(40 + ages.POOLED * pooled, 100 + ages.POOLED)
    np.testing.assert_allclose(ages.judged(overturned, decided)[0], oracle)
