"""Which incidents evidence is credited to."""

from __future__ import annotations

import pytest

from detector.backtest.levels import Levels
from detector.backtest.score import Incident

SPAM, OTHER = Incident("spam", 100, 200), Incident("hashes", 100, 200)


@pytest.mark.parametrize(
    ("times", "met"), [((50, 99), 0), ((50, 100), 2), ((150, 160), 2), ((200, 300), 2), ((201, 300), 0)]
)
def test_evidence_of_a_time_is_that_of_incidents_of_the_policy_in_it(times, met):
    levels = Levels([SPAM, OTHER])
    levels.within("spam", 2, *times)

    assert levels.incident_peaks == [met, 0]


@pytest.mark.parametrize(("times", "sure"), [((100, 200), 2), ((99, 200), 0), ((150, 201), 0), ((300, 400), 0)])
def test_what_is_known_of_a_whole_hour_is_sure_of_incidents_that_last_all_of_it(times, sure):
    levels = Levels([SPAM, OTHER])
    levels.throughout("spam", 2, *times)

    assert levels.incident_peaks == [sure, 0]


def test_a_look_in_the_very_moment_of_the_fix_sees_the_incident_and_the_next_does_not():
    levels = Levels([SPAM])
    levels.seen("spam", 1, 140, 200)
    levels.seen("spam", 5, 200, 260)

    assert levels.incident_peaks == [1]


def test_the_last_look_before_an_incident_says_how_it_was_before():
    levels = Levels([SPAM])
    for at_ms in (50, 90, 150):
        levels.seen("spam", at_ms / 100, at_ms - 40, at_ms)

    assert levels.before_incidents == [0.9]


@pytest.mark.parametrize(
    ("times", "parted"), [((110, 190), False), ((90, 110), True), ((190, 210), True), ((1, 9), False)]
)
def test_only_where_an_incident_begins_or_ends_a_closer_look_is_needed(times, parted):
    assert Levels([SPAM]).parts("spam", *times) is parted
