"""Builds logs for tests of the fold: rows, ticks and policy files at the times a test names. No broker, no clock."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
import numpy as np

from detector import events
from detector.engine.policy_state import WHOLE
from detector.fold import Fold, LogRecord
from detector.policy import Ruleset
from detector.wire import log
from detector.wire.rows import RowsBuilder

KEY = b"a key for tests only"
MONDAY_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z
_ids = [itertools.count()]


def renumber() -> None:
    """Let ids begin anew: what a test sees must not depend on which tests ran before it."""
    _ids[0] = itertools.count()


def past_ids() -> None:
    """Ids for a past that several tests share: none of them makes the same ones."""
    _ids[0] = itertools.count(1_000_000)


def action(policy: str = "spam", at_ms: int = MONDAY_MS, **fields) -> events.Action:
    number = next(_ids[0])
    defaults = {
        "id": f"e{number}",
        "action_id": f"a{number}",
        "subject_id": f"s{number}",
        "action_type": "suspend",
        "automated_decision": events.Automated.FULLY,
        "rule_id": "42",
        "rule_version": "17",
        "region": "EU",
    }
    return events.Action(policy_id=policy, time=at_ms, **(defaults | fields))


def deploy(policy: str | None, at_ms: int, rule_id: str | None = None, version: str | None = None) -> events.Deploy:
    return events.Deploy(
        id=f"e{next(_ids[0])}", policy_id=policy, time=at_ms, change="test", rule_id=rule_id, rule_version=version
    )


def steady(policy: str, from_ms: int, to_ms: int, per_minute: float, **fields) -> list[events.Action]:
    """Actions at even distances."""
    gap = 60_000 / per_minute
    count = int((to_ms - from_ms) / gap)
    return [action(policy, int(from_ms + i * gap), **fields) for i in range(count)]


class LogWriter:
    """One log partition fed from source partitions by one worker, as intake would: rows in polls, a tick a second."""

    def __init__(self, partition: int = 0, ruleset: Ruleset | None = None) -> None:
        self.records: list[LogRecord] = []
        self.partition = partition
        self._told: dict[int, int] = {}
        self._next: dict[int, int] = {}
        self._newest: dict[int, int] = {}
        if ruleset is not None:
            self.settings(ruleset, MONDAY_MS)

    def put(self, value: log.Record, at_ms: int) -> None:
        self.records.append(LogRecord(self.partition, len(self.records), at_ms, log.decode(log.encode(value))))

    def settings(self, ruleset: Ruleset, at_ms: int) -> None:
        self.put(log.Settings(version=ruleset.version, ruleset=msgspec.json.encode(ruleset)), at_ms)

    def rows(self, found: Iterable[events.AnyEvent], at_ms: int, source: int = 0) -> None:
        builder = RowsBuilder(1, KEY)
        for event in found:
            offset = self._next.get(source, 0)
            builder.add(source, offset, event)
            self._next[source] = offset + 1
            if isinstance(event.time, int):
                self._newest[source] = max(self._newest.get(source, 0), event.time)
        through = {source: self._next.get(source, 0) - 1}
        for message in builder.build(through, lambda _, of: self._told.get(of, -1)):
            self.put(log.decode(message.value), at_ms)
        self._told[source] = through[source]

    def tick(self, at_ms: int, behind: int = 0, worker: str = "w") -> None:
        reports = [
            log.SourceReport(source, told, told + 1 + behind, self._newest.get(source, 0))
            for source, told in self._told.items()
        ]
        self.put(log.Tick(worker=worker, sources=reports), at_ms)

    def live(self, found: Iterable[events.AnyEvent], until_ms: int, every_ms: int = 1000) -> None:
        """Events as they happen: each poll takes what came since the last, then a tick."""
        queue = sorted(found, key=lambda event: event.time)
        start = int(queue[0].time) // every_ms * every_ms if queue else until_ms
        at = 0
        for now in range(start + every_ms, until_ms + every_ms, every_ms):
            end = at
            while end < len(queue) and queue[end].time < now:
                end += 1
            if end > at:
                self.rows(queue[at:end], now)
            self.tick(now)
            at = end


def utc(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def totals(fold: Fold) -> dict[str, int]:
    """Actions counted per policy that has any, final, open and late ones together."""
    found, engine = {}, fold.engine
    for policy in fold.policies():
        row = policy.rows.get(WHOLE)
        if row is not None:
            pending = sum(int(engine.open.counts(bucket, np.array([row]))[0, 0]) for bucket in engine.open)
            if count := int(engine.scopes.table.rows["total"][row]) + pending:
                found[policy.id] = count
    return found
