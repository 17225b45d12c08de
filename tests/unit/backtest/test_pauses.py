"""How long, and how many actions: spans of breakers against actions counted by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from detector.backtest.part import COLUMNS, Book, Part
from detector.backtest.pauses import Pauses
from detector.backtest.result import Paused
from detector.events import Alert, DataQuality, Directive, Impact, Scope, State

MINUTE_MS = 60_000
POLICY = Scope(policy_id="spam")
VERSION = Scope(policy_id="spam", dimension="rule_version", value="r@2")
REGION = Scope(policy_id="spam", dimension="region", value="AT")


def said(to, scope=POLICY, mode="enforce"):
    when = datetime(2026, 1, 5, tzinfo=UTC)
    return Alert(
        alert_id="1", type="breaker.opened", scope=scope, from_state=State.CLOSED, to_state=to, mode=mode,
        directive=Directive.NONE, generation=1, onset=when, detected_at=when, reason="", evidence=(), contributors=(),
        impact=Impact(), data_quality=DataQuality(stream_lag_s=0, late_rows=0, ahead_rows=0, duplicate_rows=0, gaps=0),
        config_version="", enforced=False,
    )  # fmt: skip


class World:
    """Actions of policy `spam`, one a minute: every second of version r@2, every third in AT, every fifth by hand."""

    def __init__(self, minutes=100):
        self.book = Book()
        self.pauses = Pauses(self.book)
        minute = np.arange(minutes)
        self.version, self.region, self.automated = minute % 2 == 0, minute % 3 == 0, minute % 5 != 0
        values = {name: np.full(minutes, self.book.values[name].code("")) for name in COLUMNS}
        values["rule_version"] = np.where(self.version, self.book.values["rule_version"].code("r@2"), 0)
        values["region"] = np.where(self.region, self.book.values["region"].code("AT"), 0)
        policy = np.full(minutes, self.book.policies.code("spam"))
        self.part = Part(minute * MINUTE_MS, policy, np.ones(minutes, bool), self.automated, values)
        self.pauses.add(self.part)

    def move(self, minute, to, scope=POLICY, trip=0, probe_ratio=0.25, mode="enforce"):
        self.pauses.moved(said(to, scope, mode), minute * MINUTE_MS, trip, probe_ratio)


@pytest.fixture
def world():
    return World()


def test_all_automated_actions_count_while_open_and_those_not_probed_while_half_open(world):
    world.move(10, State.OPEN)
    world.move(20, State.HALF_OPEN)
    world.move(40, State.CLOSED)
    world.pauses.end(100 * MINUTE_MS)
    paused = world.pauses.of_policy("spam")

    assert (paused.open_s, paused.half_open_s) == (600, 1200)
    assert paused.actions == world.automated[10:20].sum() + 0.75 * world.automated[20:40].sum()
    assert world.pauses.of_trip(0) == (paused, 40 * MINUTE_MS)


def test_a_narrow_scope_pauses_its_value_alone(world):
    world.move(10, State.OPEN, VERSION)
    world.pauses.end(50 * MINUTE_MS)

    assert world.pauses.of_policy("spam").actions == (world.automated & world.version)[10:50].sum()


def test_an_action_that_two_scopes_pause_counts_once(world):
    world.move(10, State.OPEN, VERSION, trip=0)
    world.move(30, State.OPEN, REGION, trip=1)
    world.pauses.end(60 * MINUTE_MS)
    both = (world.automated & world.version)[10:60].sum() + (world.automated & world.region & ~world.version)[
        30:60
    ].sum()

    assert world.pauses.of_policy("spam").actions == both
    assert world.pauses.of_policy("spam").open_s == 50 * 60
    assert world.pauses.of_trip(1)[0].actions == (world.automated & world.region)[30:60].sum()


@pytest.mark.parametrize("cuts", [[100], [15, 20, 25, 60], list(range(1, 100))])
def test_when_time_settles_changes_nothing(cuts):
    world, moves = World(), {10: State.OPEN, 20: State.HALF_OPEN, 33: State.OPEN, 50: State.CLOSED}
    told = sorted(moves)
    for cut in cuts:
        while told and told[0] < cut:
            world.move(told[0], moves[told.pop(0)])
        world.pauses.settle(cut * MINUTE_MS)
    world.pauses.end(100 * MINUTE_MS)
    held = world.automated[10:20].sum() + 0.75 * world.automated[20:33].sum() + world.automated[33:50].sum()

    assert world.pauses.of_policy("spam").actions == held


def test_other_policies_are_not_paused(world):
    world.move(0, State.OPEN, Scope(policy_id="nudity"))
    world.pauses.end(100 * MINUTE_MS)

    assert world.pauses.of_policy("nudity").actions == 0
    assert world.pauses.of_policy("spam").actions == 0


def test_what_is_open_at_the_end_is_open_until_then(world):
    world.move(90, State.OPEN)
    world.pauses.end(95 * MINUTE_MS)

    assert world.pauses.of_policy("spam").open_s == 300


def test_a_fault_pauses_nothing(world):
    world.move(10, State.FAULT)
    world.pauses.end(100 * MINUTE_MS)

    assert world.pauses.of_policy("spam").actions == 0


def test_a_policy_that_only_alerts_is_never_paused(world):
    world.move(10, State.OPEN, mode="alert_only")
    world.move(20, State.HALF_OPEN, mode="alert_only")
    world.move(40, State.CLOSED, mode="alert_only")
    world.pauses.end(100 * MINUTE_MS)

    assert world.pauses.of_policy("spam") == Paused()
    assert world.pauses.of_trip(0) == (Paused(), 40 * MINUTE_MS)
