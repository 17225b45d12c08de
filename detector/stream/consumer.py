"""The fold: Faust's consumer delivers one message per poll and topic, that carries all records of all partitions.

Faust's cost per message (70 us and more) is then paid per poll, and a step can await all its acknowledgements once.
Folded topics have acknowledgements off: what may be committed is what `declare` was told, nothing else. Pull: the next
poll waits until the steps of the last one have ended, so nothing queues up and latency stays one step.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP

from detector.stream.batch import Batch, Lead, as_message
from detector.stream.thread import FoldThread, Polled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from aiokafka.structs import ConsumerRecord
    from faust.types import ConsumerMessage
    from faust.types.transports import TPorTopicSet

    from detector.stream.app import App


class FoldConsumer(Consumer):
    """Consumer of an app whose `folded` maps topics to the most records that one poll of them brings."""

    app: App
    _thread: FoldThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - handed on to Faust
        self._pending: set[Batch] = set()  # handed out and not finished
        self._working: set[Batch] = set()  # of them those that an agent has in hand
        self._idle = asyncio.Event()
        self._floors: dict[TP, int] = {}
        self._next: dict[TP, int] = {}
        self._stalled: set[TP] = set()
        self._owns = False  # what it read since the last seek is its own to commit
        self.committed: Mapping[TP, int | None] = {}
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> FoldThread:
        return FoldThread(self, loop=self.loop, beacon=self.beacon)

    # -- positions

    @property
    def epoch(self) -> int:
        """Counts the seeks to the committed offsets; `committed` is what the last one found."""
        return self._thread.epoch

    @property
    def is_aligned(self) -> bool:
        """Whether polls hand out records: not from the start of a rebalance to the end of recovery."""
        return self._thread.aligned and self.flow_active

    def owned(self, topic: str) -> set[int]:
        """Partitions of `topic` that this worker holds."""
        return {tp.partition for tp in self.assignment() if tp.topic == topic}

    def end_of(self, tp: TP) -> int | None:
        """End offset that the last fetch saw, None before the first."""
        return self.highwater(tp) if tp in self.assignment() else None

    def next_of(self, tp: TP) -> int:
        """Offset after the last one that a finished step held; where reading began, before the first."""
        return self._next.get(tp, self.committed.get(tp) or 0)

    def stall(self, tp: TP) -> None:
        """Read no more of `tp` until partitions are assigned again."""
        self._stalled.add(tp)

    def is_stalled(self, tp: TP) -> bool:
        """Whether `tp` was stalled since partitions were assigned."""
        return tp in self._stalled

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek, and remember what was committed. A batch that no agent has begun comes again."""
        self._forget_queued()
        self._stalled.clear()
        self._next.clear()
        self.committed = committed = await self._thread.seek_to_committed()
        self._owns = True
        return committed

    # -- polls

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 - Faust's
        """One poll: a batch for each folded topic, and the records of other topics one by one."""
        await self._steps_ended()
        polled, active = await self._wait_next_records(timeout)
        # Not before: what a poll of the new generation has drained must not be lost.
        generation_id = self.app.consumer_generation_id
        if not polled or self.should_stop:
            return
        for lead, batch in self._fold(cast("Polled", polled)):
            if not self.flow_active:
                return
            self._pending.add(batch)
            yield lead.tp, as_message(batch, lead, generation_id)
        for tp, record in self.scheduler.iterate(self._changelog(cast("Polled", polled))):
            if not self.flow_active:
                return
            if active is None or tp in active:
                yield tp, self._to_message(tp, record)

    def _fold(self, polled: Polled) -> Iterator[tuple[Lead, Batch]]:
        """Batches by topic. What was drained before the last seek is dropped: the seek made it come again."""
        if polled.epoch != self._thread.epoch or not self._thread.aligned:
            return
        for topic in self.app.folded:
            records = {tp.partition: polled[tp] for tp in polled if tp.topic == topic}
            if records:
                partition, last = next((p, each[-1].offset) for p, each in records.items())
                yield Lead(TP(topic, partition), last), Batch(self, topic, polled.epoch, records)

    def _changelog(self, polled: Polled) -> dict[TP, list[ConsumerRecord]]:
        """Records that recovery waits for. Only a seek makes them come again, so nothing else may drop them."""
        if polled.seeks != self._thread.seeks:
            return {}
        return {tp: records for tp, records in polled.items() if tp.topic not in self.app.folded}

    def begin_step(self, batch: Batch) -> None:
        """An agent has taken `batch`."""
        self._working.add(batch)

    def end_step(self, batch: Batch) -> None:
        """The agent is done with it."""
        self._working.discard(batch)
        self._pending.discard(batch)
        if batch.epoch == self.epoch:
            self._next |= {TP(batch.topic, partition): each[-1].offset + 1 for partition, each in batch.records.items()}
        self._idle.set()

    def stop_flow(self) -> None:
        """Stop polling. Batches that no agent has begun are thrown away: they will be read again."""
        super().stop_flow()
        self._forget_queued()

    def _forget_queued(self) -> None:
        """Wait no more for batches that no agent has begun."""
        self._pending &= self._working
        self._idle.set()

    async def _steps_ended(self) -> None:
        while self._pending:
            self._idle.clear()
            await self._idle.wait()

    # -- commits

    def declare(self, epoch: int, floors: Mapping[TP, int]) -> None:
        """Let `floors` (next offset to read, by partition) be committed, if they are of the present epoch."""
        if epoch == self.epoch:
            self._floors.update(floors)

    def _filter_tps_with_pending_acks(self, topics: TPorTopicSet | None = None) -> Iterator[TP]:
        return (tp for tp in list(self._floors) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._floors.get(tp)

    async def wait_empty(self) -> None:
        """End the steps in hand, make durable what they did, commit it. Called on revoke and on stop."""
        await self._steps_ended()
        if self._owns and self._thread.is_member:
            await self.app.release()
        self._owns = False
        await self.maybe_wait_for_commit_to_finish()  # it may have begun before the last floors were declared
        await self.commit_and_end_transactions()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish what is in hand, and only then forget positions: Faust does it the other way round."""
        await self._on_partitions_revoked(revoked)
        self._active_partitions.difference_update(revoked)
        self._paused_partitions.difference_update(revoked)
        for tp in revoked:
            self._read_offset.pop(tp, None)
            self._committed_offset.pop(tp, None)
        self._floors.clear()

    # -- the changelog

    def pause_partitions(self, tps: Iterable[TP]) -> None:
        """Stop handing out `tps`, and stop fetching those of the changelog: our own writes would come back."""
        tps = set(tps)
        super().pause_partitions(tps)
        self._thread.pause(filter(self._is_changelog_tp, tps), paused=True)

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Undo `pause_partitions`."""
        tps = set(tps)
        super().resume_partitions(tps)
        self._thread.pause(filter(self._is_changelog_tp, tps), paused=False)
