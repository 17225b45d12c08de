"""Peers, on series whose trips are plain to see."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from tests.bench.peers import emergency_disable, focus, thresholds
from tests.bench.peers.series import Series, counted

SECOND_MS, DAY_MS = 1000, 86_400_000


def _series(times_s, deploys_s=()):
    times = np.array(times_s, np.int64) * SECOND_MS
    return Series(times, np.arange(len(times), dtype=np.uint64), np.array(deploys_s, np.int64) * SECOND_MS)


def test_emergency_disable_trips_at_the_third_match_once_an_edit():
    series = _series([5, 110, 111, 112, 113, 210, 211, 212], deploys_s=[100, 200])
    assert emergency_disable.peer(0.05)(series).tolist() == [112_000, 212_000]


def test_emergency_disable_is_blind_a_day_after_an_edit_and_without_one():
    late = [86_600 + second for second in range(50)]
    assert not len(emergency_disable.peer(0.005)(_series(late, deploys_s=[100])))
    assert not len(emergency_disable.peer(0.005)(_series(late)))


def test_emergency_disable_wants_the_share_of_all_edits():
    series = _series([100 + 90 * i for i in range(1, 30)], deploys_s=[100])  # 40 of 4,000 an hour
    assert not len(emergency_disable.peer(0.02)(series))
    assert len(emergency_disable.peer(0.005)(series)) == 1


def test_a_step_can_trip_only_when_it_is_over():
    series = _series([0] * 3 + [300 * i for i in range(1, 10)] + [300 * 10 + 7] * 90)
    (trip,) = thresholds.ears_c2(10)(series)
    assert trip == 300 * 11 * SECOND_MS


def test_steps_without_actions_count_as_zero():
    assert counted(_series([10, 20, 1000]), 300_000).count.tolist() == [2, 0, 0, 1]


def test_focus_finds_the_best_of_all_windows():
    rng = np.random.default_rng(5)
    count = np.concatenate([rng.poisson(0.5, 200), rng.poisson(1.4, 60)])
    due = rng.uniform(0.3, 0.7, len(count))
    best = [_every_window(count, due, end) for end in range(len(count))]
    for threshold in (3.0, 5.0, 8.0):
        expected = next((step for step, value in enumerate(best) if value > threshold), None)
        found = focus.trips(count, due, threshold)
        assert (found[0] if len(found) else None) == expected
    assert max(best) > 8


def _every_window(count, due, end):
    """The highest ratio over all windows that end with step `end`."""
    values = [0.0]
    for begin in range(end + 1):
        x, m = count[begin : end + 1].sum(), due[begin : end + 1].sum()
        if x > m:
            values.append(x * log(x / m) - x + m)
    return max(values)


def test_focus_agrees_with_the_published_package():
    changepoint = pytest.importorskip("changepoint_online")
    count = np.random.default_rng(6).poisson(2.0, 300)
    count[250:] += 2
    theirs = changepoint.Focus(changepoint.Poisson(lam=2.0), side="right")
    statistics = []
    for number in count.tolist():
        theirs.update(number)
        statistics.append(theirs.statistic())
    for threshold in (4.0, 10.0):
        (first, *_) = focus.trips(count, np.full(300, 2.0), threshold)
        assert first == next(step for step, value in enumerate(statistics) if value > threshold)
