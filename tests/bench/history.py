"""A history in columns, and the production fold over it.

The rows of an hour of event time, at most 5,000, become one log record as intake would write it, with a tick behind it.
No event is ever made an object, so that years pass in minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector import events
from detector.events import Alert
from detector.fold import Fold, LogRecord
from detector.policy import Ruleset
from detector.wire import log
from tests.bench.peers.series import Ints, Series

ACTION, REVERSAL, DEPLOY = (events.KINDS.index(kind) for kind in (events.Action, events.Reversal, events.Deploy))
PIECE_MS = 3_600_000
MOST_ROWS = 5_000
RECORDS_AT_ONCE = 256
QUIET_MS = 3_600_000
"""Time that passes after the last event, so that all of them are final."""
TRIPS = ("breaker.opened", "breaker.reopened")
NAMES = {"policy": "policies", "origin": "origins", "type": "types"}
"""Columns of codes, and the list of `log.Rows` that they point into."""


class History(NamedTuple):
    """Events in order of time: `columns` of equal length, named and typed as those of the log; `names` of their codes.

    Codes are wider than the log's: each record gets a dictionary of its own.
    """

    columns: dict[str, NDArray[np.generic]]
    names: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.columns["time"])

    def only(self, chosen: NDArray[np.bool_]) -> History:
        """The rows where `chosen` holds."""
        return History({name: column[chosen] for name, column in self.columns.items()}, self.names)

    def between(self, from_ms: int, to_ms: int) -> History:
        """Events from `from_ms` on, before `to_ms`."""
        return self.only((self.columns["time"] >= from_ms) & (self.columns["time"] < to_ms))

    def of(self, policies: set[str]) -> History:
        """Events of these policies."""
        codes = [code for code, name in enumerate(self.names["policy"]) if name in policies]
        return self.only(np.isin(self.columns["policy"], codes))

    def series(self, kind: int = ACTION) -> dict[str, Series]:
        """What peers see, by policy: events of `kind` and deploys."""
        found = {}
        deploys = self.only(self.columns["kind"] == DEPLOY).columns
        mine = self.only(self.columns["kind"] == kind).columns
        order = np.argsort(mine["policy"], kind="stable")
        codes, first = np.unique(mine["policy"][order], return_index=True)
        for code, rows in zip(codes.tolist(), np.split(order, first[1:]), strict=True):
            deploy_ms = deploys["time"][deploys["policy"] == code]
            found[self.names["policy"][code]] = Series(mine["time"][rows], mine["subject"][rows], deploy_ms)
        return found


def identities(count: int, salt: int = 0) -> NDArray[np.uint64]:
    """Distinct 64-bit numbers that look like hashes."""
    numbers = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(salt)
    return scattered(numbers)


def scattered(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A bijection of 64-bit numbers whose values look random (the finaliser of SplitMix64, Steele et al. 2014).

    Sketches of distinct subjects want hashes: a mere multiple of consecutive numbers is spread too evenly.
    """
    with np.errstate(over="ignore"):
        mixed = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def alerts(ruleset: Ruleset, history: History) -> list[Alert]:
    """What the production fold says about a history, in order."""
    fold, said, waiting = Fold(ruleset.stream), list[Alert](), list[LogRecord]()
    fold.assign(0, {})
    for record in records(ruleset, history):
        waiting.append(record)
        if len(waiting) == RECORDS_AT_ONCE:
            said += fold.apply(waiting).alerts
            waiting.clear()
    return said + fold.apply(waiting).alerts


def records(ruleset: Ruleset, history: History) -> Iterator[LogRecord]:
    """The log of a history in one partition: settings, then rows and a tick in turn, at last a tick later."""
    times: Ints = history.columns["time"].astype(np.int64)
    settings = log.Settings(version=ruleset.version, ruleset=msgspec.json.encode(ruleset))
    yield LogRecord(0, 0, int(times[0]), settings)
    number, newest_ms = 1, 0
    for begin, end in _pieces(times, history.columns["kind"] == DEPLOY):
        newest_ms = int(times[end - 1])
        yield LogRecord(0, number, newest_ms, _rows(history, begin, end))
        yield LogRecord(0, number + 1, newest_ms, _tick(end, newest_ms))
        number += 2
    newest_ms += QUIET_MS
    yield LogRecord(0, number, newest_ms, _tick(len(times), newest_ms))


def at_ms(alert: Alert) -> int:
    """When the detector spoke."""
    return round(alert.detected_at.timestamp() * 1000)


def trips(said: list[Alert]) -> Mapping[str, list[int]]:
    """Times of trips by policy, narrowed scopes included."""
    found: dict[str, list[int]] = {}
    for alert in said:
        if alert.type in TRIPS:
            found.setdefault(alert.scope.policy_id, []).append(at_ms(alert))
    return found


def _tick(read: int, newest_ms: int) -> log.Tick:
    """The word of a worker that has read all there is so far."""
    return log.Tick(worker="bench", sources=[log.SourceReport(0, read - 1, read, newest_ms)])


def _pieces(times: Ints, deploys: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Ranges of rows of one piece of time, none longer than `MOST_ROWS`; a deploy begins one: what was before it is."""
    begins = np.flatnonzero((np.diff(times // PIECE_MS, prepend=-1) != 0) | deploys).tolist()
    for begin, end in zip(begins, [*begins[1:], len(times)], strict=True):
        for first in range(begin, end, MOST_ROWS):
            yield first, min(first + MOST_ROWS, end)


def _rows(history: History, begin: int, end: int) -> log.Rows:
    columns = {name: column[begin:end] for name, column in history.columns.items()}
    own: dict[str, list[str]] = {"regions": [""]}
    for name, field in NAMES.items():
        if name in columns:
            used, columns[name] = np.unique(columns[name], return_inverse=True)
            own[field] = [history.names[name][code] for code in used.tolist()]
    columns["offset"] = np.arange(begin, end)
    packed = {name: column.astype(log.COLUMNS[name]).tobytes() for name, column in columns.items()}
    return log.Rows(ranges=[(0, begin - 1, end - 1)], columns=packed, **own)
