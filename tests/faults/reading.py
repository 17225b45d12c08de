"""What stands in topics, from their first record to their present end."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

READ_TIMEOUT_S = 30.0


class Stored(NamedTuple):
    """A record as the broker keeps it. `timestamp_ms` is the topic's kind of time."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]


def read(bootstrap: str, topic: str) -> list[Stored]:
    """Every record up to the end offsets of now, in offset order within a partition."""
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": "unused",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_uncommitted",
    }
    with contextlib.closing(Consumer(settings)) as consumer:
        partitions = consumer.list_topics(topic, READ_TIMEOUT_S).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        records: list[Stored] = []
        at_end: set[int] = set()
        idle_s = 0.0
        while len(at_end) < len(partitions):
            polled = consumer.consume(10_000, 0.2)
            idle_s = 0.0 if polled else idle_s + 0.2
            if idle_s > READ_TIMEOUT_S:
                raise TimeoutError(
                    f"{topic} can't be read to its end: {sorted(at_end)} of {len(partitions)} partitions"
                )
            for message in polled:
                if message.error() is None:
                    records.append(_stored(message))
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    at_end.add(message.partition())
    return records


def ends(bootstrap: str, topic: str) -> dict[int, int]:
    """End offset of each partition."""
    with contextlib.closing(Consumer({"bootstrap.servers": bootstrap, "group.id": "unused"})) as consumer:
        partitions = consumer.list_topics(topic, READ_TIMEOUT_S).topics[topic].partitions
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), READ_TIMEOUT_S)[1]
            for number in partitions
        }


def _stored(message) -> Stored:
    return Stored(
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        dict(message.headers() or ()),
    )
