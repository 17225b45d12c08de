"""The busiest windows, against counting them one by one."""

from __future__ import annotations

import numpy as np
import pytest

from detector.backtest.part import Book, Part
from detector.backtest.peaks import WINDOWS, Peaks
from detector.backtest.score import Incident

MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def fed(times_ms, *, incidents=(), chunk=100, action=True):
    """Peaks after one policy acted at these times."""
    book = Book()
    code = book.policies.code("spam")
    peaks = Peaks(book, incidents)
    for some in np.split(times_ms, range(chunk, len(times_ms), chunk)):
        same = np.full(len(some), code)
        peaks.add(Part(some, same, np.full(len(some), action), np.ones(len(some), bool), {}))
    return peaks


def most(times_ms, per_ms):
    """Most times in any window of this length, the true one."""
    return max(np.searchsorted(times_ms, times_ms + per_ms) - np.arange(len(times_ms)), default=0)


@pytest.mark.parametrize("seed", range(5))
def test_a_peak_is_the_true_one_but_for_a_minute(seed):
    rng = np.random.default_rng(seed)
    quiet, burst = rng.uniform(0, 72 * HOUR_MS, 2000), 30 * HOUR_MS + rng.uniform(0, 4 * MINUTE_MS, 300)
    times_ms = np.sort(np.concatenate([quiet, burst])).astype(np.int64)

    for peak in fed(times_ms).of_policy("spam"):
        per_ms = int(peak.per_s * 1000)
        assert most(times_ms, per_ms - MINUTE_MS) <= peak.count <= most(times_ms, per_ms)


def test_chunks_and_a_little_disorder_change_nothing():
    rng = np.random.default_rng(1)
    times_ms = np.sort(rng.integers(0, 5 * HOUR_MS, 3000))
    shuffled = times_ms.copy()
    shuffled[1000:1020] = shuffled[1000:1020][::-1]

    assert fed(times_ms).of_policy("spam") == fed(shuffled, chunk=17).of_policy("spam")


def test_labelled_incidents_count_nothing():
    times_ms = np.array([0, 1, 2, 5 * HOUR_MS, 5 * HOUR_MS + 1])
    hidden = fed(times_ms, incidents=[Incident("spam", 0, 2), Incident("nudity", 0, 9 * HOUR_MS)])

    assert [each.count for each in hidden.of_policy("spam")] == [2] * len(WINDOWS)
    assert hidden.of_policy("spam")[0].at_ms == 5 * HOUR_MS + MINUTE_MS


def test_a_silence_empties_every_window():
    assert [each.count for each in fed(np.array([0, 10**10, 2 * 10**10])).of_policy("spam")] == [1] * len(WINDOWS)


def test_what_is_no_action_and_who_never_acted_has_no_peak():
    assert fed(np.array([1, 2]), action=False).of_policy("spam") == ()
    assert fed(np.array([1, 2])).of_policy("nudity") == ()


def test_a_policy_that_comes_later_is_counted_from_then_on():
    book = Book()
    peaks = Peaks(book, ())
    for name, number in (("first", 3), ("second", 5)):
        code = np.full(number, book.policies.code(name))
        peaks.add(Part(np.arange(number), code, np.ones(number, bool), np.ones(number, bool), {}))

    assert [peaks.of_policy(name)[0].count for name in ("first", "second")] == [3, 5]
