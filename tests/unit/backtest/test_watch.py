"""What is said of an incident's evidence is that of its own minutes, not of the hour that it touches."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from detector.backtest.census import Census
from detector.backtest.part import Book
from detector.backtest.replay import replay
from detector.backtest.score import Incident, score
from detector.backtest.traces import Traces
from detector.backtest.watch import Watch
from detector.backtest.why import missed
from detector.policy import Ruleset
from tests.unit.backtest.made_up import DAY_MS, HOUR_MS, MINUTE_MS, START_MS, action, deploy

WAVE_MS = START_MS + 2 * DAY_MS + 10 * HOUR_MS


def minutes(begin, end, policy="spam"):
    """An incident in minutes after the hour in which the wave comes, six minutes past it."""
    return Incident(policy, WAVE_MS + begin * MINUTE_MS, WAVE_MS + end * MINUTE_MS)


BEFORE, DURING, AFTER, USUAL = minutes(3, 5), minutes(6, 18), minutes(50, 56), minutes(-300, -290)


@cache
def watched(told=True):
    """Some twenty actions an hour, and a wave of 900 an hour for twelve minutes that warns and does not trip."""
    rng = np.random.default_rng(4)
    usual = [
        action(i, at_ms) for i, at_ms in enumerate(START_MS + rng.uniform(0, WAVE_MS - START_MS + 5 * HOUR_MS, 1260))
    ]
    more = [action(f"w{i}", WAVE_MS + 6 * MINUTE_MS + i * 4000) for i in range(180)]
    book, incidents = Book(), [BEFORE, DURING, AFTER, USUAL]
    census, traces = Census(book, incidents, 5000), Traces(book, incidents) if told else None
    watch = Watch(Ruleset(), book, incidents, None, traces)
    some = sorted([deploy(START_MS, "spam", "1"), *usual, *more], key=lambda each: each.time)
    replay([some], watch.ruleset.stream, book, [census], [watch], traces)
    scored = score([], incidents, census.exposure(), census.hits())
    whys = [missed(each, found, watch, census) for each, found in zip(incidents, scored.incidents, strict=True)]
    return watch, whys, {window.incident: plot for window, plot in (traces.plots() if traces else [])}


def at(plot, minute):
    """Evidence in a minute after the hour of the wave."""
    return plot.strength[plot.time_ms.index(WAVE_MS + minute * MINUTE_MS)]


def test_a_wave_is_drawn_when_it_comes():
    _, _, plots = watched()

    assert at(plots[1], 4) < 0.01
    assert at(plots[1], 17) > 10
    assert 0 < at(plots[1], 55) < at(plots[1], 17)


def test_an_hour_without_anything_to_see_is_not_looked_at_closely():
    _, _, plots = watched()

    assert set(plots[3].strength) == {None}
    assert max(filter(None, plots[3].hourly)) < 0.01


def test_the_peak_of_an_incident_is_that_of_its_own_minutes():
    watch, _, _ = watched()
    before, during, after, usual = watch.levels.incident_peaks

    assert (before < 0.01, usual < 0.01) == (True, True)
    assert during > after > 0
    assert watch.levels.before_incidents[2] == pytest.approx(after, rel=0.5)


def test_an_incident_after_a_wave_is_told_what_was_there_before_it():
    _, (_, during, after, usual), _ = watched()

    assert "before it" not in during
    assert "times its trip line before it; evidence reached" in after
    assert usual.endswith("evidence stayed below 0.01 of its trip line")


def test_warnings_are_drawn_as_evidence_at_their_moment():
    watch, _, plots = watched()
    (warning,) = watch.warnings

    assert at(plots[1], (warning.at_ms - WAVE_MS) // MINUTE_MS) >= warning.strength


def test_plots_change_nothing_of_what_is_said():
    (seen, _, _), (unseen, _, _) = watched(), watched(told=False)

    assert [each.alert for each in seen.warnings] == [each.alert for each in unseen.warnings]
    assert seen.levels.peaks == unseen.levels.peaks
