"""A broker that dies, stays away or stops answering. Workers go on, or exit and are started again."""

from __future__ import annotations

import time

import pytest

from tests.faults.verify import verify

pytestmark = [pytest.mark.fault, pytest.mark.kafka, pytest.mark.timeout(900)]


@pytest.mark.parametrize("down_s", [3, 120])
def test_nothing_is_lost_or_counted_twice_when_the_broker_is_killed_and_comes_back(own_broker, fragile_world, down_s):
    world = fragile_world
    workers = [world.start_worker(), world.start_worker()]
    feed = world.start_feed(per_s=1500, at_least=30_000)
    world.wait_for_progress()
    own_broker.kill()
    time.sleep(down_s)
    assert feed.is_flowing
    own_broker.start()
    back_s = world.wait_for_progress()
    settled_s = world.settle()
    exits = [worker.exits for worker in workers]
    print(f"\nbroker down {down_s} s: back {back_s:.1f} s, settled {settled_s:.1f} s after, {exits}: {verify(world)}")


def test_nothing_is_lost_or_counted_twice_when_the_broker_stops_answering(own_broker, fragile_world):
    world = fragile_world
    workers = [world.start_worker(), world.start_worker()]
    feed = world.start_feed(per_s=1500, at_least=30_000)
    world.wait_for_progress()
    own_broker.freeze()
    time.sleep(20)
    own_broker.thaw()
    assert feed.is_flowing
    back_s = world.wait_for_progress()
    settled_s = world.settle()
    exits = [worker.exits for worker in workers]
    print(f"\nbroker frozen 20 s: back {back_s:.1f} s, settled {settled_s:.1f} s after, {exits}: {verify(world)}")
