"""Ticks: each second every worker tells every log partition how far it has come; only this moves the stream clock."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Final

from faust.types import TP

from detector.wire import log

if TYPE_CHECKING:
    from detector.config.setting_types import Settings
    from detector.stream.announcer import Announcer
    from detector.stream.consumer import FoldConsumer
    from detector.stream.outbox import Outbox
    from detector.stream.sources import Sources

INTERVAL_S: Final = 1.0


class Ticker:
    """Sends ticks, and lets the offsets be committed that an acknowledged tick has told to every log partition.

    That order is what a restart relies on: its first ranges begin at the commit, and no log partition may miss what
    lies before.
    """

    def __init__(
        self, settings: Settings, consumer: FoldConsumer, outbox: Outbox, sources: Sources, announcer: Announcer
    ) -> None:
        self._topic = settings.events_topic
        self._consumer = consumer
        self._outbox = outbox
        self._sources = sources
        self._announcer = announcer
        self._worker = f"{socket.gethostname()}:{os.getpid()}"

    async def run(self) -> None:
        """Tick for ever, while the partitions are this worker's."""
        while True:
            await asyncio.sleep(INTERVAL_S)
            if self._consumer.is_aligned:
                await self.tick()

    async def begin(self) -> int:
        """What comes before all that this worker writes: its policies are in the log, its sources begun. The epoch."""
        await self._announcer.announce()
        committed = {tp.partition: at for tp, at in self._consumer.committed.items() if tp.topic == self._topic}
        self._sources.begin(self._consumer.epoch, committed)
        return self._sources.epoch

    async def tick(self) -> None:
        """Tell every log partition what the log has; commit up to there."""
        epoch = await self.begin()
        reports = self._sources.reports(lambda source: self._consumer.end_of(TP(self._topic, source)))
        if reports is None:
            return
        await self._outbox.spread(log.encode(log.Tick(worker=self._worker, sources=reports)))
        floors = {TP(self._topic, each.source): each.through + 1 for each in reports if each.through >= 0}
        self._consumer.declare(epoch, floors)
