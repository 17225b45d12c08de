"""What the detector says: its output topics, read as any consumer would, and of its log the ticks."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from kafka import KafkaConsumer, TopicPartition

from detector.broker import PARTITIONS
from detector.wire import log
from detector.wire.cloudevents import parse_alert, parse_breaker_record

if TYPE_CHECKING:
    from types import TracebackType

    from detector.events import Alert, Breaker, Heartbeat

LOG: Final = "enforcement.intake"
ALERTS: Final = "enforcement.alerts"
BREAKERS: Final = "enforcement.breakers"
_POLL_MS: Final = 100
_STOP_S: Final = 5.0


class Record(NamedTuple):
    """One record, as bytes and as what it says."""

    topic: str
    key: bytes | None
    value: bytes
    said: Alert | Breaker | Heartbeat | log.Record


class Feed:
    """Context manager around a thread that reads these topics from their start."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._records: queue.SimpleQueue[Record] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo-feed", daemon=True)

    def __enter__(self) -> Self:
        """Start reading."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop reading."""
        self._stopping.set()
        self._thread.join(_STOP_S)

    def take(self) -> list[Record]:
        """What came since the last call, in order."""
        return [self._records.get() for _ in range(self._records.qsize())]

    def _run(self) -> None:
        consumer = KafkaConsumer(bootstrap_servers=self._bootstrap, api_version=(2, 1))
        partitions = [TopicPartition(topic, p) for topic in (ALERTS, BREAKERS) for p in range(PARTITIONS)]
        partitions.append(TopicPartition(LOG, 0))  # ticks go to all of its partitions
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        while not self._stopping.is_set():
            for partition, records in consumer.poll(timeout_ms=_POLL_MS).items():
                for record in records:
                    self._records.put(_record(partition.topic, record.key, record.value))
        consumer.close(autocommit=False)


def _record(topic: str, key: bytes | None, value: bytes) -> Record:
    if topic == LOG:
        return Record(topic, key, value, log.decode(value))
    return Record(topic, key, value, parse_alert(value) if topic == ALERTS else parse_breaker_record(key or b"", value))
