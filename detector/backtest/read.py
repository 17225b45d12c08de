"""Sources as one nearly ordered flow of decoded events; what can't be used is counted and told, nothing is swallowed.

Each source must be nearly in order of time by itself; several are merged by the times of their next events. A source
is opened when its turn comes, so a history of a thousand files holds one or two of them open.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Final

from detector.backtest.history import times
from detector.backtest.result import BadLine, Quality
from detector.backtest.sources import Advance, Block, Source
from detector.errors import BadRecord, ConfigError, PoisonedPartition, Problem
from detector.events import AnyEvent
from detector.wire.adapters.interface import Format
from detector.wire.deadletters import DeadLetterLimit

SHOWN: Final = 20
"""Bad lines that are kept with their places."""
MOST_IN_A_ROW: Final = 1000
FIRST_BAD: Final = 200
"""The same limits as in production: more bad lines than good ones in the long run, and a source is not what it should
be."""

Events = list[AnyEvent]


class Reader:
    """Reads sources once.

    Args:
        sources: at least one.
        make: gives a new decoder of the sources' format.
        now_ms: epoch ms; events more than a day later are refused, as in production.
        span_ms: event times [from, to) that count; None is open.
        tell: called with each of the first bad lines.
        advance: called with the bytes that were read.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        make: Callable[[], Format],
        now_ms: int,
        span_ms: tuple[int | None, int | None] = (None, None),
        tell: Callable[[BadLine], None] | None = None,
        advance: Advance | None = None,
    ) -> None:
        self._sources = sources
        self._make = make
        self._format = make()
        self._now_ms = now_ms
        self._span_ms = span_ms
        self._tell = tell
        self._advance = advance or _ignore
        self._limit = DeadLetterLimit(bad_per_good=1, max_consecutive=MOST_IN_A_ROW, allowance=FIRST_BAD)
        self._read = self._events = self._outside = 0
        self._reasons: Counter[str] = Counter()
        self._bad: list[BadLine] = []

    def batches(self) -> Iterator[Events]:
        """All events, in batches of some hundred. Raises ConfigError when a source holds almost nothing usable."""
        if len(self._sources) == 1:
            yield from self._decoded(0)
            return
        heap = [(stream.head_ms, i, stream) for i, stream in enumerate(map(self._stream, range(len(self._sources))))]
        heapq.heapify(heap)
        while heap:
            _, i, stream = heapq.heappop(heap)
            yield from stream.until(heap[0][0] if heap else math.inf)
            if stream.head_ms < math.inf:
                heapq.heappush(heap, (stream.head_ms, i, stream))

    def quality(self) -> Quality:
        """What was read so far; the fold's own counts are still missing."""
        return Quality(
            read=self._read,
            events=self._events,
            outside=self._outside,
            bad=self._reasons.total(),
            bad_reasons=dict(sorted(self._reasons.items())),
            bad_lines=tuple(self._bad),
            unmapped=dict(sorted(self._format.unmapped.items())),
            ignored=dict(sorted(self._format.ignored.items())),
        )

    # --- sources ------------------------------------------------------------------------------------------------------

    def _stream(self, index: int) -> _Stream:
        """A source before its turn: a file is looked into and closed again, anything else stays open."""
        source = self._sources[index]
        if not source.rewinds:
            return _Stream(self._decoded(index), None)
        probe, first_ms = self._make(), -math.inf
        with closing(source.blocks(_ignore)) as blocks:
            for block in blocks:
                good = _good(probe, block, self._now_ms)
                if good:
                    first_ms = times(good[0])
                    break
        return _Stream(self._decoded(index), first_ms)

    def _decoded(self, index: int) -> Iterator[Events]:
        source = self._sources[index]
        for block in source.blocks(self._advance):
            self._read += len(block.values)
            events = None
            if block.headers is None and (values := _whole(block)) is not None:
                events = self._format.decode_all(values, self._now_ms)
            if events is None:
                events = self._one_by_one(index, block)
            else:
                self._limit.good(index, len(events))
            inside = self._inside(events)
            self._events += len(inside)
            if inside:
                yield inside

    def _one_by_one(self, index: int, block: Block) -> Events:
        found: Events = []
        for i in range(len(block.values)):
            try:
                found += _decode(self._format, block, i, self._now_ms)
            except BadRecord as error:
                self._note(index, block.numbers[i], error)
            else:
                self._limit.good(index)
        return found

    def _note(self, index: int, number: int, error: BadRecord) -> None:
        place = f"{self._sources[index].name}:{number}"
        self._reasons[error.reason] += 1
        if len(self._bad) < SHOWN:
            self._bad.append(BadLine(place=place, reason=str(error.reason), detail=error.detail))
            if self._tell is not None:
                self._tell(self._bad[-1])
        try:
            self._limit.bad(index)
        except PoisonedPartition:
            name, message = self._sources[index].name, f"holds almost nothing but bad records, the last is {number}: "
            raise ConfigError(
                [Problem(name, 0, 0, f"{message}{error.detail}; name another file or --format")]
            ) from None

    def _inside(self, events: Events) -> Events:
        from_ms, to_ms = self._span_ms
        if from_ms is None and to_ms is None:
            return events
        low, high = -math.inf if from_ms is None else from_ms, math.inf if to_ms is None else to_ms
        inside = [event for event in events if low <= times(event) < high]
        self._outside += len(events) - len(inside)
        return inside


class _Stream:
    """A source's events, and the time of the next (`head_ms`: infinite at its end)."""

    def __init__(self, batches: Iterator[Events], first_ms: float | None) -> None:
        self._batches = batches
        self._held: Events = []
        self.head_ms = math.inf if first_ms is None else first_ms
        if first_ms is None:
            self._fill()

    def until(self, limit_ms: float) -> Iterator[Events]:
        """Events up to the first that is later than `limit_ms`; at least one, if there is any."""
        if not self._held:
            self._fill()
        while self._held:
            place = next((i for i, each in enumerate(self._held) if times(each) > limit_ms), len(self._held))
            if place:
                yield self._held[:place]
                self._held = self._held[place:]
            if self._held:
                self.head_ms = times(self._held[0])
                return
            self._fill()

    def _fill(self) -> None:
        self._held = next(self._batches, [])
        self.head_ms = times(self._held[0]) if self._held else math.inf


def _decode(form: Format, block: Block, i: int, now_ms: int) -> Sequence[AnyEvent]:
    """The events of a record. Raises BadRecord."""
    value = block.values[i]
    if isinstance(value, BadRecord):
        raise value
    headers = block.headers[i] if block.headers else ()
    return form.decode(value, headers, now_ms, block.received_ms[i] if block.received_ms else None)


def _whole(block: Block) -> list[bytes | None] | None:
    """A block's records, if all of them are some."""
    found = [value for value in block.values if not isinstance(value, BadRecord)]
    return found if len(found) == len(block.values) else None


def _good(form: Format, block: Block, now_ms: int) -> Events:
    """The usable events of a block, for a first look."""
    found: Events = []
    for i in range(len(block.values)):
        try:
            found += _decode(form, block, i, now_ms)
        except BadRecord:
            continue
        if found:
            break
    return found


def _ignore(_: int) -> None:
    pass
