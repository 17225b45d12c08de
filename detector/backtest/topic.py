"""A time range of a Kafka topic: each of its partitions is a source of its own, and one consumer reads them all."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Generator
from typing import Any, Final, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from detector.backtest.sources import KAFKA, Advance, Block
from detector.config import settings as process_settings
from detector.config.setting_types import Settings
from detector.errors import BrokenWorld, ConfigError, Problem
from detector.kafka import broker_errors, consumer_options

RECORDS: Final = 500
FULL: Final = 20 * RECORDS
"""Records of a partition that wait at most, while others are read."""
POLL_MS: Final = 1000
PATIENCE: Final = 60
"""Polls in a row that may bring nothing."""
SLACK_MS: Final = 3_600_000
"""Records are chosen by when they were written, events by when they happened: so much later is read, too."""
_URL: Final = re.compile(r"kafka://(?P<hosts>[^/]+)/(?P<topic>[A-Za-z0-9._-]{1,249})")

Connect = Callable[[Settings], Any]


class Record(NamedTuple):
    """What a block needs of a record."""

    offset: int
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp_ms: int


def connect(settings: Settings) -> Any:  # noqa: ANN401 - kafka-python has no types
    """A consumer without a group."""
    return KafkaConsumer(**consumer_options(settings), max_poll_records=RECORDS)


class Topic:
    """One consumer for all partitions of a topic, from one time to another (ms; None: from its begin, to its end)."""

    def __init__(self, url: str, from_ms: int | None, to_ms: int | None, connect: Connect = connect) -> None:
        match = _URL.fullmatch(url)
        if match is None:
            raise ConfigError([Problem(url, 0, 0, "is no topic, must look like kafka://host:port/topic")])
        self.name = match["topic"]
        self._settings = process_settings.load(os.environ, {"bootstrap": match["hosts"]})
        self._range = from_ms, to_ms
        self._connect = connect
        self._consumer: Any = None
        self._ends: dict[Any, int] = {}
        self._next: dict[Any, int] = {}
        self._waiting: dict[Any, deque[Record]] = {}

    def sources(self) -> list[PartitionSource]:
        """A source a partition. Raises BrokenWorld without broker or topic."""
        with broker_errors(self._settings):
            self._consumer = self._connect(self._settings)
            numbers = sorted(self._consumer.partitions_for_topic(self.name) or ())
            if not numbers:
                raise BrokenWorld(f"topic {self.name} does not exist on {self._settings.bootstrap}")
            partitions = [TopicPartition(self.name, number) for number in numbers]
            self._consumer.assign(partitions)
            self._begin(partitions)
        return [PartitionSource(self, partition) for partition in partitions]

    def take(self, partition: Any) -> list[Record]:  # noqa: ANN401 - kafka-python has no types
        """The next records of a partition; none at its end. Raises BrokenWorld."""
        waiting, silent = self._waiting[partition], 0
        while not waiting and self._next[partition] < self._ends[partition]:
            silent = 0 if self._poll(partition) else silent + 1
            if silent > PATIENCE:
                raise BrokenWorld(
                    f"topic {self.name}, partition {partition.partition}: no record from offset "
                    f"{self._next[partition]} on in {PATIENCE * POLL_MS // 1000} s, the end is {self._ends[partition]}"
                )
        return [waiting.popleft() for _ in range(min(RECORDS, len(waiting)))]

    def close(self) -> None:
        """Let go of the broker."""
        if self._consumer is not None:
            self._consumer.close()

    def _begin(self, partitions: list[Any]) -> None:
        from_ms, to_ms = self._range
        ends = self._consumer.end_offsets(partitions)
        starts = self._consumer.beginning_offsets(partitions)
        if from_ms is not None:
            found = self._consumer.offsets_for_times(dict.fromkeys(partitions, from_ms))
            # None can also mean that nobody knew who leads the partition: it is read, and its events say when they were
            starts |= {each: known.offset for each, known in found.items() if known is not None}
        if to_ms is not None:
            found = self._consumer.offsets_for_times(dict.fromkeys(partitions, to_ms + SLACK_MS))
            ends |= {each: known.offset for each, known in found.items() if known is not None}
        for each in partitions:
            self._ends[each], self._next[each], self._waiting[each] = ends[each], starts[each], deque()
            self._consumer.seek(each, starts[each])

    def _poll(self, wanted: Any) -> bool:  # noqa: ANN401 - kafka-python has no types
        """Read once; what others bring waits for its turn."""
        full = [each for each, waiting in self._waiting.items() if each != wanted and len(waiting) >= FULL]
        self._consumer.pause(*full)
        with broker_errors(self._settings):
            polled = self._consumer.poll(timeout_ms=POLL_MS)
        self._consumer.resume(*full)
        before = self._next[wanted]
        for partition, records in polled.items():
            inside = [each for each in records if each.offset < self._ends[partition]]
            self._waiting[partition] += [
                Record(each.offset, each.value, list(each.headers or ()), each.timestamp) for each in inside
            ]
            self._next[partition] = records[-1].offset + 1
        if not polled:  # offsets without a record (a transaction's mark, or compacted away) pass, too
            self._next[wanted] = max(before, self._consumer.position(wanted))
        return self._next[wanted] > before or bool(polled)


class PartitionSource:
    """One partition of a `Topic`."""

    rewinds = False

    def __init__(self, topic: Topic, partition: Any) -> None:  # noqa: ANN401 - kafka-python has no types
        self.name = f"{topic.name}:{partition.partition}"
        self._topic = topic
        self._partition = partition

    def blocks(self, advance: Advance) -> Generator[Block]:
        """Its records from the first to the last of the range."""
        while records := self._topic.take(self._partition):
            offsets, values, headers, times_ms = zip(*records, strict=True)
            advance(sum(len(value or b"") for value in values))
            yield Block(values, offsets, headers if any(headers) else None, times_ms)


def is_topic(name: str) -> bool:
    """Whether a source is named as a topic."""
    return name.startswith(KAFKA)
