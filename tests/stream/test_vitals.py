"""The fence and the watchdog: what they tolerate, and what they don't."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from detector.errors import Fenced
from detector.stream import vitals, watchdog
from detector.stream.vitals import Vitals
from detector.stream.watchdog import Watchdog


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(s=1000.0)
    for module in (vitals, watchdog):
        monkeypatch.setattr(module, "monotonic", lambda: now.s)
    return now


def test_a_worker_that_never_joined_is_only_judged_by_its_loop(clock):
    life = Vitals(session_timeout_s=10)
    clock.s += 8
    life.check()
    clock.s += 0.1
    with pytest.raises(Fenced, match="event loop"):
        life.check()


def test_a_heartbeat_older_than_most_of_the_session_fences(clock):
    life = Vitals(session_timeout_s=10)
    life.heartbeat()
    clock.s += 8.1
    life.turn()
    with pytest.raises(Fenced, match=r"group heartbeat was 8\.1 s ago"):
        life.check()
    life.heartbeat()
    life.check()


def test_the_watchdog_wants_progress_only_from_owners(clock):
    life, owner = Vitals(session_timeout_s=100), SimpleNamespace(busy=False)
    dog = Watchdog(life, busy=lambda: owner.busy, rebalancing=lambda: False)
    clock.s += watchdog.STALL_S + 1
    life.turn()
    assert dog.problem() is None
    owner.busy = True
    assert "no step has ended" in dog.problem()
    life.progress()
    assert dog.problem() is None


def test_a_rebalance_may_go_without_heartbeats_but_not_for_ever(clock):
    life = Vitals(session_timeout_s=10)
    life.heartbeat()
    dog = Watchdog(life, busy=lambda: True, rebalancing=lambda: True)
    clock.s += watchdog.REBALANCE_S - 1
    assert dog.problem() is None
    clock.s += 2
    assert "rebalancing for" in dog.problem()
    life.progress()  # a large table is still being read
    assert dog.problem() is None
