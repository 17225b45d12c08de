"""The reader's loop, on a consumer that does what the test says."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import msgspec
import pytest

from detector.events import Heartbeat
from detector.gate import Gate, Rules
from detector.gate.memory import NEVER

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BEAT = msgspec.json.encode(Heartbeat(partition=0, position=1, stream_time=NOW, log_time=NOW, lag_s=0))


class StubConsumer:
    """Each poll takes the next step: seconds that pass, then offsets of heartbeats that are read."""

    def __init__(self, steps, end) -> None:
        self.steps, self.end, self.now_s, self.at = list(steps), end, 0.0, 0

    def poll(self, timeout_ms):
        passed_s, offsets = self.steps.pop(0)
        self.now_s += passed_s
        self.at = max([self.at, *(offset + 1 for offset in offsets)])
        records = [SimpleNamespace(key=b"heartbeat/0", value=BEAT, offset=offset) for offset in offsets]
        return {"p": records} if records else {}

    def end_offsets(self, partitions):
        return dict.fromkeys(partitions, self.end)

    def position(self, partition):
        return self.at


def follow(steps, first_end, later_end=0) -> Gate:
    consumer = StubConsumer(steps, later_end)
    gate = Gate("nowhere:1", rules=Rules(log_partitions=1), now_s=lambda: consumer.now_s)
    with pytest.raises(IndexError):  # no step is left
        gate._follow(consumer, {"p": first_end})
    return gate


def test_a_heartbeat_from_before_the_start_renews_nothing_and_the_next_one_does():
    assert follow([(1, [6])], first_end=7)._memory.beat(0) is NEVER
    assert follow([(1, [6]), (5, [7])], first_end=7)._memory.beat(0).received_s == 6


def test_what_piled_up_while_the_reader_was_away_renews_nothing():
    back = [(1, [7]), (600, []), (1, [8, 9])]
    assert follow(back, first_end=7, later_end=10)._memory.beat(0).received_s == 1
    assert follow([*back, (5, [10])], first_end=7, later_end=10)._memory.beat(0).received_s == 607


def test_it_is_ready_once_it_has_read_what_there_was_at_the_start():
    assert not follow([(1, [3])], first_end=7).stats().ready
    assert follow([(1, [3]), (1, [6])], first_end=7).stats().ready
    assert follow([(1, [])], first_end=0).stats().ready
