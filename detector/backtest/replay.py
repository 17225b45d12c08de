"""A history past any number of policy files, side by side: read once, decoded once, judged by each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Protocol

import numpy as np

from detector.backtest.history import Writer, chunks
from detector.backtest.part import DEPLOY, Book, Part
from detector.backtest.traces import Traces
from detector.backtest.watch import Watch
from detector.events import AnyEvent
from detector.policy import StreamSettings
from detector.wire import log


class Counter(Protocol):
    """Whoever counts what the history itself holds."""

    def add(self, part: Part) -> None:
        """Rows of one record of the log."""


def replay(
    batches: Iterable[Sequence[AnyEvent]],
    stream: StreamSettings,
    book: Book,
    counters: Sequence[Counter],
    watches: Sequence[Watch],
    traces: Traces | None = None,
) -> None:
    """Feed all events, then as much time as it takes for the last of them to be final.

    Args:
        batches: decoded events, nearly in order of time.
        stream: settings that all watches' rulesets share.
        book: names, shared with the counters and the watches.
        counters: count the history itself.
        watches: one a policy file.
        traces: keeps figures of the first watch for plots, if wanted.
    """
    writer = Writer(stream)
    for watch in watches:
        watch.apply(writer.begin(watch.ruleset), None)
    pieces = chunks(batches, int(stream.lateness_s * 1000))
    for record in chain((each for chunk in pieces for each in writer.records(chunk)), writer.end()):
        part = _noted(record.value, book, counters, traces) if isinstance(record.value, log.Rows) else None
        for watch in watches:
            watch.apply(record, part)
    for watch in watches:
        watch.end()


def _noted(rows: log.Rows, book: Book, counters: Sequence[Counter], traces: Traces | None) -> Part:
    part = book.part(rows)
    for counter in counters:
        counter.add(part)
    if traces is not None:
        traces.add(part)
        for i in np.flatnonzero(rows.column("kind") == DEPLOY).tolist():
            policy, origin = rows.policies[rows.column("policy")[i]], rows.origins[rows.column("origin")[i]]
            traces.deployed(int(rows.column("time")[i]), policy, origin)
    return part
