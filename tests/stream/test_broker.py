"""The embedded broker serves the clients that this project uses."""

from __future__ import annotations

import asyncio
import sys

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from detector.broker import PARTITIONS, EmbeddedBroker
from detector.errors import BrokenWorld


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker() as running:
        yield running


def test_kafka_python_produces_and_consumes(broker):
    broker.touch("sync")
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, api_version=(2, 1), enable_idempotence=False)
    sent = producer.send("sync", b"value", key=b"key").get(timeout=10)
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, api_version=(2, 1))
    where = TopicPartition("sync", sent.partition)
    consumer.assign([where])
    consumer.seek_to_beginning(where)
    (record,) = consumer.poll(timeout_ms=5000)[where]
    consumer.close()
    assert (record.key, record.value, record.offset) == (b"key", b"value", 0)


def test_aiokafka_produces_and_consumes_in_a_group(broker):
    async def there_and_back() -> bytes:
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
            await producer.send_and_wait("async", b"value", key=b"key")
        group = {"group_id": "g", "auto_offset_reset": "earliest", "session_timeout_ms": 6000}
        async with AIOKafkaConsumer("async", bootstrap_servers=broker.bootstrap, **group) as consumer:
            return (await asyncio.wait_for(consumer.getone(), 20)).value

    broker.touch("async")
    assert asyncio.run(there_and_back()) == b"value"


def test_a_touched_topic_exists_with_the_documented_partitions(broker):
    broker.touch("touched", "touched")
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, api_version=(2, 1))
    assert consumer.partitions_for_topic("touched") == set(range(PARTITIONS))
    consumer.close()


def test_two_brokers_do_not_share_anything(broker):
    with EmbeddedBroker() as other:
        assert other.bootstrap != broker.bootstrap
        assert other.bootstrap.startswith("127.0.0.1:")


def test_without_confluent_kafka_the_error_names_the_fix(monkeypatch):
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(BrokenWorld, match=r"pip install 'detector\[demo\]'"), EmbeddedBroker():
        pass
