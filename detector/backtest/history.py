"""Events as the log that intake would have written of them: one partition, rows and ticks by event time.

Events are fed in chunks of at most an hour of event time (cut at the same moment of each hour) or `MOST` events, with
one tick behind each. A deploy begins a new chunk, and what came in the minutes before it stands in a chunk of its own:
so all before a deploy is judged without it, as it was then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from detector.events import AnyEvent, Deploy
from detector.fold import LogRecord
from detector.policy import Ruleset, StreamSettings
from detector.units import HOUR_MS
from detector.wire import log
from detector.wire.rows import RowsBuilder

MOST: Final = 20_000
FRESH_MS: Final = 480_000
"""Events so shortly before a deploy are fed by themselves: the fold judges ten minutes of open buckets at once."""
SILENT_MS: Final = 120_000
"""Time without events that a tick of its own tells of."""
SUBJECT_KEY: Final = bytes(16)
"""Pseudonyms of subjects never leave the run, and the same history must give the same ones."""


class Chunk(NamedTuple):
    """Events in the order read, with the least of their times."""

    events: Sequence[AnyEvent]
    low_ms: int


def chunks(batches: Iterable[Sequence[AnyEvent]], lateness_ms: int) -> Iterator[Chunk]:
    """Cuts nearly ordered events (their times are epoch ms) into chunks, holding no more than one of them.

    Hours end `lateness_ms` after those of the clock, so that what a tick settles is nearly a whole hour.
    """
    held: list[AnyEvent] = []
    low_ms = end_ms = 0
    for batch in batches:
        for event in batch:
            at_ms: int = event.time  # type: ignore[assignment]  # decoded: epoch ms
            is_deploy = type(event) is Deploy
            if held and (at_ms >= end_ms or len(held) >= MOST or (is_deploy and type(held[-1]) is not Deploy)):
                yield from _parts(held, low_ms, at_ms - FRESH_MS if is_deploy else None)
                held = []
            if not held or at_ms < low_ms:
                low_ms = at_ms
                end_ms = ((at_ms - lateness_ms) // HOUR_MS + 1) * HOUR_MS + lateness_ms
            held.append(event)
    if held:
        yield Chunk(held, low_ms)


def _parts(held: Sequence[AnyEvent], low_ms: int, cut_ms: int | None) -> Iterator[Chunk]:
    """One chunk, or two: what is older than `cut_ms`, and the rest."""
    if cut_ms is None or low_ms >= cut_ms:
        yield Chunk(held, low_ms)
        return
    yield Chunk([each for each in held if times(each) < cut_ms], low_ms)
    fresh = [each for each in held if times(each) >= cut_ms]
    if fresh:
        yield Chunk(fresh, min(map(times, fresh)))


def times(event: AnyEvent) -> int:
    """Time of a decoded event, epoch ms."""
    return event.time  # type: ignore[return-value]


class Writer:
    """Gives the records of the log, in order. `stream`: what the rulesets that read it have in common."""

    def __init__(self, stream: StreamSettings) -> None:
        self._builder = RowsBuilder(1, SUBJECT_KEY)
        self._ahead_ms = int(stream.ahead_s * 1000)
        self._flush_ms = int(stream.lateness_s * 1000) + 2 * int(stream.bucket_s * 1000)
        self._offset = -1
        self._through = -1
        self._newest_ms = 0

    def begin(self, ruleset: Ruleset) -> LogRecord:
        """The policy file; to be applied before anything else, at offset 0 of the log."""
        self._offset = max(self._offset, 0)
        return LogRecord(0, 0, 0, log.Settings(version=ruleset.version, ruleset=msgspec.json.encode(ruleset)))

    def records(self, chunk: Chunk) -> Iterator[LogRecord]:
        """Rows and ticks of a chunk. Time that passed without events has passed before its rows come.

        What lies further ahead than the settings allow does not move the clock: the fold counts it as ahead.
        """
        if chunk.low_ms > self._newest_ms:
            silent = 0 < self._newest_ms < chunk.low_ms - SILENT_MS
            self._newest_ms = chunk.low_ms
            if silent:
                yield self._tick()
        before = self._through
        self._through += len(chunk.events)
        self._builder.add_all(0, range(before + 1, self._through + 1), chunk.events)
        latest_ms = self._newest_ms + self._ahead_ms
        self._newest_ms = max([self._newest_ms, *(at_ms for at_ms in map(times, chunk.events) if at_ms <= latest_ms)])
        for message in self._builder.build({0: self._through}, lambda *_: before):
            yield self._record(log.decode(message.value))
        yield self._tick()

    def end(self) -> Iterator[LogRecord]:
        """A last tick, so late that the last event's bucket is final."""
        self._newest_ms += self._flush_ms
        yield self._tick()

    def _tick(self) -> LogRecord:
        report = log.SourceReport(source=0, through=self._through, end=self._through + 1, newest_ms=self._newest_ms)
        return self._record(log.Tick(worker="backtest", sources=[report]))

    def _record(self, value: log.Record) -> LogRecord:
        self._offset += 1
        return LogRecord(0, self._offset, self._newest_ms, value)
