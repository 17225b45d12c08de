"""While the stream clock trails, nothing is issued for the past, and nothing that holds is let go."""

from __future__ import annotations

import pytest

from detector import events
from detector.events import Directive, State
from detector.fold import Fold
from detector.policy import HardLimit, OnTrip, Policy, Ruleset
from detector.stats.baseline import WARNED_PER_H
from tests.logs import MONDAY_MS, LogWriter, action, steady

MINUTE, HOUR = 60_000, 3_600_000
SPAM = Policy(id="spam", mode="enforce", hard_limit=HardLimit(max=100, per_s=60), breaker=OnTrip(cooldown_s=600))
RULES = Ruleset(version="v1", policies=(SPAM,))


def started() -> Fold:
    fold = Fold(RULES.stream)
    fold.assign(0, {})
    return fold


def test_a_hold_that_readers_obey_goes_on_when_it_cools_down_while_catching_up():
    log, end = LogWriter(ruleset=RULES), MONDAY_MS + HOUR
    log.tick(MONDAY_MS)
    log.live(steady("spam", MONDAY_MS, MONDAY_MS + MINUTE, 120), MONDAY_MS + MINUTE)
    log.rows([action("spam", MONDAY_MS + 20 * MINUTE)], end)
    log.tick(end, behind=1)
    outcome = started().apply(log.records)
    said = [(word.state, word.directive) for word in outcome.breakers]
    assert (State.HALF_OPEN, Directive.HOLD_FOR_REVIEW) in said
    assert (State.HALF_OPEN, Directive.NONE) not in said
    assert [alert.catching_up for alert in outcome.alerts if alert.to_state is State.HALF_OPEN] == [True]


def test_a_breaker_that_closed_while_catching_up_is_not_said_to_be_catching_up_for_ever():
    log, end = LogWriter(ruleset=RULES), MONDAY_MS + 2 * HOUR
    log.tick(MONDAY_MS)
    log.live(steady("spam", MONDAY_MS, MONDAY_MS + MINUTE, 120), MONDAY_MS + MINUTE)
    log.tick(end)
    log.tick(end + HOUR)
    last: events.Breaker = started().apply(log.records).breakers[-1]
    assert (last.state, last.catching_up) == (State.CLOSED, False)


def caught_up_at_once(*bursts_ms: int) -> events.Breaker:
    """The last word on a breaker after 55 minutes, told in one tick, in which bursts passed the limit."""
    log, end = LogWriter(ruleset=RULES), MONDAY_MS + 55 * MINUTE
    log.tick(MONDAY_MS)
    log.rows([event for at in bursts_ms for event in steady("spam", at, at + MINUTE, 120)], end)
    log.tick(end)
    return started().apply(log.records).breakers[-1]


def test_a_trip_that_has_cooled_down_and_closed_by_the_end_of_one_long_tick_holds_nobody():
    last = caught_up_at_once(MONDAY_MS + MINUTE)
    assert (last.state, last.directive) == (State.CLOSED, Directive.NONE)


def test_a_second_burst_in_one_long_tick_opens_the_breaker_again():
    last = caught_up_at_once(MONDAY_MS + MINUTE, MONDAY_MS + 50 * MINUTE)
    assert (last.state, last.directive) == (State.OPEN, Directive.HOLD_FOR_REVIEW)


def test_shares_and_lifts_of_a_trip_found_while_catching_up_count_each_action_once():
    log, start, end = LogWriter(ruleset=RULES), MONDAY_MS + HOUR, MONDAY_MS + 2 * HOUR
    log.live(steady("spam", MONDAY_MS, start, 0.2), start, every_ms=10_000)
    log.rows(steady("spam", start, start + 5 * MINUTE, 240), end)
    log.tick(end)
    (alert,) = [alert for alert in started().apply(log.records).alerts if alert.to_state is State.OPEN]
    due = WARNED_PER_H / 120  # half a minute since the onset
    assert [c.lift_ratio for c in alert.contributors] == pytest.approx([alert.evidence[0].observed / due] * 3)
