"""Figures around trips: what a plot holds, and that neither plots nor memory grow with the history."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from detector.backtest.part import Book, Part
from detector.backtest.score import Incident
from detector.backtest.traces import MOST_INCIDENTS, MOST_OF_POLICY, MOST_PLOTS, Traces
from detector.backtest.window import STEPS
from detector.events import Alert, DataQuality, Directive, Impact, Scope, State
from detector.fold.figures import Figures

HOUR_MS = 3_600_000
START_MS = 1_767_571_200_000


def said(policy_id, state=State.OPEN):
    when = datetime(2026, 1, 5, tzinfo=UTC)
    return Alert(
        alert_id="1", type="breaker.opened", scope=Scope(policy_id=policy_id), from_state=State.CLOSED, to_state=state,
        mode="enforce", directive=Directive.NONE, generation=1, onset=when, detected_at=when, reason="", evidence=(),
        contributors=(), impact=Impact(), config_version="", enforced=False,
        data_quality=DataQuality(stream_lag_s=0, late_rows=0, ahead_rows=0, duplicate_rows=0, gaps=0),
    )  # fmt: skip


class World:
    """Hours of some policies that act every minute and are expected to act 60 times an hour."""

    def __init__(self, *ids, incidents=()):
        self.book, self.ids = Book(), list(ids)
        self.codes = np.array([self.book.policies.code(name) for name in ids])
        self.traces = Traces(self.book, incidents)
        self.hour = 0

    def pass_hours(self, hours):
        for _ in range(hours):
            begin_ms = START_MS + self.hour * HOUR_MS
            times_ms = np.tile(begin_ms + np.arange(60) * 60_000, len(self.ids))
            yes = np.ones(len(times_ms), bool)
            self.traces.add(Part(times_ms, np.repeat(self.codes, 60), yes, yes, {}))
            self.hour += 1
            end_ms, many = begin_ms + HOUR_MS, np.ones(len(self.ids))
            now = Figures(self.ids, np.full(len(many), end_ms), many * 60, many * 2, many / 2, many)
            self.traces.sample(now, begin_ms, end_ms)

    def trip(self, trip, policy_id, onset_hours=0.0):
        at_ms = START_MS + self.hour * HOUR_MS
        self.traces.tripped(trip, said(policy_id), at_ms, at_ms - int(onset_hours * HOUR_MS))
        self.traces.moved(said(policy_id), at_ms)

    def plots(self):
        self.traces.end()
        return self.traces.plots()


def plot_of_a_trip():
    """After ten hours, and five more."""
    world = World("spam")
    world.pass_hours(10)
    world.trip(0, "spam")
    world.pass_hours(5)
    (made,) = world.plots()
    return made


def test_a_plot_begins_before_its_trip_and_ends_after_it():
    window, plot = plot_of_a_trip()

    assert window.trips == [0]
    assert (plot.time_ms[0] - START_MS, plot.time_ms[-1] - START_MS) == (7 * HOUR_MS, 13 * HOUR_MS - 60_000)
    assert set(plot.count) == {1}
    assert set(plot.expected) == {1.0}
    assert plot.high[0] == pytest.approx(1 + 3 * 2**0.5)
    assert plot.low[0] == 0
    assert [(each.name, each.at_ms - START_MS) for each in plot.states] == [
        ("CLOSED", 7 * HOUR_MS),
        ("OPEN", 10 * HOUR_MS),
    ]


@pytest.mark.parametrize("onset_hours", [0, 5, 30, 500])
def test_a_long_onset_gives_longer_steps_not_more_of_them(onset_hours):
    world = World("spam")
    world.pass_hours(60)
    world.trip(0, "spam", onset_hours)
    world.pass_hours(40)
    ((_, plot),) = world.plots()

    assert len(plot.time_ms) <= STEPS + 1
    assert set(plot.count) == {int(plot.step_s // 60)}


def test_trips_close_to_each_other_share_a_plot():
    world = World("spam")
    world.pass_hours(5)
    world.trip(0, "spam")
    world.pass_hours(1)
    world.trip(1, "spam")
    world.pass_hours(9)

    assert [window.trips for window, _ in world.plots()] == [[0, 1]]


def test_plots_are_limited_for_each_policy_and_for_all():
    names = [f"policy-{number}" for number in range(2 * MOST_PLOTS // MOST_OF_POLICY)]
    world, trip = World(*names), 0
    for _ in range(2 * MOST_OF_POLICY):
        for name in names:
            world.trip(trip, name)
            trip += 1
        world.pass_hours(12)
    found = [window.policy_id for window, _ in world.plots()]

    assert len(found) == MOST_PLOTS
    assert max(found.count(name) for name in names) <= MOST_OF_POLICY


def test_memory_does_not_grow_with_the_history():
    world = World("spam", "hashes", incidents=[Incident("spam", START_MS + 9000 * HOUR_MS, START_MS + 9001 * HOUR_MS)])
    world.pass_hours(24 * 5)
    held = len(world.traces._counts), len(world.traces._samples)
    world.pass_hours(24 * 20)

    assert (len(world.traces._counts), len(world.traces._samples)) == held


def test_an_incident_has_a_plot_of_its_own():
    incident = Incident("spam", START_MS + 20 * HOUR_MS, START_MS + 21 * HOUR_MS)
    world = World("spam", incidents=[incident])
    world.pass_hours(40)
    ((window, plot),) = world.plots()

    assert window.incident == 0
    assert plot.time_ms[0] == incident.onset_ms - 3 * HOUR_MS
    assert plot.time_ms[-1] >= incident.fixed_ms


def test_an_incident_after_the_history_has_none():
    world = World("spam", incidents=[Incident("spam", START_MS + 200 * HOUR_MS, START_MS + 201 * HOUR_MS)])
    world.pass_hours(40)

    assert world.plots() == []


def test_evidence_of_an_hour_is_not_drawn_as_that_of_a_minute():
    _, plot = plot_of_a_trip()

    assert set(plot.strength) == {None}
    assert set(plot.hourly) == {1.0}


def test_a_closer_look_says_which_minute_and_displaces_what_is_known_of_the_hour():
    world = World("spam")
    world.pass_hours(10)
    world.trip(0, "spam")
    for minute in range(60):
        at_ms = START_MS + 10 * HOUR_MS + (minute + 1) * 60_000
        strength = np.array([0.5 if minute == 7 else 0.25])
        now = Figures(["spam"], np.array([at_ms]), np.array([60.0]), np.array([2.0]), strength, strength)
        world.traces.closer(now, at_ms - 60_000, at_ms)
    world.pass_hours(5)
    ((_, plot),) = world.plots()
    looked = slice(180, 240)

    assert plot.strength[looked] == (0.25,) * 7 + (0.5,) + (0.25,) * 52
    assert set(plot.hourly[looked]) == {None}
    assert set(plot.strength[:180] + plot.strength[240:]) == {None}


def test_an_alert_is_evidence_at_its_moment_alone():
    world = World("spam")
    world.pass_hours(10)
    world.trip(0, "spam")
    world.traces.said("spam", START_MS + 10 * HOUR_MS + 90_000, 0.04)
    world.traces.said("other", START_MS + 10 * HOUR_MS + 90_000, 7.0)
    world.pass_hours(5)
    ((_, plot),) = world.plots()

    assert [(i, each) for i, each in enumerate(plot.strength) if each is not None] == [(181, 0.04)]


def test_the_expected_rate_is_that_of_the_hour_not_of_the_one_before():
    world = World("spam")
    world.pass_hours(10)
    world.trip(0, "spam")
    at_ms, one = START_MS + 11 * HOUR_MS, np.ones(1)
    world.traces.sample(Figures(["spam"], np.array([at_ms]), one * 600, one, one, one), at_ms - HOUR_MS, at_ms)
    world.hour += 1
    world.pass_hours(4)
    ((_, plot),) = world.plots()

    assert plot.expected[179:181] + plot.expected[239:241] == (1.0, 10.0, 10.0, 1.0)


def test_of_many_incidents_those_with_the_most_actions_before_a_trip_are_drawn():
    many = 2 * MOST_INCIDENTS
    begin_ms = START_MS + 10 * HOUR_MS
    incidents = [Incident("spam", begin_ms, begin_ms + i * 60_000) for i in range(many)]
    world = World("spam", incidents=incidents)
    world.pass_hours(20)

    assert {window.incident for window, _ in world.plots()} == set(range(many - MOST_INCIDENTS, many))


def test_actions_after_a_trip_were_not_missed():
    begin_ms = START_MS + 10 * HOUR_MS
    found = [Incident("spam", begin_ms, begin_ms + 5 * HOUR_MS)]
    missed = [Incident("hashes", begin_ms, begin_ms + i * 60_000) for i in range(10, 10 + MOST_INCIDENTS)]
    world = World("spam", "hashes", incidents=found + missed)
    world.pass_hours(10)
    world.trip(0, "spam")
    world.pass_hours(15)

    assert {window.incident for window, _ in world.plots() if window.incident is not None} == set(
        range(1, 1 + MOST_INCIDENTS)
    )


def test_an_incident_without_actions_has_no_plot():
    incident = Incident("nudity", START_MS + 20 * HOUR_MS, START_MS + 21 * HOUR_MS)
    world = World("spam", incidents=[incident])
    world.pass_hours(40)

    assert world.plots() == []
