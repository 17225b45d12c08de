from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import MessageSizeTooLargeError

from tests.conftest import start_cluster
from tests.rig import BrokerFailed, KafkaCluster, RigUnavailable, Topics, jars

pytestmark = pytest.mark.kafka


def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    with contextlib.closing(KafkaProducer(bootstrap_servers=bootstrap, acks="all")) as producer:
        for sent in [producer.send(topic, value) for value in values]:
            sent.get(30)


def consume(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = KafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None)
    with contextlib.closing(consumer):
        return [next(consumer).value for _ in range(count)]


def test_a_broker_keeps_what_it_acknowledged_through_kill_9_and_a_restart():
    with start_cluster() as cluster:
        topic = Topics(cluster.bootstrap).create("events")
        produce(cluster.bootstrap, topic, b"before")
        cluster.kill(0)
        cluster.start(0)
        produce(cluster.bootstrap, topic, b"after")
        assert consume(cluster.bootstrap, topic, 2) == [b"before", b"after"]


def test_three_brokers_serve_while_one_of_them_is_down():
    with start_cluster(3) as cluster:
        topic = Topics(cluster.bootstrap).create("events")
        cluster.kill(1)
        cluster.start(1)
        cluster.freeze(2)
        cluster.thaw(2)
        produce(cluster.bootstrap, topic, b"one")
        assert consume(cluster.bootstrap, topic, 1) == [b"one"]


def test_the_shared_broker_makes_topics_with_the_settings_asked_for(kafka, topics):
    topic = topics.create("enforcement.intake", 3, max_message_bytes="300")
    produce(kafka.bootstrap, topic, b"x")
    consumer = KafkaConsumer(topic, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest", group_id=None)
    with contextlib.closing(consumer):
        assert next(consumer).timestamp_type == 1
        assert consumer.partitions_for_topic(topic) == {0, 1, 2}
    with pytest.raises(MessageSizeTooLargeError):
        produce(kafka.bootstrap, topic, bytes(400))


def test_a_broker_that_does_not_start_shows_what_it_printed():
    with pytest.raises(BrokerFailed, match=r"num\.io\.threads"):
        KafkaCluster(properties={"num.io.threads": "none"})


def test_without_java_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(RigUnavailable, match="openjdk-17"):
        KafkaCluster()


def test_without_maven_and_cached_jars_it_says_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setenv("DETECTOR_TEST_CACHE", str(tmp_path))
    monkeypatch.setattr(jars.shutil, "which", lambda *_args, **_kwargs: None)
    with pytest.raises(RigUnavailable, match="DETECTOR_TEST_BOOTSTRAP"):
        jars.jars()


def test_by_hand_it_prints_its_address_and_stops_when_asked():
    with subprocess.Popen([sys.executable, "-m", "tests.rig"], stdout=subprocess.PIPE, text=True) as by_hand:
        address = by_hand.stdout.readline().strip()
        topic = Topics(address).create("events")
        produce(address, topic, b"x")
        by_hand.terminate()
        assert by_hand.wait(20) == 0
