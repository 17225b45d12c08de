"""Two workers on a real broker, one of them killed: the log holds the input, and the alerts are those of the log."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from detector.fold import Fold, LogRecord
from detector.wire import log
from tests.logs import totals
from tests.stream.workers import environment, produce, read, rows, until, worker

pytestmark = pytest.mark.kafka

LOG_PARTITIONS = 8
SOURCES = 4
COUNT = 20_000


@pytest.fixture
def env(kafka, topics):
    names = {f"{kind}_topic": topics.name(f"enforcement.{kind}") for kind in ("events", "intake", "alerts")}
    names |= {f"{kind}_topic": topics.name(kind) for kind in ("breakers", "deadletters")}
    env = environment(kafka.bootstrap, group=topics.name("detector"), partitions=str(LOG_PARTITIONS), **names)
    create = [sys.executable, "-m", "detector", "topics", "create"]
    subprocess.run(create, env=os.environ | env, check=True, stdout=subprocess.DEVNULL)
    return env


def test_killing_one_of_two_workers_loses_nothing_and_counts_nothing_twice(kafka, env):
    client = {"bootstrap_servers": kafka.bootstrap}
    events, intake = env["DETECTOR_EVENTS_TOPIC"], env["DETECTOR_INTAKE_TOPIC"]

    def logged() -> int:
        return len(rows(read(client, intake)))

    with worker(env) as victim, worker(env) as survivor:
        produce(client, events, 0, COUNT // 2, SOURCES)
        until(lambda: logged() > COUNT // 4)
        victim.kill()
        produce(client, events, COUNT // 2, COUNT // 2, SOURCES)
        until(lambda: logged() == COUNT)
        survivor.terminate()
        assert survivor.wait(30) == 0
    records = read(client, intake)
    expected = {(number % SOURCES, offset) for number in range(SOURCES) for offset in range(COUNT // SOURCES)}
    assert set(rows(records)) == expected
    alerts, counted = replay(records)
    assert {dict(each.headers)["ce_id"].decode() for each in read(client, env["DETECTOR_ALERTS_TOPIC"])} == alerts
    assert sum(counted.values()) == COUNT


def replay(records) -> tuple[set[str], dict[str, int]]:
    """Alert ids and totals of the log, by one fold that never died."""
    fold = Fold()
    for partition in range(LOG_PARTITIONS):
        fold.assign(partition, {})
    told = fold.apply([LogRecord(r.partition, r.offset, r.timestamp, log.decode(r.value)) for r in records])
    return {alert.alert_id for alert in told.alerts}, totals(fold)
