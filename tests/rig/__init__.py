"""A real Apache Kafka for tests, from Maven artefacts: no container engine, nothing left behind but cached jars.

By hand: `python -m tests.rig [--brokers 3]` starts one, prints its address and waits.
"""

from __future__ import annotations

from tests.rig.jars import HOW_TO_GET, RigUnavailable
from tests.rig.kafka import BrokerFailed, KafkaCluster
from tests.rig.topics import Topics

__all__ = ["HOW_TO_GET", "BrokerFailed", "KafkaCluster", "RigUnavailable", "Topics"]
