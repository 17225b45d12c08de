"""The group's committed offsets, sampled five times a second: none may ever run ahead of what is durable."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import NamedTuple

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from detector.kafka import opening

SAMPLE_S = 0.2


class Sample(NamedTuple):
    """Next offset to read of each (topic, partition), all committed by `at_ms` (epoch)."""

    at_ms: int
    committed: dict[tuple[str, int], int]


class Commits:
    """Samples in a thread until `stop`; while the broker is away there are none."""

    def __init__(self, bootstrap: str, group: str) -> None:
        self.samples: list[Sample] = []
        self._bootstrap = bootstrap
        self._group = group
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="commits", daemon=True)
        self._thread.start()

    def stop(self) -> list[Sample]:
        """The samples, in order of time."""
        self._stopping.set()
        self._thread.join()
        return self.samples

    def _run(self) -> None:
        while not self._stopping.is_set():
            with (
                contextlib.suppress(KafkaError),
                contextlib.ExitStack() as opened,
            ):
                admin = opening(opened, KafkaAdminClient, bootstrap_servers=self._bootstrap, request_timeout_ms=3000)
                opened.callback(admin.close)
                while not self._stopping.wait(SAMPLE_S):
                    self.samples.append(now(admin, self._group))
            self._stopping.wait(SAMPLE_S)


def now(admin: KafkaAdminClient, group: str) -> Sample:
    """What the group has committed so far."""
    offsets = admin.list_group_offsets(group)[group]
    committed = {(tp.topic, tp.partition): found.offset for tp, found in offsets.items() if found.offset >= 0}
    return Sample(time.time_ns() // 1_000_000, committed)
