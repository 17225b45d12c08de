"""The broker that `kafka` tests share, and topics of their own on it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.rig import KafkaCluster, RigUnavailable, Topics

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Address:
    """Where a broker is that somebody else runs."""

    bootstrap: str


def start_cluster(brokers: int = 1, kind: type[KafkaCluster] = KafkaCluster) -> KafkaCluster:
    """A cluster of one's own; skips the test where none can be started, and fails it under CI=true."""
    try:
        return kind(brokers)
    except RigUnavailable as why:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have a broker: {why}")
        pytest.skip(str(why))


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaCluster | Address]:
    """One broker for the whole run: `.bootstrap`. Tests that kill brokers start a cluster of their own."""
    if elsewhere := os.environ.get("DETECTOR_TEST_BOOTSTRAP"):
        yield Address(elsewhere)
        return
    with start_cluster() as cluster:
        yield cluster


@pytest.fixture
def topics(kafka) -> Topics:
    """Makes topics under a prefix that only this test has."""
    return Topics(kafka.bootstrap)
