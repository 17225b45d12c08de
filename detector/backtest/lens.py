"""A closer look at what one tick settled: minute by minute, on a copy of the fold, so that nothing it says changes.

A tick settles up to an hour at once; how evidence rose meanwhile is only seen by going there in smaller steps. The fold
itself must not: what it says would come to depend on what somebody wants to see.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from detector.engine import step
from detector.engine.columns import put, taken
from detector.fold import Fold, LogRecord
from detector.fold.figures import Figures, figures
from detector.units import MINUTE_MS
from detector.wire import log

MOST_RECORDS: Final = 24
MOST_ROWS: Final = 40_000
"""So much of the log is held at most, to get from a copy to now: copies cost time, the log memory."""
MOST_STEPS: Final = 120
"""A longer time is gone through in longer steps: it is one without events."""


class Lens:
    """Follows a fold: `note` every record before it is applied."""

    def __init__(self) -> None:
        self._copy = b""
        self._since: list[LogRecord] = []
        self._rows = 0
        self._looked = False

    def note(self, fold: Fold, record: LogRecord) -> None:
        """A record that comes next. Where the last tick was looked at, the next one likely will be: a copy is near."""
        is_due = self._looked or len(self._since) >= MOST_RECORDS or self._rows >= MOST_ROWS
        if not self._copy or (is_due and isinstance(record.value, log.Tick)):
            self._copy = pickle.dumps(fold, pickle.HIGHEST_PROTOCOL)
            self._since, self._rows, self._looked = [], 0, False
        self._since.append(record)
        if isinstance(record.value, log.Rows):
            self._rows += len(record.value.column("time"))

    def look(self) -> Iterator[Figures]:
        """Figures after each minute that the last record, a tick, has settled; the last are those after it."""
        self._looked = True
        fold: Fold = pickle.loads(self._copy)  # noqa: S301 - made above, in this process
        *before, last = self._since
        fold.apply(before)
        for record in _steps(fold, last):
            fold.apply([record])
            _rest(fold)
            yield figures(fold)


def _rest(fold: Fold) -> None:
    """Let evidence fall as far as the time without events asks for: a fold puts that off to the next event."""
    engine = fold.engine
    rows = np.array(sorted(engine.scopes.owner), np.int64)
    table, view = engine.scopes.table.rows, taken(engine.scopes.table.rows, rows)
    step.rest(view, taken(engine.scopes.links.rows, rows), engine.settled(0), engine.bucket_ms)
    put(table, rows, view)


def _steps(fold: Fold, last: LogRecord) -> Iterator[LogRecord]:
    """The tick in steps that settle whole minutes; at once where nothing was settled before."""
    tick, start_ms = last.value, fold.partitions[0].clock.stream_ms
    assert isinstance(tick, log.Tick)  # noqa: S101 - for the type checker
    end_ms = max((each.newest_ms for each in tick.sources), default=0)
    step_ms = max(1, -(-(end_ms - start_ms) // (MOST_STEPS * MINUTE_MS))) * MINUTE_MS
    behind_ms = (fold.engine.lateness - 1) * fold.engine.bucket_ms % MINUTE_MS
    first_ms = (start_ms - behind_ms) // MINUTE_MS * MINUTE_MS + behind_ms + MINUTE_MS
    offset = last.offset
    for at_ms in range(first_ms, end_ms, step_ms) if start_ms else ():
        sources = [msgspec.structs.replace(each, newest_ms=at_ms) for each in tick.sources]
        yield LogRecord(last.partition, offset, at_ms, msgspec.structs.replace(tick, sources=sources))
        offset += 1
    yield last._replace(offset=offset)
