"""Producing and consuming for benchmarks: through librdkafka, so that the feeder takes little of the machine."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple, Self

from confluent_kafka import Consumer, Producer, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.bench.traffic import Record

FLUSH_S = 120.0
QUIET = logging.getLogger("tests.bench.kafka_io")
QUIET.setLevel(logging.CRITICAL)


def producer(bootstrap: str, *, linger_ms: int) -> Producer:
    """A producer that keeps order and compresses, as the documentation advises."""
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": linger_ms,
            "queue.buffering.max.messages": 500_000,
        },
        logger=QUIET,
    )


def fill(bootstrap: str, topic: str, records: Iterable[Record]) -> int:
    """Send all, in order, and return how many."""
    out, count = producer(bootstrap, linger_ms=20), 0
    for record in records:
        while True:
            try:
                out.produce(topic, record.value, partition=record.partition)
                break
            except BufferError:
                out.poll(0.1)
        count += 1
    left = out.flush(FLUSH_S)
    if left:
        raise TimeoutError(f"{left} of {count} records were not acknowledged")
    return count


def committed(bootstrap: str, group: str, topic: str, partitions: int) -> list[int]:
    """Next offsets to read that a group has committed, 0 where it has none."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group}, logger=QUIET)
    try:
        found = consumer.committed([TopicPartition(topic, each) for each in range(partitions)], 30)
    finally:
        consumer.close()
    return [max(each.offset, 0) for each in found]


class Seen(NamedTuple):
    """A record: where, when the broker or its producer dated it, when it was seen here (epoch ns), and what it is."""

    partition: int
    offset: int
    timestamp_ms: int
    seen_ns: int
    key: bytes | None
    value: bytes


class Reader:
    """Follows all partitions of a topic from its start."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "bench-reader",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 20,
                "fetch.error.backoff.ms": 5,
            }
        )
        partitions = self._consumer.list_topics(topic, 30).topics[topic].partitions
        self._topic = topic
        self.partitions = sorted(partitions)
        self._consumer.assign([TopicPartition(topic, each, 0) for each in partitions])

    def take(self, timeout_s: float = 0.1) -> list[Seen]:
        """What has come; waits up to `timeout_s` for the first."""
        first = self._consumer.poll(timeout_s)
        now_ns = time.time_ns()
        messages = [first, *self._consumer.consume(1000, 0)] if first else []
        return [
            Seen(each.partition(), each.offset(), each.timestamp()[1], now_ns, each.key(), each.value())
            for each in messages
            if not each.error()
        ]

    def ends(self) -> dict[int, int]:
        """End offsets now."""
        return {p: self._consumer.get_watermark_offsets(TopicPartition(self._topic, p), 30)[1] for p in self.partitions}

    def all(self) -> Iterator[Seen]:
        """Everything up to the present end."""
        missing = {p: end for p, end in self.ends().items() if end}
        while missing:
            for each in self.take(1.0):
                if each.offset + 1 >= missing.get(each.partition, each.offset + 2):
                    missing.pop(each.partition, None)
                yield each

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()
