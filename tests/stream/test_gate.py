"""The gate's thread, against a broker."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime

import msgspec
import pytest
from kafka import KafkaProducer

from detector.broker import EmbeddedBroker
from detector.events import Breaker, Directive, Heartbeat, Scope, State
from detector.gate import Gate, Reason, Rules

NOW = datetime.now(UTC)
SPAM = {"policy_id": "spam", "action_type": "suspend"}


class Writer:
    """Puts records on a topic of its own."""

    def __init__(self, bootstrap: str, topic: str, **options) -> None:
        self.topic = topic
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, **options)

    def breaker(self, state: State, generation: int) -> None:
        directive = Directive.NONE if state is State.CLOSED else Directive.HOLD_FOR_REVIEW
        said = {"mode": "enforce", "directive": directive, "generation": generation, "partition": 0, "since": NOW}
        self.send(
            "spam", msgspec.json.encode(Breaker(scope=Scope(policy_id="spam"), state=state, config_version="1", **said))
        )

    def heartbeat(self) -> None:
        beat = Heartbeat(partition=0, position=1, stream_time=NOW, log_time=NOW, lag_s=0)
        self.send("heartbeat/0", msgspec.json.encode(beat))

    def send(self, key: str, value: bytes) -> None:
        self._producer.send(self.topic, value, key=key.encode()).get(timeout=10)

    def close(self) -> None:
        self._producer.close()


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def writer(broker, request):
    topic = f"breakers-{request.node.name[:40]}"
    broker.touch(topic)
    made = Writer(broker.bootstrap, topic, api_version=(2, 1), enable_idempotence=False)
    yield made
    made.close()


def gate_on(broker, writer) -> Gate:
    return Gate(broker.bootstrap, writer.topic, rules=Rules(log_partitions=1), api_version=(2, 1))


def eventually(gate: Gate, reason: Reason, within_s: float = 10.0, **asked):
    deadline = time.monotonic() + within_s
    while (decision := gate.decide(**SPAM, **asked)).reason is not reason:
        assert time.monotonic() < deadline, decision
        time.sleep(0.01)
    return decision


def test_it_reads_history_first_and_believes_leases_only_from_then_on(broker, writer):
    writer.breaker(State.OPEN, 2)
    writer.breaker(State.CLOSED, 1)
    writer.heartbeat()
    with gate_on(broker, writer) as gate:
        assert gate.wait_ready(10)
        assert gate.decide(**SPAM).reason is Reason.LEASE_EXPIRED
        writer.heartbeat()
        assert eventually(gate, Reason.OPEN).generation == 2
        stats = gate.stats()
    assert (stats.ready, stats.reader_alive, stats.scopes, stats.heartbeats) == (True, True, 1, 2)
    assert stats.held == sum(stats.decisions.values())


def test_a_trip_reaches_it_while_it_runs_and_so_does_the_close(broker, writer):
    with gate_on(broker, writer) as gate:
        assert gate.wait_ready(10)
        writer.heartbeat()
        eventually(gate, Reason.CLOSED)
        writer.breaker(State.OPEN, 1)
        eventually(gate, Reason.OPEN)
        writer.breaker(State.CLOSED, 2)
        assert eventually(gate, Reason.CLOSED).allow


def test_before_start_and_after_stop_everything_is_stale(broker, writer):
    gate = gate_on(broker, writer)
    assert (gate.decide(**SPAM).reason, gate.stats().reader_alive) == (Reason.SILENT, False)
    with gate:
        assert gate.wait_ready(10)
        writer.heartbeat()
        eventually(gate, Reason.CLOSED)
    assert not gate.decide(**SPAM, reversible=False).allow


def test_a_failing_reader_says_so_distrusts_everything_and_recovers(broker, writer, monkeypatch, caplog):
    caplog.set_level(logging.ERROR, "detector.gate")
    monkeypatch.setattr("detector.gate.client.RETRY_S", 0.2)
    with gate_on(broker, writer) as gate:
        assert gate.wait_ready(10)
        writer.heartbeat()
        eventually(gate, Reason.CLOSED)
        monkeypatch.setattr(gate._memory, "apply", lambda *_, **__: 1 / 0)
        writer.heartbeat()
        eventually(gate, Reason.SILENT)
        monkeypatch.undo()
        deadline = time.monotonic() + 10
        while gate.decide(**SPAM).reason is not Reason.CLOSED and time.monotonic() < deadline:
            writer.heartbeat()
            time.sleep(0.1)
        assert gate.decide(**SPAM).allow
    assert gate.stats().reader_errors >= 1
    assert "treats every breaker as expired" in caplog.text


@pytest.mark.parametrize("options", [{}, {"api_version": (2, 1)}])
def test_without_a_broker_it_is_unready_and_answers_and_leaves_no_thread_behind(options):
    before = set(threading.enumerate())
    with Gate("127.0.0.1:1", **options) as gate:
        assert not gate.wait_ready(0.5)
        assert gate.decide(**SPAM, reversible=True).allow
        assert not gate.decide(**SPAM, reversible=False).allow
    gate._reader.join(5)
    assert not set(threading.enumerate()) - before


def test_a_decision_takes_microseconds(broker, writer):
    writer.breaker(State.OPEN, 1)
    with gate_on(broker, writer) as gate:
        assert gate.wait_ready(10)
        asked = {**SPAM, "rule_id": "42", "rule_version": "17", "region": "EU", "subject_id": "u"}
        began = time.perf_counter()
        for _ in range(2000):
            gate.decide(**asked)
        mean_s = (time.perf_counter() - began) / 2000
    print(f"decide: {mean_s * 1e6:.1f} us")
    assert mean_s < 100e-6


@pytest.mark.kafka
def test_on_apache_kafka_it_needs_no_settings_but_the_address(kafka, topics):
    writer = Writer(kafka.bootstrap, topics.create("breakers", **{"cleanup.policy": "compact"}))
    writer.breaker(State.CLOSED, 1)
    with Gate(kafka.bootstrap, writer.topic, rules=Rules(log_partitions=1)) as gate:
        assert gate.wait_ready(20)
        writer.breaker(State.OPEN, 2)
        writer.heartbeat()
        assert eventually(gate, Reason.OPEN).generation == 2
    writer.close()
