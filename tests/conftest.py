"""The broker that `kafka` tests share, and topics of their own on it."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.logs import renumber
from tests.rig import KafkaCluster, RigUnavailable, Topics

if TYPE_CHECKING:
    from collections.abc import Iterator


LEAVING_S = 5.0


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


@pytest.fixture(autouse=True)
def numbered_anew() -> None:
    """Each test makes the same events, whichever ran before."""
    renumber()


@pytest.fixture(scope="module", autouse=True)
def nothing_left_running() -> Iterator[None]:
    """No module leaves a thread behind: a Kafka client that reconnects for ever disturbs whoever comes after it."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + LEAVING_S
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


@pytest.fixture
def topics(kafka) -> Topics:
    """Makes topics under a prefix that only this test has."""
    return Topics(kafka.bootstrap)
