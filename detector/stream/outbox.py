"""Sending with proof: every record is awaited, and one that the broker does not take stops the process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NoReturn

from detector.stream.exits import die

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Sequence

    from faust.types import RecordMetadata
    from faust.types.transports import ProducerT

    from detector.config.setting_types import Settings
    from detector.metrics import Process, Sink
    from detector.stream.vitals import Vitals

REQUEST_TIMEOUT_S: Final = 30.0
ACK_TIMEOUT_S: Final = REQUEST_TIMEOUT_S + 5.0


class Outbox:
    """The producer behind a fence. All its methods end the process when sending fails."""

    def __init__(self, settings: Settings, producer: ProducerT, vitals: Vitals, metrics: Process) -> None:
        self._log = settings.intake_topic, settings.partitions
        self._producer = producer
        self._vitals = vitals
        self._metrics = metrics

    async def send(
        self,
        sink: Sink,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> Awaitable[RecordMetadata]:
        """Hand a record to the producer; the result is to be given to `settle`."""
        try:
            self._vitals.check()
            return await self._producer.send(topic, key, value, partition, None, list(headers))
        except Exception as error:  # noqa: BLE001 - whatever it is, it was not sent
            self._fail(sink, error)

    async def spread(self, value: bytes) -> None:
        """Have `value` acknowledged by every partition of the log."""
        topic, partitions = self._log
        await self.settle("log", [await self.send("log", topic, value, partition=each) for each in range(partitions)])

    async def settle(self, sink: Sink, sent: Iterable[Awaitable[RecordMetadata]]) -> list[RecordMetadata]:
        """Wait until the broker has acknowledged all of `sent`."""
        try:
            acknowledged = await asyncio.wait_for(asyncio.gather(*sent), ACK_TIMEOUT_S)
        except Exception as error:  # noqa: BLE001 - whatever it is, it was not acknowledged
            self._fail(sink, error)
        self._metrics.sent(sink, len(acknowledged))
        return acknowledged

    def _fail(self, sink: Sink, error: Exception) -> NoReturn:
        self._metrics.send_failed(sink)
        die(f"a record for the {sink} was not taken", error)
