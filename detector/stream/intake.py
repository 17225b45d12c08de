"""The first stage: events of any producer, in any order of partitions, become columns in the log. It keeps no state."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from faust.types import TP

from detector import logs
from detector.errors import BadRecord, PoisonedPartition
from detector.events import DeadLetter, DeadLetterReason
from detector.stream import crash
from detector.wire import adapters
from detector.wire.deadletters import DeadLetterLimit, dead_letter_content, dead_letter_headers
from detector.wire.rows import RowsBuilder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka.structs import ConsumerRecord

    from detector.config.setting_types import Settings
    from detector.events import AnyEvent
    from detector.metrics import Metrics
    from detector.stream.batch import Batch
    from detector.stream.consumer import FoldConsumer
    from detector.stream.outbox import Outbox
    from detector.stream.sources import Sources
    from detector.stream.ticker import Ticker

FIRST_BAD_RECORDS: Final = 200
"""What a source partition may bring before its first good record."""
CHUNK_RECORDS: Final = 500
"""Records that are decoded in one call; one bad record among them, and they are decoded one by one."""


class _Bad(NamedTuple):
    record: ConsumerRecord
    error: BadRecord


class Intake:
    """Decodes a poll, sends what can't be used to the dead letters and the rest to the log, and awaits both."""

    def __init__(
        self,
        settings: Settings,
        consumer: FoldConsumer,
        outbox: Outbox,
        sources: Sources,
        ticker: Ticker,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._outbox = outbox
        self._sources = sources
        self._ticker = ticker
        self._metrics = metrics
        self._format = adapters.build(settings.format, settings.max_future_s, settings.format_options)
        self._told: set[str] = set()
        key = settings.subject_key
        self._rows = RowsBuilder(settings.partitions, key.reveal().encode() if key else b"")
        self._limit = _limit(settings)

    async def step(self, batch: Batch) -> None:
        """One poll. When it returns, the log has everything up to its end."""
        await self._ticker.begin()
        bad, newest_ms, through = list[_Bad](), dict[int, int](), dict[int, int]()
        for source, records in batch.records.items():
            through[source], newest_ms[source] = self._read(source, records, bad)
        await self._bury(bad)
        messages = self._rows.build(through, self._sources.prev)
        crash.point("before_send")
        topic = self._settings.intake_topic
        sent = [await self._outbox.send("log", topic, each.value, partition=each.partition) for each in messages]
        await self._outbox.settle("log", sent)
        crash.point("after_send")
        self._sources.acknowledge(through, newest_ms, messages)
        self._metrics.intake.records.inc(len(batch))

    def _read(self, source: int, records: Sequence[ConsumerRecord], bad: list[_Bad]) -> tuple[int, int]:
        """Decode `records`; the last offset that was dealt with, and the newest event time among them (0: none)."""
        now_ms, newest_ms, through = int(time.time() * 1000), 0, -1
        for first in range(0, len(records), CHUNK_RECORDS):
            chunk = records[first : first + CHUNK_RECORDS]
            offsets, through = [record.offset for record in chunk], chunk[-1].offset
            events = self._at_once(chunk, now_ms)
            if events is None:
                offsets, events, through = self._one_by_one(source, chunk, now_ms, bad)
            else:
                self._limit.good(source, len(chunk))
            self._rows.add_all(source, offsets, events)
            newest_ms = max([newest_ms, *(cast("int", event.time) for event in events)])
            if through < chunk[-1].offset:
                break
        self._tell()
        return through, newest_ms

    def _at_once(self, chunk: Sequence[ConsumerRecord], now_ms: int) -> list[AnyEvent] | None:
        """The events of `chunk`, None when one of them needs a look of its own."""
        if any(record.headers for record in chunk):
            return None
        return self._format.decode_all([record.value for record in chunk], now_ms)

    def _one_by_one(
        self, source: int, chunk: Sequence[ConsumerRecord], now_ms: int, bad: list[_Bad]
    ) -> tuple[list[int], list[AnyEvent], int]:
        """Events of the good ones, the offset of each, and how far the partition may be read.

        A record may give none, one or several: they share its offset, and `wire.pieces` keeps them in one message.
        """
        offsets: list[int] = []
        events: list[AnyEvent] = []
        for record in chunk:
            try:
                found = self._format.decode(record.value, record.headers, now_ms, record.timestamp)
            except BadRecord as error:
                if not self._may_bury(source):
                    return offsets, events, record.offset - 1
                bad.append(_Bad(record, error))
            else:
                events += found
                offsets += [record.offset] * len(found)
                self._limit.good(source)
        return offsets, events, chunk[-1].offset

    def _tell(self) -> None:
        """Say once of each field and reason what the format leaves out."""
        for field in self._format.unmapped.keys() - self._told:
            logs.info("field_unmapped", detail=field)
        for reason in self._format.ignored.keys() - self._told:
            logs.info("records_ignored", detail=reason)
        self._told |= self._format.unmapped.keys() | self._format.ignored.keys()

    def _may_bury(self, source: int) -> bool:
        """Count a bad record; when it is one too many, stop reading the partition."""
        try:
            self._limit.bad(source)
        except PoisonedPartition as error:
            logs.error("source_stalled", error, partition=source, reason="dead letters")
            self._sources.stall(source)
            self._consumer.stall(TP(self._settings.events_topic, source))
            return False
        return True

    async def _bury(self, bad: Sequence[_Bad]) -> None:
        """Have bad records in the dead-letter topic, as they came, with reason and place."""
        sent = []
        for record, error in bad:
            letter = DeadLetter(
                reason=DeadLetterReason(error.reason),
                detail=error.detail,
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
            )
            topic, headers = self._settings.deadletters_topic, dead_letter_headers(letter)
            key, value = dead_letter_content(record.key, record.value)
            sent.append(await self._outbox.send("deadletters", topic, value, key=key, headers=headers))
            self._metrics.intake.dead_letter(error.reason)
        await self._outbox.settle("deadletters", sent)
        if bad:
            last = bad[-1]
            logs.warning("records_refused", count=len(bad), reason=last.error.reason, detail=last.error.detail)


def _limit(settings: Settings) -> DeadLetterLimit:
    """The limit that the settings ask for; its ratio as bad records per good one."""
    most = settings.dlq_max_consecutive
    ratio = settings.dlq_max_ratio
    bad_per_good = most if ratio >= 1 else min(most, max(1, math.floor(ratio / (1 - ratio))))
    return DeadLetterLimit(bad_per_good=bad_per_good, max_consecutive=most, allowance=min(most, FIRST_BAD_RECORDS))
