"""The second stage: the fold of the log. What it says goes out at once; what it remembers becomes the checkpoint."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from faust.types import TP

from detector import logs
from detector.errors import BrokenWorld
from detector.fold import LogRecord
from detector.stream import crash
from detector.wire import log
from detector.wire.cloudevents import alert_message, breaker_message, heartbeat_message

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detector.config.setting_types import Settings
    from detector.events import Alert, Breaker, Heartbeat
    from detector.fold import Fold
    from detector.metrics import Sink
    from detector.stream.batch import Batch
    from detector.stream.checkpoint import Checkpoint
    from detector.stream.consumer import FoldConsumer
    from detector.stream.figures import Figures
    from detector.stream.outbox import Outbox
    from detector.stream.table import PolicyTable
    from detector.wire.cloudevents import OutputMessage

HEARTBEAT_S: Final = 5.0
PIECE_BYTES: Final = 4 * 1024 * 1024
"""Log records that are applied without letting the loop turn: some 70,000 rows, a tenth of a second."""
LIVE_S: Final = 30.0
"""A heartbeat older than this is an echo of a replay: it renews nothing, so it is not sent."""


class Watch:
    """Applies polls of the log to the fold, and sends what comes of it before the step ends."""

    def __init__(
        self,
        settings: Settings,
        fold: Fold,
        table: PolicyTable,
        consumer: FoldConsumer,
        outbox: Outbox,
        checkpoint: Checkpoint,
        figures: Figures,
    ) -> None:
        self._settings = settings
        self._fold = fold
        self._table = table
        self._consumer = consumer
        self._outbox = outbox
        self._checkpoint = checkpoint
        self._figures = figures
        self._owned: set[int] = set()
        self._renewed_s: dict[int, float] = {}
        self.epoch = 0

    async def step(self, batch: Batch) -> None:
        """One poll: apply, send, await, and a slice of the checkpoint."""
        if batch.epoch != self.epoch:
            await self._load(batch.epoch)
        for piece in _pieces(batch):
            outcome = self._fold.apply(piece)
            await self._publish(outcome.alerts, outcome.breakers, outcome.heartbeats)
            await asyncio.sleep(0)  # the loop turns, however much a poll brought
        await self._checkpoint.advance()

    async def release(self) -> None:
        """Make durable all that was applied, if it was of the present epoch."""
        if self.epoch == self._consumer.epoch:
            await self._checkpoint.complete()

    async def _load(self, epoch: int) -> None:
        """Take the state of all owned partitions from the table. Raises BrokenWorld when it can't be complete."""
        owned = self._consumer.owned(self._settings.intake_topic)
        if owned != self._table.held:
            raise BrokenWorld(
                f"this worker owns partitions {sorted(owned)} of {self._settings.intake_topic} but "
                f"{sorted(self._table.held)} of {self._table.changelog_topic_name}: both topics need the same count"
            )
        self._figures.loaded(())
        for partition in self._owned:
            self._fold.revoke(partition)
        sealed = dict[int, int]()
        for partition in sorted(owned):
            seal = self._fold.assign(partition, self._table.values_of(partition))
            committed = self._consumer.committed.get(TP(self._settings.intake_topic, partition))
            self._prove(partition, seal, committed)
            sealed[partition] = -1 if seal is None else seal
            await asyncio.sleep(0)
        crash.point("recovery")
        self._owned, self.epoch = owned, epoch
        self._checkpoint.begin(epoch, sealed)
        self._figures.loaded(owned)
        logs.info("state_recovered", partitions=sorted(owned))
        if self._table.ignored:
            logs.warning("changelog_records_ignored", count=self._table.ignored)

    def _prove(self, partition: int, seal: int | None, committed: int | None) -> None:
        """The commit followed a seal; so a table whose seal is behind the commit lacks records."""
        if committed and (seal is None or seal < committed - 1):
            logs.error("state_incomplete", partition=partition, seal=seal, position=committed)
            raise BrokenWorld(
                f"the table's seal of partition {partition} is {seal}, but {committed} is committed: the changelog was "
                "not read to its end, or lost records. A restart reads it again; if this stays, restore the changelog"
            )

    async def _publish(
        self, alerts: Sequence[Alert], breakers: Sequence[Breaker], heartbeats: Sequence[Heartbeat]
    ) -> None:
        """Alerts first: a directive must not be without its reason."""
        await self._send_all("alerts", self._settings.alerts_topic, [alert_message(each) for each in alerts])
        live = [each for each in heartbeats if self._is_due(each)]
        messages = [breaker_message(each) for each in breakers] + [heartbeat_message(each) for each in live]
        await self._send_all("breakers", self._settings.breakers_topic, messages)
        self._figures.published(alerts, breakers, len(live))

    def _is_due(self, heartbeat: Heartbeat) -> bool:
        """Whether a partition's heartbeat is live, and the last one long enough ago."""
        log_s = heartbeat.log_time.timestamp()
        if abs(time.time() - log_s) > LIVE_S or log_s - self._renewed_s.get(heartbeat.partition, 0.0) < HEARTBEAT_S:
            return False
        self._renewed_s[heartbeat.partition] = log_s
        return True

    async def _send_all(self, sink: Sink, topic: str, messages: Sequence[OutputMessage]) -> None:
        sent = [
            await self._outbox.send(sink, topic, each.value, key=each.key, headers=each.headers) for each in messages
        ]
        if sent:
            await self._outbox.settle(sink, sent)


def _pieces(batch: Batch) -> Iterator[list[LogRecord]]:
    """The records of a poll, decoded, in pieces of bounded size. Raises DecodeError: nobody else writes the log."""
    piece, size = list[LogRecord](), 0
    for partition, records in batch.records.items():
        for record in records:
            piece.append(LogRecord(partition, record.offset, record.timestamp, log.decode(record.value)))
            size += len(record.value)
            if size > PIECE_BYTES:
                yield piece
                piece, size = [], 0
    yield piece
