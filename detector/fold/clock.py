"""The stream clock of one log partition: how far event time has surely got, by what all workers have ticked.

S moves only at ticks: the least newest-event time of the source partitions with a backlog, capped at log time; where
all are at their end it is the log time itself (with `clock: events` the newest event time). It never goes back.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from detector.policy import StreamSettings
from detector.wire.log import SourceReport, Tick

BLIND_MS: Final = 300_000
"""A source partition that is stalled, or of which nobody has spoken, for so long is left out of the clock."""


class Source(Struct, array_like=True):
    """The last word on a source partition and when it was said; `stalled_ms`: since when it stands still (0: not)."""

    report: SourceReport
    log_ms: int
    stalled_ms: int = 0


class StreamClock(Struct, array_like=True):
    """Log time and stream time of one partition, epoch ms; 0 before the first tick."""

    sources: dict[int, Source] = {}
    stream_ms: int = 0
    log_ms: int = 0

    def tick(self, tick: Tick, log_ms: int, settings: StreamSettings) -> None:
        """Take in a tick that the log holds at `log_ms`."""
        self.log_ms = max(self.log_ms, log_ms)
        for report in tick.sources:
            known = self.sources.get(report.source)
            since = (known.stalled_ms if known else 0) or log_ms
            self.sources[report.source] = Source(report, log_ms, since if report.stalled else 0)
        self.stream_ms = max(self.stream_ms, self._now(settings))

    def blind(self) -> tuple[int, ...]:
        """Source partitions that the clock has to do without."""
        return tuple(sorted(number for number, source in self.sources.items() if self._is_blind(source)))

    def behind_ms(self, log_ms: int) -> int:
        """How far the stream clock is behind a log time."""
        return log_ms - self.stream_ms

    def _is_blind(self, source: Source) -> bool:
        stalled = source.stalled_ms and self.log_ms - source.stalled_ms >= BLIND_MS
        return bool(stalled) or self.log_ms - source.log_ms >= BLIND_MS

    def _now(self, settings: StreamSettings) -> int:
        seen = [source.report for source in self.sources.values() if not self._is_blind(source)]
        behind = [report.newest_ms for report in seen if report.through < report.end - 1]
        if settings.clock == "events":
            return min(behind) if behind else max((report.newest_ms for report in seen), default=0)
        return min([self.log_ms, *behind])
