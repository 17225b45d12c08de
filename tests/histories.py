"""Histories of a policy for tests of the fold: usual days that are learned once, and what becomes of the next hours."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

from detector import events
from detector.fold import Fold
from detector.policy import Policy, Ruleset, StreamSettings
from tests.logs import MONDAY_MS, LogWriter, action

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
RULES = Ruleset(version="v1", stream=StreamSettings(clock="events"), policies=(Policy(id="spam", mode="enforce"),))
START = MONDAY_MS + 4 * DAY


class Past(NamedTuple):
    """The log of some days, what a worker that read it has stored, from where it must read on, and what it said."""

    log: LogWriter
    table: dict[bytes, bytes]
    floor: int
    said: list[events.Alert]

    def worker(self) -> Fold:
        """Another worker that starts from what is stored."""
        fold = Fold(RULES.stream)
        fold.assign(0, dict(self.table))
        return fold


def learned(usual: Iterable[events.AnyEvent]) -> Past:
    """What is known at `START` of what happened before."""
    log, fold = LogWriter(ruleset=RULES), Fold(RULES.stream)
    log.live([event for event in usual if event.time < START], START, every_ms=HOUR)
    fold.assign(0, {})
    said = fold.apply(log.records).alerts
    return _stored(log, fold, said)


def _stored(log: LogWriter, fold: Fold, said: list[events.Alert]) -> Past:
    snapshot = fold.snapshot()
    table = {key: value for _, key, value in [*snapshot.policies(), *snapshot.seals()]}
    return Past(log, table, snapshot.floors[0], said)


def goes_on(
    past: Past, then: Iterable[events.AnyEvent], until_ms: int, every_ms: int = HOUR, **settings: Any
) -> LogWriter:
    """The log of a past and of what comes `then`, with a tick each `every_ms`, under new settings if some are given."""
    log = deepcopy(past.log)
    if settings:
        policy = Policy(id="spam", mode="enforce", **settings)
        log.settings(Ruleset(version="v2", stream=RULES.stream, policies=(policy,)), START)
    log.live([event for event in then if START <= event.time < until_ms], until_ms, every_ms)
    return log


def heard(past: Past, log: LogWriter) -> list[events.Alert]:
    """What is said of a past and of all that its log has since."""
    return [*past.said, *past.worker().apply(log.records[past.floor :]).alerts]


def told(past: Past, then: Iterable[events.AnyEvent], until_ms: int, **how: Any) -> list[events.Alert]:
    return heard(past, goes_on(past, then, until_ms, **how))


def restarted(past: Past, log: LogWriter, *points: int) -> Iterator[list[events.Alert]]:
    """All that is said where a worker saves its state after each of so many records, and another starts again there."""
    first, begin, said, stored = past.worker(), past.floor, list(past.said), past
    for at in points:
        said += first.apply(log.records[begin:at]).alerts
        begin, newer = at, _stored(log, first, said)
        stored = newer._replace(table=stored.table | newer.table)
        rest = stored.worker().apply(log.records[stored.floor :]).alerts
        ids = {alert.alert_id for alert in said}
        yield sorted([*said, *(alert for alert in rest if alert.alert_id not in ids)], key=in_time)


def in_time(alert: events.Alert) -> tuple[object, str]:
    return alert.detected_at, alert.alert_id


def opened(alerts: Iterable[events.Alert]) -> list[events.Alert]:
    return [alert for alert in alerts if alert.to_state is events.State.OPEN]


# --- events -----------------------------------------------------------------------------------------------------------


def traffic(from_ms: int, to_ms: int, per_hour: float, tenured: float, seed: int, **fields: Any) -> list[events.Action]:
    """Actions at random times; of their subjects a share `tenured` has been there for years, the rest for days."""
    draw, found, at = random.Random(seed), [], float(from_ms)
    while (at := at + draw.expovariate(per_hour / HOUR)) < to_ms:
        age_d = draw.uniform(500, 3000) if draw.random() < tenured else draw.uniform(0, 30)
        found.append(action("spam", int(at), subject_created_at=int(at - age_d * DAY), **fields))
    return found


def followed(actions: list[events.Action], share: float, overturned: float, seed: int) -> list[events.AnyEvent]:
    """Appeals against a share of actions, hours later, and decisions on them, a day after that."""
    draw, found = random.Random(seed), list[events.AnyEvent]()
    for one in actions:
        if draw.random() < share:
            filed_ms = int(one.time + draw.expovariate(1 / (2 * HOUR)))
            about = {"policy_id": one.policy_id, "action_id": one.action_id, "acted_at": one.time}
            found.append(events.Appeal(id=f"{one.id}-a", time=filed_ms, subject_id=one.subject_id, **about))
            outcome = "overturned" if draw.random() < overturned else "upheld"
            decided_ms = int(filed_ms + draw.expovariate(1 / (12 * HOUR)))
            found.append(
                events.AppealDecision(
                    id=f"{one.id}-d",
                    time=decided_ms,
                    subject_id=one.subject_id,
                    outcome=outcome,
                    decided_by="human",
                    **about,
                )
            )
    return found


def undone(actions: Iterable[events.Action], after_ms: int) -> list[events.Reversal]:
    """Each action undone a while later, on appeal."""
    return [
        events.Reversal(
            id=f"{one.id}-r", time=int(one.time) + after_ms, policy_id=one.policy_id, action_id=one.action_id,
            acted_at=one.time, reason="appeal", subject_id=one.subject_id,
        )
        for one in actions
    ]  # fmt: skip


def overturned_at_once(actions: Iterable[events.Action], at_ms: int, apart_ms: int) -> list[events.AppealDecision]:
    """Each of the actions found wrong on appeal, one after the other."""
    return [
        events.AppealDecision(
            id=f"{one.id}-o", time=at_ms + i * apart_ms, policy_id="spam", action_id=one.action_id,
            acted_at=one.time, outcome="overturned", decided_by="human", subject_id=one.subject_id,
        )
        for i, one in enumerate(actions)
    ]  # fmt: skip
