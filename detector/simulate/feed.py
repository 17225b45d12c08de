"""A fold fed with made-up traffic, in records as intake would write them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from detector import events
from detector.fold import Fold, LogRecord
from detector.units import MINUTE_MS
from detector.wire import log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detector.config.policy_tests import Counts, DeployAt, History
    from detector.policy import Ruleset


_ACTION: Final = events.KINDS.index(events.Action)
_DEPLOY: Final = events.KINDS.index(events.Deploy)


class Load(NamedTuple):
    """Rows of one kind and origin; times ascending."""

    time_ms: NDArray[np.int64]
    kind: int
    flags: int
    origin: str
    region: str


def actions(what: Counts | History, minutes: range, count: int, start_ms: int) -> Load:
    """`count` actions in each minute, evenly spread."""
    within = ((np.arange(count) + 0.5) * MINUTE_MS / max(count, 1)).astype(np.int64)
    time_ms = (start_ms + np.array(minutes, np.int64)[:, None] * MINUTE_MS + within).ravel()
    return Load(time_ms, _ACTION, log.AUTOMATED * what.automated, what.rule_version or "", what.region or "")


def deploy(what: DeployAt, start_ms: int) -> Load:
    """A rule version going live."""
    time_ms = np.array([start_ms + what.minute * MINUTE_MS], np.int64)
    return Load(time_ms, _DEPLOY, 0, what.rule_version, "")


class Feed:
    """A fold of one log partition, fed with rows and ticks as intake would write them."""

    def __init__(self, ruleset: Ruleset, policy_id: str) -> None:
        self.alerts: list[events.Alert] = []
        self._ruleset = ruleset
        self._policy_id = policy_id
        self._fold = Fold(ruleset.stream)
        self._fold.assign(0, {})
        self._offset = 0
        self._through = -1

    def run(self, rows: Sequence[Load], times_ms: Sequence[int]) -> None:
        """Feed what falls between each two of the times when the later one has come, and then a tick."""
        settings = log.Settings(version=self._ruleset.version, ruleset=msgspec.json.encode(self._ruleset))
        self._apply(times_ms[0], settings)
        for since_ms, until_ms in pairwise(times_ms):
            due = [each for each in (_between(each, since_ms, until_ms) for each in rows) if len(each.time_ms)]
            if due:
                record = _record(due, self._policy_id, self._through)
                self._through = record.ranges[0][2]
                self._apply(until_ms, record)
            report = log.SourceReport(source=0, through=self._through, end=self._through + 1, newest_ms=until_ms)
            self._apply(until_ms, log.Tick(worker="test", sources=[report]))

    def _apply(self, time_ms: int, record: log.Record) -> None:
        self.alerts += self._fold.apply([LogRecord(0, self._offset, time_ms, record)]).alerts
        self._offset += 1


def _between(rows: Load, since_ms: int, until_ms: int) -> Load:
    first, last = np.searchsorted(rows.time_ms, [since_ms, until_ms])
    return rows._replace(time_ms=rows.time_ms[first:last])


def _record(due: list[Load], policy_id: str, through: int) -> log.Rows:
    """One log record with the rows that are due; every row is a source record and an event of its own."""
    lengths = [len(each.time_ms) for each in due]
    offsets = np.arange(through + 1, through + 1 + sum(lengths))
    codes = np.repeat(np.arange(len(due)), lengths)
    columns = {
        "policy": np.zeros(len(offsets)),
        "offset": offsets,
        "time": np.concatenate([each.time_ms for each in due]),
        "kind": np.repeat([each.kind for each in due], lengths),
        "flags": np.repeat([each.flags for each in due], lengths),
        "origin": codes,
        "region": codes,
        "subject": offsets + 1,
        "event": offsets + 1,
    }
    return log.Rows(
        ranges=[(0, through, int(offsets[-1]))],
        policies=[policy_id],
        origins=[each.origin for each in due],
        regions=[each.region for each in due],
        columns={name: column.astype(log.COLUMNS[name]).tobytes() for name, column in columns.items()},
    )
