"""The rule by which trips are scored against labelled incidents."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench.peers.series import Series
from tests.bench.scoring import Incident, scored

HOUR_MS = 3_600_000
NONE = np.zeros(0, np.int64)
BUSY = Series(np.arange(300, dtype=np.int64) * HOUR_MS, np.arange(300, dtype=np.uint64), NONE)
INCIDENT = Incident("a", 100 * HOUR_MS - 60_000, 110 * HOUR_MS - 60_000, 10)


def _scored(*trips_h, series=BUSY):
    return scored({"a": [int(at * HOUR_MS) for at in trips_h]}, [INCIDENT], {"a": series})


def test_a_trip_between_onset_and_repair_finds_and_counts_from_the_first_wrongful_action():
    (found,) = _scored(102).found
    assert (found.delay_ms, found.before, found.avoided) == (2 * HOUR_MS, 3, 7)


def test_a_trip_before_the_onset_does_not_find():
    score = _scored(99)
    assert not score.found
    assert score.others == [("a", 99 * HOUR_MS)]


def test_a_trip_in_the_hour_after_the_repair_is_neither_found_nor_other():
    score = _scored(110.5)
    assert not score.found
    assert not score.others


def test_a_trip_silences_the_next_six_hours():
    assert not _scored(98, 101).found
    assert _scored(98, 101).avoided_anyhow == _scored(101).avoided > 0
    assert [at // HOUR_MS for _, at in _scored(10, 13, 16.5).others] == [10, 16]


def test_policies_with_few_events_count_neither_as_exposure_nor_as_found():
    few = Series(BUSY.time_ms[:199], BUSY.subject[:199], NONE)
    score = scored({"a": [102 * HOUR_MS]}, [INCIDENT], {"a": few, "b": BUSY})
    assert not score.found
    assert score.incidents[0].trip_ms == 102 * HOUR_MS
    assert score.years == pytest.approx(299 / 8766)
