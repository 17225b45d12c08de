"""Workers that die: at random, at each instruction that matters, and when asked to."""

from __future__ import annotations

import os
import random
import time

import pytest

from detector.stream.watchdog import STALL_S
from tests.faults.verify import verify
from tests.faults.world import STARTING

pytestmark = [pytest.mark.fault, pytest.mark.kafka, pytest.mark.timeout(900)]
KILLS = int(os.environ.get("DETECTOR_FAULT_KILLS", "20"))
SIGKILLED = -9


def test_nothing_is_lost_or_counted_twice_when_one_of_two_workers_is_killed_at_random_moments(world):
    chance = random.Random(KILLS)
    workers = [world.start_worker(), world.start_worker()]
    feed = world.start_feed(per_s=1500, at_least=10_000 * KILLS)
    world.wait_for_progress()
    stood_s = []
    for number in range(KILLS):
        if number % 3:  # every third one hits a group that is still at odds over the last
            stood_s.append(world.wait_for_progress())
        time.sleep(chance.uniform(0.2, 3.0))
        assert feed.is_flowing
        chance.choice(workers).kill()
    settled_s = world.settle()
    exits = [each for worker in workers for each in worker.exits]
    assert [each.code for each in exits].count(SIGKILLED) == KILLS
    assert max(stood_s) < STALL_S, "only a watchdog ended it"
    print(f"\n{KILLS} kills, longest standstill {max(stood_s):.1f} s, settled {settled_s:.1f} s after: {verify(world)}")


@pytest.mark.parametrize(
    "point",
    ["before_send:20", "after_send:20", "checkpoint_slice:3", "before_seal:3", "after_seal:3", "recovery", "revoke"],
)
def test_nothing_is_lost_or_counted_twice_when_a_worker_is_killed_at_a_point_of_its_step(world, point):
    world.start_worker()
    # A checkpoint of 60 policies fits into one slice, one of 3,000 does not.
    feed = world.start_feed(per_s=1500, at_least=20_000, policies=3000 if "slice" in point else 60)
    world.wait_for_progress()
    victim = world.start_worker(DETECTOR_CRASH_AT=point)
    if point == "revoke":
        world.wait_for_shares()
        world.start_worker()
    victim.wait_for_exits(1, 60)
    assert victim.exits[0].code == SIGKILLED, victim.tail()
    assert feed.is_flowing
    world.wait_for_progress()
    print(f"\n{point}: settled {world.settle():.1f} s after: {verify(world)}")


def test_nothing_is_lost_or_counted_twice_when_workers_are_restarted_gracefully(world):
    workers = [world.start_worker(), world.start_worker()]
    feed = world.start_feed(per_s=1500, at_least=30_000)
    for worker in (*workers, *workers):
        world.wait_for_progress()
        assert feed.is_flowing
        exits = len(worker.exits)
        worker.terminate()
        worker.wait_for_exits(exits + 1, 30)
    settled_s = world.settle()
    assert {each.code for worker in workers for each in worker.exits} <= {0, STARTING}, world.tails()
    print(f"\n4 restarts: settled {settled_s:.1f} s after: {verify(world)}")


def test_a_worker_that_is_stopped_while_it_joins_its_group_is_gone_in_seconds(world):
    chance = random.Random(1)
    world.start_worker()
    feed = world.start_feed(per_s=1500, at_least=30_000)
    world.wait_for_progress()
    joining = world.start_worker()
    for number in range(1, 11):
        joining.wait_for_words("http_listening", number)
        time.sleep(chance.uniform(0.0, 1.2))
        joining.terminate()
        joining.wait_for_exits(number, 15)
    assert feed.is_flowing
    longest_s = max(each.ran_s for each in joining.exits)
    print(f"\n10 stops, longest life {longest_s:.1f} s, settled {world.settle():.1f} s after: {verify(world)}")
    assert {each.code for each in joining.exits} == {0}, joining.tail()


def test_a_worker_that_was_frozen_beyond_its_session_changes_nothing_when_it_wakes(world):
    workers = [world.start_worker(), world.start_worker()]
    feed = world.start_feed(per_s=1500, at_least=30_000)
    world.wait_for_shares()
    world.wait_for_progress()
    workers[0].freeze()
    time.sleep(15)
    world.wait_for_progress()
    assert feed.is_flowing
    workers[0].thaw()
    world.wait_for_progress()
    print(f"\nzombie: settled {world.settle():.1f} s after, exits {workers[0].exits}: {verify(world)}")
