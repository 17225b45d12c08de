"""One worker on the embedded broker: killed, started again, stopped; nothing is lost."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime

import pytest
from kafka import KafkaProducer

from detector.broker import PARTITIONS, EmbeddedBroker
from detector.wire import log
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


def test_takedowns_of_ozone_become_rows_of_their_policies(broker):
    env = environment(broker.bootstrap, partitions=str(PARTITIONS), skip_topic_checks="true", format="ozone")
    reader = {"bootstrap_servers": broker.bootstrap, "api_version": (2, 1)}
    with worker(env), contextlib.closing(KafkaProducer(**reader, enable_idempotence=False)) as producer:
        for number in range(30):
            producer.send("enforcement.events", json.dumps(takedown(number)).encode(), partition=number % PARTITIONS)
        producer.flush()
        until(lambda: len(rows(read(reader, "enforcement.intake"))) == 20)
    logged = [log.decode(each.value) for each in read(reader, "enforcement.intake")]
    policies = [
        each.policies[code] for each in logged if isinstance(each, log.Rows) for code in each.column("policy").tolist()
    ]
    assert sorted(policies) == ["impersonation"] * 20 + ["spam"] * 20
    assert not read(reader, "enforcement.deadletters")


def takedown(number):
    """Two of three are takedowns under two policies, the third is a comment."""
    event = {"comment": "free text"} | ({"policies": ["spam", "impersonation"]} if number % 3 else {})
    kind = "modEventTakedown" if number % 3 else "modEventComment"
    return {
        "id": number,
        "event": {"$type": f"tools.ozone.moderation.defs#{kind}"} | event,
        "subject": {"$type": "com.atproto.admin.defs#repoRef", "did": f"did:plc:{number}"},
        "subjectBlobCids": [],
        "createdBy": "did:plc:automod",
        "createdAt": datetime.now(UTC).isoformat(),
        "modTool": {"name": "automod"},
    }
