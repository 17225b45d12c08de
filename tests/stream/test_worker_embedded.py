"""One worker on the embedded broker: killed, started again, stopped; nothing is lost."""

from __future__ import annotations

import pytest

from detector.broker import PARTITIONS, EmbeddedBroker
from tests.stream.workers import environment, produce, read, rows, until, worker

TOPICS = ("events", "intake", "alerts", "breakers", "deadletters")


@pytest.fixture
def broker():
    with EmbeddedBroker() as running:
        running.touch(*(f"enforcement.{topic}" for topic in TOPICS), "detector-policies-changelog")
        yield running


def test_a_killed_worker_goes_on_where_its_commit_was_and_a_stopped_one_ends_with_zero(broker):
    env = environment(broker.bootstrap, partitions=str(PARTITIONS), skip_topic_checks="true")
    reader = {"bootstrap_servers": broker.bootstrap, "api_version": (2, 1)}
    writer = reader | {"enable_idempotence": False}

    def logged() -> int:
        return len(rows(read(reader, "enforcement.intake")))

    with worker(env) as first:
        produce(writer, "enforcement.events", 0, 500, PARTITIONS)
        until(lambda: logged() == 500)
        first.kill()
    produce(writer, "enforcement.events", 500, 500, PARTITIONS)
    with worker(env) as second:
        until(lambda: logged() == 1000)
        second.terminate()
        assert second.wait(20) == 0
    assert set(rows(read(reader, "enforcement.intake"))) == {(n % PARTITIONS, n // PARTITIONS) for n in range(1000)}
