"""What a trip counts as, and the figures that come of it, by hand-made examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.backtest.score import (
    AFTER_MS,
    GRACE_MS,
    MIN_EVENTS,
    NO_HITS,
    REFRACTORY_MS,
    Exposure,
    Hits,
    Incident,
    Trip,
    score,
)

HOUR_MS = 3_600_000
YEAR_MS = int(365.25 * 24 * HOUR_MS)
ONSET, FIXED = 1000 * HOUR_MS, 1004 * HOUR_MS
BAD = Incident("spam", ONSET, FIXED)
SPAM = {"spam": Exposure(10_000, 0, YEAR_MS)}


def hits_of(times_ms) -> Hits:
    """Hits from the times of single actions, in any order."""
    return Hits(*np.unique(np.asarray(times_ms, np.int64), return_counts=True))


def judged(*at_ms, incidents=(BAD,), exposure=SPAM, hits=None, policy="spam"):
    trips = [Trip(policy, each) for each in at_ms]
    return score(trips, incidents, exposure, hits or [NO_HITS for _ in incidents])


def labels(*at_ms, **known):
    return [each.label for each in judged(*at_ms, **known).trips]


@pytest.mark.parametrize(
    ("at_ms", "label"),
    [
        (ONSET - 1, "other"),
        (ONSET, "found"),
        (FIXED, "found"),
        (FIXED + GRACE_MS, "found"),
        (FIXED + GRACE_MS + 1, "inside"),
        (FIXED + AFTER_MS, "inside"),
        (FIXED + AFTER_MS + 1, "other"),
    ],
)
def test_a_trip_counts_by_where_it_falls(at_ms, label):
    assert labels(at_ms) == [label]


def test_a_trip_before_the_onset_does_not_count_as_detection():
    assert judged(ONSET - 1).incidents[0].trip is None


def test_a_trip_of_another_policy_finds_nothing():
    assert labels(ONSET, policy="nudity") == ["other"]


def test_trips_in_the_refractory_time_count_neither_way():
    other = ONSET - 100 * HOUR_MS

    assert labels(other, other + REFRACTORY_MS - 1, other + REFRACTORY_MS) == ["other", "again", "other"]


def test_the_refractory_time_runs_from_the_last_counted_trip():
    at_ms = [ONSET - 100 * HOUR_MS + i * 4 * HOUR_MS for i in range(4)]

    assert labels(*at_ms) == ["other", "again", "other", "again"]


def test_a_trip_that_is_not_counted_finds_nothing():
    result = judged(ONSET - HOUR_MS, ONSET + HOUR_MS)

    assert [each.label for each in result.trips] == ["other", "again"]
    assert result.incidents[0].trip is None


def test_trips_may_come_in_any_order():
    assert labels(ONSET + 1, ONSET - HOUR_MS) == ["again", "other"]


def test_one_trip_may_find_two_incidents_at_once():
    result = judged(ONSET + 5, incidents=(BAD, Incident("spam", ONSET + 1, FIXED)))

    assert [each.trip for each in result.incidents] == [0, 0]
    assert result.scores.all.found == 2


def test_wrongful_actions_part_at_the_trip():
    times_ms = np.array([0, 10, 20, 30]) + ONSET
    (found,) = judged(ONSET + 20, hits=[hits_of(times_ms)]).incidents

    assert (found.wrongful, found.before, found.avoided, found.delay_s) == (4, 2, 2, 0.02)


def test_a_miss_avoids_nothing():
    (found,) = judged(hits=[hits_of(np.array([ONSET] * 7))]).incidents

    assert (found.wrongful, found.before, found.avoided) == (7, 7, 0)


def test_a_trip_within_the_grace_avoids_nothing():
    (found,) = judged(FIXED + GRACE_MS, hits=[hits_of(np.array([ONSET, FIXED]))]).incidents

    assert (found.trip, found.before, found.avoided) == (0, 2, 0)


def test_rates_are_over_policies_with_enough_actions():
    exposure = {"spam": Exposure(MIN_EVENTS, 0, 2 * YEAR_MS), "rare": Exposure(MIN_EVENTS - 1, 0, YEAR_MS)}
    trips = [Trip("spam", 1), Trip("rare", 1), Trip("rare", 10 * HOUR_MS)]
    scores = score(trips, [], exposure, [], warnings=[Trip("spam", 5)] * 4).scores

    assert (scores.counted.policies, scores.counted.policy_years) == (1, 2.0)
    assert (scores.counted.other_trips_per_policy_year, scores.counted.warnings_per_policy_year) == (0.5, 2.0)
    assert (scores.all.other_trips_per_policy_year, scores.all.trips) == (1.0, 3)


def test_incidents_of_rare_policies_are_in_all_only():
    rare = Incident("rare", ONSET, FIXED)
    scores = judged(incidents=(BAD, rare), exposure=SPAM | {"rare": Exposure(MIN_EVENTS - 1, 0, YEAR_MS)}).scores

    assert (scores.all.incidents, scores.counted.incidents) == (2, 1)


def test_an_incident_of_a_policy_that_never_acts_was_missed():
    scores = judged(incidents=(BAD, Incident("spma", ONSET, FIXED))).scores

    assert (scores.counted.incidents, scores.counted.found) == (2, 0)


def test_incidents_outside_the_history_count_nowhere():
    later = Incident("spam", 2 * YEAR_MS, 2 * YEAR_MS + 1)

    assert judged(incidents=(BAD, later)).scores.all.incidents == 1


def test_without_labels_no_trip_is_called_another_one():
    result = score([Trip("spam", 1), Trip("spam", 2)], [], SPAM, [], labelled=False)

    assert [each.label for each in result.trips] == ["unlabelled", "again"]
    assert (result.scores.all.trips, result.scores.all.other_trips) == (1, 0)


def test_nothing_seen_gives_no_rates():
    figures = score([], [], {}, []).scores.counted

    assert (figures.found_ratio, figures.other_trips_per_policy_year, figures.median_delay_s) == (None, None, None)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 60)), max_size=12),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 60), st.integers(0, 9)), max_size=4),
)
def test_scoring_agrees_with_reading_the_rule_trip_by_trip(trips, incidents):
    given_trips = [Trip(policy, hour * HOUR_MS) for policy, hour in trips]
    labelled = [Incident(policy, hour * HOUR_MS, (hour + long) * HOUR_MS) for policy, hour, long in incidents]
    exposure = {name: Exposure(500, 0, YEAR_MS) for name in "ab"}
    result = score(given_trips, labelled, exposure, [NO_HITS] * len(labelled))

    counted = []
    for trip in sorted(given_trips, key=lambda each: each.at_ms):
        if not any(c.policy_id == trip.policy_id and trip.at_ms - c.at_ms < REFRACTORY_MS for c in counted):
            counted.append(trip)
    found = [
        any(c.policy_id == i.policy_id and i.onset_ms <= c.at_ms <= i.fixed_ms + GRACE_MS for c in counted)
        for i in labelled
    ]
    other = sum(
        not any(c.policy_id == i.policy_id and i.onset_ms <= c.at_ms <= i.fixed_ms + AFTER_MS for i in labelled)
        for c in counted
    )
    assert [each.trip is not None for each in result.incidents] == found
    assert (result.scores.all.trips, result.scores.all.other_trips) == (len(counted), other)
