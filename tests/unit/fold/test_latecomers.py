"""Of whom events speak that come ten minutes late is heard, once; a repetition of what was counted never is."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import NamedTuple

import pytest

from detector import events
from detector.fold import Fold
from detector.policy import Policy, Ruleset, StreamSettings
from tests.logs import MONDAY_MS, LogWriter, action, renumber
from tests.unit.fold.test_channels import DAY, HOUR, MINUTE, followed, in_time, opened, restarted, traffic

START = MONDAY_MS + 4 * DAY
RULES = Ruleset(version="v1", stream=StreamSettings(clock="events"), policies=(Policy(id="spam", mode="enforce"),))
LATE_MS, POLL_MS = 10 * MINUTE, 3 * MINUTE
Arrivals = list[tuple[events.AnyEvent, int]]


class Past(NamedTuple):
    """Days of usual traffic, and what a worker that read them has stored."""

    log: LogWriter
    table: dict[bytes, bytes]
    floor: int
    said: list[events.Alert]


def lived(usual: Iterable[events.AnyEvent]) -> Past:
    log, fold = LogWriter(ruleset=RULES), Fold(RULES.stream)
    log.live([event for event in usual if event.time < START], START, every_ms=HOUR)
    fold.assign(0, {})
    said, snapshot = fold.apply(log.records).alerts, fold.snapshot()
    table = {key: value for _, key, value in [*snapshot.policies(), *snapshot.seals()]}
    return Past(log, table, snapshot.floors[0], said)


def told(past: Past, arrivals: Arrivals, end_ms: int) -> tuple[LogWriter, list[events.Alert]]:
    """What is said of a past, and of events that arrive at these times after it."""
    log, fold = deepcopy(past.log), Fold(RULES.stream)
    arrivals = sorted(arrivals, key=lambda each: each[1])
    for now in range(START, end_ms, POLL_MS):
        if rows := [event for event, at in arrivals if now - POLL_MS <= at < now]:
            log.rows(rows, now)
        log.tick(now)
    fold.assign(0, dict(past.table))
    return log, [*past.said, *fold.apply(log.records[past.floor :]).alerts]


def punctual(found: Iterable[events.AnyEvent]) -> Arrivals:
    return [(event, int(event.time)) for event in found]


def late(found: Iterable[events.AnyEvent]) -> Arrivals:
    return [(event, int(event.time) + LATE_MS) for event in found]


@pytest.fixture(scope="module")
def usual():
    renumber()
    return traffic(MONDAY_MS, START, 60, 0.1, seed=1)


@pytest.fixture(scope="module")
def past(usual):
    """With appeals and decisions, as usual until the start."""
    return lived([*usual, *followed(usual, 0.3, 0.1, 3)])


@pytest.fixture(scope="module")
def overturned(usual):
    """A hundred appeals won in the four hours after the start."""
    return [
        events.AppealDecision(
            id=f"{one.id}-o", time=START + i * 2 * MINUTE, policy_id="spam", action_id=one.action_id,
            acted_at=one.time, outcome="overturned", decided_by="human", subject_id=one.subject_id,
        )
        for i, one in enumerate(usual[-100:])
    ]  # fmt: skip


def signals(alerts: list[events.Alert]) -> set[str]:
    return {each.signal for alert in opened(alerts) for each in alert.evidence}


def test_appeals_won_trip_though_every_decision_comes_late(past, overturned):
    clock = punctual(traffic(START, START + 4 * HOUR, 60, 0.1, seed=2))
    _, said = told(past, [*clock, *late(overturned)], START + 4 * HOUR)
    assert "overturns" in signals(said)


def test_long_standing_accounts_trip_though_every_action_on_one_comes_late(usual):
    end = START + 6 * HOUR
    clock = punctual(traffic(START, end, 60, 0.1, seed=2))
    _, said = told(lived(usual), [*clock, *late(traffic(START, end, 60, 0.95, seed=4))], end)
    assert "tenure" in signals(said)


def test_what_comes_again_and_again_late_says_nothing_new(past, overturned):
    end, few = START + 3 * HOUR, overturned[:80:15]
    once = [*punctual(traffic(START, end, 60, 0.1, seed=2)), *punctual(few)]
    repeated = [(event, at + LATE_MS + i * MINUTE) for event, at in once for i in range(40) if at % HOUR < 5 * MINUTE]
    _, said = told(past, once, end)
    _, again = told(past, [*once, *repeated], end)
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
    _, said = told(past, [*clock, *late(one)], START + 4 * HOUR)
    assert not opened(said)


def test_late_appeals_against_usual_actions_are_not_too_many_where_the_actions_come_late_too(past):
    end, wave = START + 12 * HOUR, traffic(START, START + 12 * HOUR, 120, 0.1, seed=2)
    appeals = [event for event in followed(wave, 0.3, 0.1, 5) if isinstance(event, events.Appeal) and event.time < end]
    halves = [one for i, one in enumerate(wave) if i % 2], [one for i, one in enumerate(wave) if i % 2 == 0]
    _, said = told(past, [*punctual(halves[0]), *late([*halves[1], *appeals])], end)
    assert not {each.signal for alert in said for each in alert.evidence} & {"appeals"}


def test_actions_of_before_a_trip_that_come_while_it_probes_reopen_nothing():
    end, years = START + 80 * MINUTE, {"subject_created_at": START - 2000 * DAY}
    wave, same = ([action("spam", START + i * 5000, **years) for i in range(24)] for _ in range(2))
    clock = punctual(action("other", START + i * MINUTE) for i in range(80))
    arrivals = [*clock, *punctual(wave), *((event, START + 45 * MINUTE) for event in same)]
    _, said = told(lived(traffic(MONDAY_MS, START, 12, 0.1, 1)), arrivals, end)
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
    log, expected = told(past, [*punctual(clock), *late(overturned), *late(clock[::3])], end)
    assert expected
    begin = len(log.records) - 4 * 20 * 2
    for again in restarted(log, *(begin + at for at in (21, 35, 52, 53, 101))):
        assert again == sorted(expected, key=in_time)
