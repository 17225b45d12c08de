"""`detector tail` against a broker in this process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest
from click.testing import CliRunner
from kafka import KafkaProducer

from detector.broker import EmbeddedBroker
from detector.cli.tail import command
from detector.contract import topics

EXAMPLES = topics.directory() / "examples"


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker() as embedded:
        embedded.touch("enforcement.alerts", "enforcement.breakers")
        send(embedded, "alerts", b"spam", "good/alert")
        send(embedded, "breakers", b"heartbeat/11", "good/heartbeat")
        send(embedded, "breakers", b"heartbeat/11", "bad/heartbeat-no_position")
        send(embedded, "breakers", b"spam", "good/breaker")
        send(embedded, "breakers", b"gone", None)
        send(embedded, "breakers", b"spam", "bad/breaker-state_unknown")
        yield embedded


def send(broker, topic, key, example):
    """To partition 0 of the four, so that the order is known."""
    value = example and (EXAMPLES / f"enforcement.{topic}/{example}.json").read_bytes()
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, api_version=(2, 1), enable_idempotence=False)
    with closing(producer):
        producer.send(f"enforcement.{topic}", key=key, value=value, partition=0).get(10)


def tail(broker, *arguments):
    return CliRunner().invoke(command, [*arguments, "--bootstrap", broker.bootstrap])


def test_alerts_from_the_start_are_told_in_words(broker):
    result = tail(broker, "alerts", "--from-start", "--count", "1")

    assert result.exit_code == 0
    assert "CLOSED -> OPEN  HOLD_FOR_REVIEW  8.0 times the expected" in result.stdout


def test_json_is_the_record_on_one_line(broker):
    (line,) = tail(broker, "alerts", "--from-start", "--count", "1", "--json").stdout.splitlines()

    assert json.loads(line) == json.loads((EXAMPLES / "enforcement.alerts/good/alert.json").read_bytes())


def test_breakers_come_without_heartbeats_and_unreadable_ones_are_named_on_stderr(broker):
    result = tail(broker, "breakers", "--from-start", "--count", "2")

    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1
    assert "OPEN  HOLD_FOR_REVIEW" in result.stdout
    assert "unreadable record, partition 0 offset 4" in result.stderr


def test_heartbeats_are_shown_when_asked_for(broker):
    result = tail(broker, "breakers", "--from-start", "--heartbeats", "--count", "2")

    assert "heartbeat  partition 11 at 88120" in result.stdout
    assert "offset 1" in result.stderr


def test_without_from_start_only_what_comes_next_is_shown_and_seconds_end_it(broker):
    began_s = time.monotonic()
    result = tail(broker, "alerts", "--seconds", "0.5")

    assert result.exit_code == 0
    assert result.stdout == ""
    assert 0.5 <= time.monotonic() - began_s < 5


def test_ctrl_c_ends_it_with_0(broker):
    program = "from detector.cli import main; main()"
    arguments = ["tail", "alerts", "--from-start", "--bootstrap", broker.bootstrap]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        # A runner in the background ignores it, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - it takes no lock
    )
    try:
        assert "CLOSED -> OPEN" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("arguments", [["policies"], ["alerts", "--count", "0"], ["alerts", "--seconds", "0"]])
def test_wrong_usage_exits_with_2(arguments):
    assert CliRunner().invoke(command, arguments).exit_code == 2
