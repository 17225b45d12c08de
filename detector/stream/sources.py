"""What this worker knows of the source partitions that it owns: what the log has of them, and what it was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.wire.log import SourceReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from detector.wire.pieces import Message


class Source:
    """One source partition. `sent`: by log partition, the last offset whose range was sent there."""

    __slots__ = ("newest_ms", "sent", "stalled", "through")

    def __init__(self, start: int, log_partitions: int) -> None:
        self.through = start - 1
        self.sent = [start - 1] * log_partitions
        self.newest_ms = 0
        self.stalled = False


class Sources:
    """All of them, since reading began at the committed offsets (`epoch`)."""

    def __init__(self, log_partitions: int) -> None:
        self._log_partitions = log_partitions
        self._sources: dict[int, Source] = {}
        self.epoch = 0

    def begin(self, epoch: int, committed: Mapping[int, int | None]) -> None:
        """Reading begins at `committed` (next offset by source partition, None: nothing), unless it already has."""
        if epoch != self.epoch:
            self.epoch = epoch
            self._sources = {source: Source(start or 0, self._log_partitions) for source, start in committed.items()}

    def prev(self, partition: int, source: int) -> int:
        """Up to where log partition `partition` was told of `source`."""
        return self._sources[source].sent[partition]

    def acknowledge(
        self, through: Mapping[int, int], newest_ms: Mapping[int, int], messages: Iterable[Message]
    ) -> None:
        """The log has everything up to `through`, in `messages`."""
        for message in messages:
            for source, _, high in message.ranges:
                self._sources[source].sent[message.partition] = high
        for source, offset in through.items():
            state = self._sources[source]
            state.through = offset
            state.newest_ms = max(state.newest_ms, newest_ms[source])

    def stall(self, source: int) -> None:
        """`source` holds too much that can't be used; it is read no further."""
        self._sources[source].stalled = True

    def reports(self, end_of: Callable[[int], int | None]) -> list[SourceReport] | None:
        """What a tick says; None while the end of some partition isn't known yet: it would pass for read to its end."""
        ends = {source: end_of(source) for source in self._sources}
        if None in ends.values():
            return None
        return [
            SourceReport(
                source, state.through, max(ends[source] or 0, state.through + 1), state.newest_ms, state.stalled
            )
            for source, state in sorted(self._sources.items())
        ]
