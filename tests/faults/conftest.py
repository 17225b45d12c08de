"""Worlds for fault tests, and clusters of their own for those that hurt the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import start_cluster
from tests.faults.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rig import KafkaCluster


@pytest.fixture
def own_broker() -> Iterator[KafkaCluster]:
    """A broker that may be killed."""
    with start_cluster() as cluster:
        yield cluster


@pytest.fixture
def world(kafka, tmp_path) -> Iterator[World]:
    """Topics and no worker yet, on the shared broker."""
    made = World(kafka.bootstrap, tmp_path)
    yield made
    made.close()


@pytest.fixture
def fragile_world(own_broker, tmp_path) -> Iterator[World]:
    """The same on `own_broker`."""
    made = World(own_broker.bootstrap, tmp_path)
    yield made
    made.close()
