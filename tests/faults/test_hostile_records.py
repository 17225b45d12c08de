"""Records that can't be used, on a real broker: each ends in the dead letters, and costs nothing else."""

from __future__ import annotations

import random
import time

import pytest

from tests.faults.feed import Outgoing, send
from tests.faults.reading import read
from tests.faults.traffic import Traffic
from tests.faults.verify import verify
from tests.faults.world import SOURCE_PARTITIONS
from tests.hostile import hostile_records

pytestmark = [pytest.mark.fault, pytest.mark.kafka, pytest.mark.timeout(600)]
JUNK = 5000


def test_ten_thousand_hostile_records_are_dead_letters_and_the_good_ones_between_them_count(world):
    now_ms = time.time_ns() // 1_000_000
    hostile = list(hostile_records(now_ms))
    good = Traffic(2, policies=20, bad_from=10**9).values(30_000, now_ms)
    order = random.Random(3)
    mixed = [(each.value, each.headers, each.reason.value) for each in hostile] + [(value, [], None) for value in good]
    order.shuffle(mixed)
    outgoing = [Outgoing(order.randrange(SOURCE_PARTITIONS), value, headers) for value, headers, _ in mixed]
    places = send(world.bootstrap, world.settings.events_topic, outgoing)
    expected = {
        place: (reason.encode(), value or b"")
        for place, (value, _, reason) in zip(places, mixed, strict=True)
        if reason is not None
    }
    worker = world.start_worker()
    settled_s = world.settle()
    letters = read(world.bootstrap, world.settings.deadletters_topic)
    found = {
        (int(letter.headers["partition"]), int(letter.headers["offset"])): (letter.headers["reason"], letter.value)
        for letter in letters
    }
    assert found == expected
    assert len(letters) == len(expected) == 10_000
    assert len(worker.exits) == 1, worker.tail()
    figures = verify(world)
    assert figures.rows == len(good)
    print(f"\n{len(letters)} dead letters among {len(mixed)} records in {settled_s:.1f} s: {figures}")


def test_a_source_partition_of_nothing_but_junk_stops_with_a_clear_error_and_the_others_go_on(world):
    world.start_worker()
    send(world.bootstrap, world.settings.events_topic, [Outgoing(0, b'{"not": "an event"}')] * JUNK)
    world.start_feed(per_s=1500, at_least=10_000, partitions=(1, 2, 3))
    world.settle(without={0})
    letters = read(world.bootstrap, world.settings.deadletters_topic)
    said = [line for line in world.workers[0].log.read_text().splitlines() if "source_stalled" in line]
    assert 0 < len(letters) < JUNK / 10
    assert len(said) == 1
    assert "partition=0" in said[0]
    assert "nothing but bad records" in said[0]
    assert world.committed()[0] <= len(letters)
    assert len(world.workers[0].exits) == 1, world.tails()
    print(f"\nstopped after {len(letters)} of {JUNK}: {verify(world)}")
