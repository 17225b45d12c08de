"""The gate: a thread that reads the breakers topic, and `decide`, which answers from memory."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from kafka import KafkaConsumer, TopicPartition

from detector.events import Automated
from detector.gate.judge import decide
from detector.gate.memory import Memory
from detector.gate.rules import Asked, Rules
from detector.kafka import opening

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from detector.gate.rules import Decision

POLL_MS: Final = 200
RETRY_S: Final = 5.0
STOP_S: Final = 3.0
KAFKA: Final = {
    "bootstrap_timeout_ms": 2000,
    # Leases run out within seconds: the broker's return must not be noticed half a minute late.
    "reconnect_backoff_max_ms": 1000,
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
}
AWAY_S: Final = 30.0
"""Heartbeats come every 5 s: after so long without any record, this process or its network was away."""

_log = logging.getLogger("detector.gate")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateStats:
    """A gate's health, and its counters since it started.

    Worth a page: `not reader_alive`, and decisions `silent`, `unknown`, `lease_expired`, `hold_expired`.
    """

    ready: bool
    reader_alive: bool
    reader_errors: int
    scopes: int
    records: int
    heartbeats: int
    unknown_words: int
    unreadable_records: int
    older_generations: int
    same_generation_conflicts: int
    decisions: Mapping[str, int]
    """By `Reason` value."""
    held: int


class Gate:
    """Answers whether an automated action may run. Thread-safe; `decide` does no I/O and never raises on bad records.

    `kafka` goes to kafka-python's consumer: `security_protocol`, `sasl_mechanism`, `ssl_cafile`, `api_version`, ...
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str = "enforcement.breakers",
        *,
        rules: Rules | None = None,
        now_s: Callable[[], float] = time.monotonic,
        **kafka: Any,  # noqa: ANN401 - the consumer's own settings
    ) -> None:
        self._topic = topic
        self._kafka = {**KAFKA, "bootstrap_servers": bootstrap, **kafka}
        self._rules = rules or Rules()
        self._now_s = now_s
        self._memory = Memory()
        self._decisions: Counter[str] = Counter()
        self._held = 0
        self._counting = threading.Lock()
        self._reader_errors = 0
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._opened = ExitStack()
        self._reader = threading.Thread(target=self._run, name="detector-gate", daemon=True)

    def __enter__(self) -> Self:
        """Start reading; see `wait_ready`."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop reading."""
        self.stop()

    def start(self) -> None:
        """Start the reader and return at once. A broker that can't be reached is tried again until `stop`."""
        self._reader.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the topic has been read to the end that it had at the start; False when that takes longer."""
        return self._ready.wait(timeout_s)

    def stop(self) -> None:
        """Stop the reader and wait for it. `decide` goes on answering, as if the detector had fallen silent."""
        self._stopping.set()
        self._reader.join(STOP_S)
        self._opened.close()  # a call of a broker that is gone may wait for ever

    def decide(
        self,
        *,
        policy_id: str,
        action_type: str,
        automated_decision: str | Automated = Automated.FULLY,
        rule_id: str | None = None,
        rule_version: str | None = None,
        model_id: str | None = None,
        model_version: str | None = None,
        signal_id: str | None = None,
        region: str | None = None,
        client: str | None = None,
        subject_id: str | None = None,
        reversible: bool = True,
    ) -> Decision:
        """May this action run now? Fields as in the action event; give all that is known of its origin and place.

        Held actions belong into review, and into the events topic with `status` `held`: they count as evidence too.
        """
        if not self._reader.is_alive():
            self._memory.forget_leases()  # before start, after stop, after a fork: nobody listens
        asked = Asked(
            policy_id, action_type, automated_decision, rule_id, rule_version, model_id, model_version, signal_id,
            region, client, subject_id, reversible,
        )  # fmt: skip
        decision = decide(self._memory, self._rules, asked, now_s=self._now_s())
        with self._counting:
            self._decisions[decision.reason.value] += 1
            self._held += not decision.allow
        return decision

    def stats(self) -> GateStats:
        """Health and counters; export them."""
        counts = self._memory.counts
        with self._counting:
            decisions, held = dict(self._decisions), self._held
        return GateStats(
            ready=self._ready.is_set(),
            reader_alive=self._reader.is_alive(),
            reader_errors=self._reader_errors,
            scopes=self._memory.scopes(),
            records=counts.records,
            heartbeats=counts.heartbeats,
            unknown_words=counts.unknown_words,
            unreadable_records=counts.unreadable_records,
            older_generations=counts.older_generations,
            same_generation_conflicts=counts.same_generation_conflicts,
            decisions=decisions,
            held=held,
        )

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._read()
            except Exception:  # noqa: BLE001 - whatever it was: stop trusting, say so, begin again
                self._reader_errors += 1
                _log.exception(
                    "the gate lost the topic %s and treats every breaker as expired until it is back", self._topic
                )
            self._memory.forget_leases()
            self._stopping.wait(RETRY_S)

    def _read(self) -> None:
        with self._opened:
            consumer = opening(self._opened, KafkaConsumer, **self._kafka)
            self._opened.callback(consumer.close, autocommit=False)
            partitions = [TopicPartition(self._topic, p) for p in consumer.partitions_for_topic(self._topic) or ()]
            if not partitions:
                raise LookupError(f"topic {self._topic!r} does not exist: create it with `detector topics create`")
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            self._follow(consumer, consumer.end_offsets(partitions))

    def _follow(self, consumer: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> None:
        heard_s = self._now_s()
        while not self._stopping.is_set():
            batches = consumer.poll(timeout_ms=POLL_MS)
            now_s, wall_s = self._now_s(), time.time()
            if batches and now_s - heard_s > AWAY_S:
                ends = consumer.end_offsets(list(ends))  # what piled up meanwhile proves nothing about now
            heard_s = now_s if batches else heard_s
            for partition, records in batches.items():
                for record in records:
                    live = record.offset >= ends[partition]
                    self._memory.apply(record.key, record.value, now_s=now_s, wall_s=wall_s, live=live)
            if not self._ready.is_set() and all(consumer.position(p) >= end for p, end in ends.items()):
                self._ready.set()
