"""A producer at a steady pace, in a thread: events of `Traffic`, spread over all source partitions."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from confluent_kafka import Producer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.faults.traffic import Traffic

TURN_S = 0.05
OUTAGE_S = 300.0


class Feed:
    """Sends `per_s` events per second until `finish`, and `at_least` in any case. `sent` is what was handed over."""

    def __init__(
        self, bootstrap: str, topic: str, traffic: Traffic, *, per_s: int, at_least: int, partitions: Sequence[int]
    ) -> None:
        self.sent = 0
        self._partitions = itertools.cycle(partitions)
        self._producer = producer(bootstrap)
        self._topic = topic
        self._traffic = traffic
        self._per_turn = int(per_s * TURN_S)
        self._at_least = at_least
        self._finishing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    @property
    def is_flowing(self) -> bool:
        """Whether events are still to come."""
        return self._thread.is_alive()

    def finish(self) -> int:
        """Let it send what is missing of `at_least`, stop, and return how many records the broker acknowledged."""
        self._finishing.set()
        self._thread.join()
        left = self._producer.flush(OUTAGE_S)
        if left:
            raise TimeoutError(f"{left} of {self.sent} events were not acknowledged")
        return self.sent

    def abandon(self) -> None:
        """Stop at once, whatever is missing."""
        self._at_least = 0
        self._finishing.set()
        self._thread.join()
        self._producer.purge()

    def _run(self) -> None:
        began_s = time.monotonic()
        turns = 0
        while not (self._finishing.is_set() and self.sent >= self._at_least):
            for value in self._traffic.values(self._per_turn, time.time_ns() // 1_000_000):
                self._producer.produce(self._topic, value, partition=next(self._partitions))
                self.sent += 1
            turns += 1
            # Once nobody waits for a fault any more, the rest goes out at full speed.
            pause_s = 0.0 if self._finishing.is_set() else began_s + turns * TURN_S - time.monotonic()
            self._producer.poll(max(pause_s, 0))
            time.sleep(max(began_s + turns * TURN_S - time.monotonic(), 0) if pause_s > 0 else 0)


class Outgoing(NamedTuple):
    """A record to send."""

    partition: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def send(bootstrap: str, topic: str, records: Iterable[Outgoing]) -> list[tuple[int, int]]:
    """Send all, in order, and return the partition and offset of each."""
    places: dict[int, tuple[int, int]] = {}
    sender = producer(bootstrap)
    for number, record in enumerate(records):
        sender.produce(
            topic,
            record.value,
            partition=record.partition,
            headers=list(record.headers),
            on_delivery=lambda _, message, number=number: places.update(
                {number: (message.partition(), message.offset())}
            ),
        )
        sender.poll(0)
    if left := sender.flush(OUTAGE_S):
        raise TimeoutError(f"{left} records were not acknowledged")
    return [place for _, place in sorted(places.items())]


def producer(bootstrap: str) -> Producer:
    """A producer that outlives an outage of the broker."""
    quiet = logging.getLogger("tests.feed")
    quiet.setLevel(logging.CRITICAL)
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 20,
            "compression.type": "lz4",
            "message.max.bytes": 2_000_000,
            "message.timeout.ms": int(OUTAGE_S * 1000),
            "queue.buffering.max.messages": 2_000_000,
            "reconnect.backoff.max.ms": 1000,
        },
        logger=quiet,
    )
