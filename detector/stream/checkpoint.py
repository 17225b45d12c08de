"""The checkpoint: changed policies, then the seal, then the commit; a little after each step.

Slices run only between steps, when everything that the steps sent was acknowledged: a value must not include a
transition whose alert could still be lost.
"""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING, Final

from faust.types import TP

from detector.stream import crash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from detector.config.setting_types import Settings
    from detector.fold import Fold, Snapshot
    from detector.metrics import Checkpoints
    from detector.stream.consumer import FoldConsumer
    from detector.stream.outbox import Outbox
    from detector.stream.table import PolicyTable

TIME_SHARE: Final = 0.05
BYTES_PER_S: Final = 200_000
LONGEST_PAUSE_S: Final = 1.0
"""A slice's budget grows with the time since the last one, up to that of this pause: it blocks for 50 ms at most."""
LEAST_SLICE_S: Final = 0.001

Item = tuple[int, bytes, bytes]
"""Partition, key, value."""


class Checkpoint:
    """Of one fold. A snapshot under way belongs to an epoch; `begin` forgets it."""

    def __init__(
        self,
        settings: Settings,
        fold: Fold,
        table: PolicyTable,
        consumer: FoldConsumer,
        outbox: Outbox,
        metrics: Checkpoints,
    ) -> None:
        self._topic = settings.intake_topic
        self._interval_s = settings.checkpoint_interval_s
        self._fold = fold
        self._table = table
        self._consumer = consumer
        self._outbox = outbox
        self._metrics = metrics
        self.begin(0, {})

    def begin(self, epoch: int, sealed: Mapping[int, int]) -> None:
        """The fold was loaded afresh. `sealed`: log position of the seal, by partition."""
        self._epoch = epoch
        self._sealed = sealed
        self._floors: dict[TP, int] = {}
        self._snapshot: Snapshot | None = None
        self._policies: Iterator[Item] = iter(())
        self._started_s = self._sliced_s = monotonic()

    async def advance(self) -> None:
        """One slice, when a checkpoint is under way or due."""
        now_s = monotonic()
        pause_s = min(now_s - self._sliced_s, LONGEST_PAUSE_S)
        if self._snapshot is None:
            if now_s - self._started_s < self._interval_s:
                return
            self._take()
        self._sliced_s = now_s
        await self._slice(max(pause_s * TIME_SHARE, LEAST_SLICE_S), int(pause_s * BYTES_PER_S))

    async def complete(self) -> None:
        """All of what the fold holds now, at once: before partitions go, and before the process ends."""
        while self._snapshot is not None:
            await self._slice(LONGEST_PAUSE_S, BYTES_PER_S)
        self._take()
        while self._snapshot is not None:
            await self._slice(LONGEST_PAUSE_S, BYTES_PER_S)

    def _take(self) -> None:
        self._started_s = monotonic()
        self._snapshot = self._fold.snapshot()
        self._policies = iter(self._snapshot.policies())
        floors = {TP(self._topic, partition): floor for partition, floor in self._snapshot.floors.items()}
        self._floors = {tp: floor for tp, floor in floors.items() if self._is_refilled(tp)}

    def _is_refilled(self, tp: TP) -> bool:
        """Whether a partition was read past its seal. Before, its fold does not know which buckets are open."""
        return self._consumer.next_of(tp) > self._sealed.get(tp.partition, -1)

    async def _slice(self, budget_s: float, budget_bytes: int) -> None:
        end_s, items = monotonic() + budget_s, list[Item]()
        for item in self._policies:
            items.append(item)
            budget_bytes -= len(item[2])
            if budget_bytes <= 0 or monotonic() > end_s:
                await self._write(items)
                crash.point("checkpoint_slice")
                return
        await self._write(items)
        await self._seal()

    async def _seal(self) -> None:
        assert self._snapshot is not None  # noqa: S101 - for the type checker: a slice belongs to a snapshot
        crash.point("before_seal")
        await self._write(self._snapshot.seals())
        crash.point("after_seal")
        self._consumer.declare(self._epoch, self._floors)
        self._snapshot = None
        self._metrics.seconds.observe(monotonic() - self._started_s)
        self._metrics.last_success.set(time())

    async def _write(self, items: Iterable[Item]) -> None:
        items = list(items)
        topic = self._table.changelog_topic_name
        sent = [
            await self._outbox.send("changelog", topic, value, key=key, partition=partition)
            for partition, key, value in items
        ]
        acknowledged = await self._outbox.settle("changelog", sent)
        for (partition, key, value), where in zip(items, acknowledged, strict=True):
            self._table.stored(partition, key, value, where.offset)
        self._metrics.bytes.inc(sum(len(value) for _, _, value in items))
