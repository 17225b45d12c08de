"""Real workers as child processes, events for them, and what the log holds afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from detector.wire import log
from tests.hostile import good_action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE_S = 60


def environment(bootstrap: str, **settings: str) -> dict[str, str]:
    """What a worker needs, with a short session so that a killed one's partitions are soon free."""
    own = {
        "bootstrap": bootstrap,
        "subject_key": "0123456789abcdef",
        "web_port": "0",
        "session_timeout_s": "6",
        "heartbeat_interval_s": "1",
        "checkpoint_interval_s": "1",
        "commit_interval_s": "0.5",
        "replication": "1",
        **settings,
    }
    return {f"DETECTOR_{name.upper()}": value for name, value in own.items()}


@contextlib.contextmanager
def worker(env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """`detector run`, killed at the end if it still lives."""
    command = [sys.executable, "-m", "detector", "run"]
    with subprocess.Popen(command, env=os.environ | env, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def produce(client: dict[str, object], topic: str, first: int, count: int, partitions: int) -> None:
    """`count` actions of 20 policies, numbered from `first`, round robin over `partitions`."""
    with contextlib.closing(KafkaProducer(linger_ms=20, **client)) as producer:
        now_ms = int(time.time() * 1000)
        for number in range(first, first + count):
            event = good_action(number, now_ms) | {"policy_id": f"policy-{number % 20}"}
            producer.send(topic, json.dumps(event).encode(), partition=number % partitions)
        producer.flush()


def read(client: dict[str, object], topic: str) -> list[object]:
    """All records of `topic`, by partition, in order of offsets."""
    with contextlib.closing(KafkaConsumer(**client)) as consumer:
        tps = [TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(tps)
        ends = consumer.end_offsets(tps)
        consumer.seek_to_beginning(*tps)
        found: dict[TopicPartition, list[object]] = {tp: [] for tp in tps}
        while any(consumer.position(tp) < ends[tp] for tp in tps):
            for tp, records in consumer.poll(timeout_ms=200).items():
                found[tp] += records
        return [record for tp in tps for record in found[tp]]


def rows(records: list[object]) -> Counter[tuple[int, int]]:
    """How often the log holds each source position."""
    found: Counter[tuple[int, int]] = Counter()
    for record in records:
        value = log.decode(record.value)
        if isinstance(value, log.Rows):
            found.update(zip(value.column("source").tolist(), value.column("offset").tolist(), strict=True))
    return found


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that a worker does in its own time."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.3)
