"""The thread that talks to Kafka for the consumer: it fetches, seeks and keeps the group membership alive.

Positions and epochs. After every change of assignment, Faust seeks to the committed offsets once recovery is over. In
between, what has been fetched must not be handed out: it would be read again after the seek, or, where nothing was
committed yet and Faust does not seek at all, be lost. So folded topics are drained only while `aligned`, and every
drain carries the `epoch` of the last seek; both change in this thread only, so no lock is needed. Nor are they drained
before the rebalance has ended: a moment after the seek, Faust empties the queues of all agents.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from faust.transport.consumer import ensure_TP
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, ensure_aiokafka_TP

from detector import logs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiokafka import AIOKafkaConsumer
    from aiokafka.structs import ConsumerRecord
    from faust.transport.drivers.aiokafka import Transport
    from faust.types import TP

    from detector.stream.app import App

FETCH_WAIT_MS: Final = 20
"""How long the broker may sit on an empty fetch. A partition that was just drained waits for it, so it is latency."""
FETCH_MAX_BYTES: Final = 16 * 1024 * 1024
LEAVE_TIMEOUT_S: Final = 5.0
"""For the farewell to the group, which a broker does not hear while it holds back the answer to a join."""


class Polled(dict["TP", "list[ConsumerRecord]"]):
    """Records by partition, with the epoch, and the number of recovery's seeks, after which they were drained."""

    epoch: int = 0
    seeks: int = 0


class FoldThread(AIOKafkaConsumerThread):
    """Faust's consumer thread with short fetches, a cap per topic, and seeks that no poll can overtake."""

    app: App
    aligned: bool = False
    epoch: int = 0
    seeks: int = 0

    def _create_worker_consumer(self, transport: Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - Faust hard-codes 1.5 s
        consumer._fetch_max_bytes = FETCH_MAX_BYTES  # noqa: SLF001 - Faust has no setting for it
        return consumer

    async def on_start(self) -> None:
        """Connect, then watch over the group heartbeats."""
        await super().on_start()
        consumer = self._ensure_consumer()
        # A partition with undrained records would hold up fetches of all others for this long.
        consumer._fetcher._prefetch_backoff = 0  # noqa: SLF001 - aiokafka passes it from nowhere
        coordinator = consumer._coordinator  # noqa: SLF001 - the only place that knows when a heartbeat succeeded
        beat = coordinator._do_heartbeat  # noqa: SLF001 - wrapped below

        async def do_heartbeat() -> bool:
            succeeded: bool = await beat()
            if succeeded:
                self.app.vitals.heartbeat()
            return succeeded

        coordinator._do_heartbeat = do_heartbeat  # noqa: SLF001 - aiokafka has no hook

    async def on_thread_stop(self) -> None:
        """Leave the group and disconnect; all that had to be durable is by now."""
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                await super().on_thread_stop()
        except TimeoutError:
            logs.warning("group_not_left", reason="a rebalance is under way, or the broker does not answer")

    @property
    def is_member(self) -> bool:
        """Whether the group still knows this worker; False once it was thrown out."""
        return bool(self._ensure_consumer()._coordinator.generation >= 0)  # noqa: SLF001 - -1 says: rejected

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """A rebalance begins: nothing more is handed out."""
        self.aligned = False
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """A rebalance ended; joining counts as a heartbeat."""
        self.aligned = False
        self.app.vitals.heartbeat()
        await super().on_partitions_assigned(assigned, generation_id)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek all partitions to what is committed, folded ones without a commit (None) to their beginning."""
        committed: Mapping[TP, int] = await self.call_thread(self._rewind)
        return committed

    async def _seek_wait(self, consumer: AIOKafkaConsumer, partitions: Mapping[TP, int]) -> None:
        """Recovery begins to read the changelog: what was drained before comes again."""
        self.seeks += 1
        await super()._seek_wait(consumer, partitions)

    async def _rewind(self) -> dict[TP, int | None]:
        self.aligned = False
        consumer = self._ensure_consumer()
        committed = {ensure_TP(tp): offset for tp, offset in (await consumer.seek_to_committed()).items()}
        unread = [tp for tp, offset in committed.items() if not offset and tp.topic in self.app.folded]
        if unread:
            await consumer.seek_to_beginning(*map(ensure_aiokafka_TP, unread))
        self.epoch += 1
        self.aligned = True
        return committed

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> Polled:
        polled = await self._drain(consumer, active_partitions, max_records)
        if not polled:
            await self._wait_for_data(consumer, timeout or 0)
            polled = await self._drain(consumer, active_partitions, max_records)
        return polled

    async def _drain(self, consumer: AIOKafkaConsumer, active: Iterable[TP], max_records: int | None) -> Polled:
        """All that is here, up to each topic's cap. Does not wait."""
        polled = Polled()
        for topic, tps in self._readable(active).items():
            cap = self.app.folded.get(topic, max_records)
            polled.update(await super()._fetch_records(consumer, tps, timeout=0, max_records=cap))
            if topic not in self.app.folded:
                polled.seeks = self.seeks
        polled.epoch = self.epoch
        return polled

    def _readable(self, active: Iterable[TP]) -> dict[str, set[TP]]:
        """Those of the `active` partitions that may be drained now, by topic."""
        groups: dict[str, set[TP]] = {}
        settled = self.aligned and not self.app.rebalancing
        for tp in list(active):
            if tp.topic not in self.app.folded or (settled and not self.app.folding.is_stalled(tp)):
                groups.setdefault(tp.topic, set()).add(tp)
        return groups

    async def _wait_for_data(self, consumer: AIOKafkaConsumer, timeout_s: float) -> None:
        """Until some partition has new records, or `timeout_s` has passed. Raises what fetching raised."""
        waiter = consumer._fetcher._create_fetch_waiter()  # noqa: SLF001 - the public call drains while it waits
        done, _ = await asyncio.wait([waiter], timeout=timeout_s)
        waiter.result() if done else waiter.cancel()

    def pause(self, tps: Iterable[TP], *, paused: bool) -> None:
        """Stop or start fetching `tps`. Callable from other threads; what is no longer assigned is skipped."""
        self.thread_loop.call_soon_threadsafe(self._pause, list(tps), paused)

    def _pause(self, tps: list[TP], paused: bool) -> None:
        consumer = self._ensure_consumer()
        mine = consumer.assignment().intersection(map(ensure_aiokafka_TP, tps))
        (consumer.pause if paused else consumer.resume)(*mine)
