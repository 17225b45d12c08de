"""Of whom events speak that come ten minutes late is heard, once; a repetition of what was counted never is."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

import pytest

from detector import events
from detector.fold import Fold
from tests.histories import (
    DAY,
    HOUR,
    MINUTE,
    RULES,
    START,
    Past,
    followed,
    heard,
    in_time,
    learned,
    opened,
    overturned_at_once,
    restarted,
    traffic,
)
from tests.logs import MONDAY_MS, LogWriter, action, past_ids

LATE_MS, POLL_MS = 10 * MINUTE, 3 * MINUTE
Arrivals = list[tuple[events.AnyEvent, int]]


def arriving(past: Past, arrivals: Arrivals, end_ms: int) -> LogWriter:
    """The log of a past, and of events that arrive at these times after it."""
    log = deepcopy(past.log)
    arrivals = sorted(arrivals, key=lambda each: each[1])
    for now in range(START, end_ms, POLL_MS):
        if rows := [event for event, at in arrivals if now - POLL_MS <= at < now]:
            log.rows(rows, now)
        log.tick(now)
    return log


def told(past: Past, arrivals: Arrivals, end_ms: int) -> list[events.Alert]:
    return heard(past, arriving(past, arrivals, end_ms))


def punctual(found: Iterable[events.AnyEvent]) -> Arrivals:
    return [(event, int(event.time)) for event in found]


def late(found: Iterable[events.AnyEvent]) -> Arrivals:
    return [(event, int(event.time) + LATE_MS) for event in found]


@pytest.fixture(scope="module")
def usual():
    past_ids()
    return traffic(MONDAY_MS, START, 60, 0.1, seed=1)


@pytest.fixture(scope="module")
def past(usual):
    """With appeals and decisions, as usual until the start."""
    return learned([*usual, *followed(usual, 0.3, 0.1, 3)])


@pytest.fixture(scope="module")
def overturned(usual):
    """A hundred appeals won in the four hours after the start."""
    return overturned_at_once(usual[-100:], START, 2 * MINUTE)


def signals(alerts: list[events.Alert]) -> set[str]:
    return {each.signal for alert in opened(alerts) for each in alert.evidence}


def test_appeals_won_trip_though_every_decision_comes_late(past, overturned):
    clock = punctual(traffic(START, START + 4 * HOUR, 60, 0.1, seed=2))
    said = told(past, [*clock, *late(overturned)], START + 4 * HOUR)
    assert "overturns" in signals(said)


def test_long_standing_accounts_trip_though_every_action_on_one_comes_late(past):
    end = START + 6 * HOUR
    clock = punctual(traffic(START, end, 60, 0.1, seed=2))
    said = told(past, [*clock, *late(traffic(START, end, 60, 0.95, seed=4))], end)
    assert "tenure" in signals(said)


def test_what_comes_again_and_again_late_says_nothing_new(past, overturned):
    end, few = START + 3 * HOUR, overturned[:80:15]
    once = [*punctual(traffic(START, end, 60, 0.1, seed=2)), *punctual(few)]
    repeated = [(event, at + LATE_MS + i * MINUTE) for event, at in once for i in range(40) if at % HOUR < 5 * MINUTE]
    said = told(past, once, end)
    again = told(past, [*once, *repeated], end)
    assert {alert.alert_id: alert.evidence for alert in again} == {alert.alert_id: alert.evidence for alert in said}
    assert not opened(said)


def test_fifty_late_cases_of_one_person_are_one(past, overturned):
    clock = punctual(traffic(START, START + 4 * HOUR, 60, 0.1, seed=2))
    one = [
        events.AppealDecision(
            id=f"{event.id}-{i}", time=event.time, policy_id="spam", action_id=event.action_id,
            acted_at=event.acted_at, outcome="overturned", decided_by="human", subject_id="one",
        )
        for event in overturned for i in range(2)
    ]  # fmt: skip
    said = told(past, [*clock, *late(one)], START + 4 * HOUR)
    assert not opened(said)


def test_late_appeals_against_usual_actions_are_not_too_many_where_the_actions_come_late_too(past):
    end, wave = START + 12 * HOUR, traffic(START, START + 12 * HOUR, 120, 0.1, seed=2)
    appeals = [event for event in followed(wave, 0.3, 0.1, 5) if isinstance(event, events.Appeal) and event.time < end]
    halves = [one for i, one in enumerate(wave) if i % 2], [one for i, one in enumerate(wave) if i % 2 == 0]
    said = told(past, [*punctual(halves[0]), *late([*halves[1], *appeals])], end)
    assert not {each.signal for alert in said for each in alert.evidence} & {"appeals"}


def test_actions_of_before_a_trip_that_come_while_it_probes_reopen_nothing():
    end, years = START + 80 * MINUTE, {"subject_created_at": START - 2000 * DAY}
    wave, same = ([action("spam", START + i * 5000, **years) for i in range(24)] for _ in range(2))
    clock = punctual(action("other", START + i * MINUTE) for i in range(80))
    arrivals = [*clock, *punctual(wave), *((event, START + 45 * MINUTE) for event in same)]
    said = told(learned(traffic(MONDAY_MS, START, 12, 0.1, 1)), arrivals, end)
    moves = [alert.type.split(".")[1] for alert in said if alert.type != "breaker.warned"]
    assert moves == ["opened", "half_opened", "closed"]


def test_what_a_version_alone_hears_late_is_stored():
    log, fold, years = LogWriter(ruleset=RULES), Fold(RULES.stream), {"subject_created_at": START - 2000 * DAY}
    log.rows([action("spam", START, subject_id="one", rule_version="1", **years)], START)
    log.rows([action("other", START + 10 * MINUTE)], START + 10 * MINUTE)
    log.tick(START + 10 * MINUTE)
    log.rows([action("spam", START + 1000, subject_id="one", rule_version="2", **years)], START + 10 * MINUTE)
    fold.assign(0, {})
    fold.apply(log.records)
    table = {key: value for _, key, value in fold.snapshot().policies()}
    log.rows([action("other", START + 20 * MINUTE)], START + 20 * MINUTE)
    log.tick(START + 20 * MINUTE)
    fold.apply(log.records[-2:])
    again = {key: value for _, key, value in fold.snapshot().policies()}
    assert again[b"policy/spam"] != table[b"policy/spam"]


def test_a_restart_at_any_point_changes_nothing_that_is_said(past, overturned):
    end = START + 4 * HOUR
    clock = traffic(START, end, 60, 0.1, seed=2)
    log = arriving(past, [*punctual(clock), *late(overturned), *late(clock[::3])], end)
    expected = heard(past, log)
    assert expected
    begin = len(log.records) - 4 * 20 * 2
    for again in restarted(past, log, *(begin + at for at in (21, 35, 52, 53, 101))):
        assert again == sorted(expected, key=in_time)
