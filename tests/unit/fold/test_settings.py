"""New settings take effect on what is going on: open breakers, faults, limits. Readers must accept each new word."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from detector.breaker import Moment
from detector.engine.policy_state import WHOLE
from detector.events import State
from detector.fold import Fold, Outcome, state
from detector.gate.memory import Memory
from detector.gate.word import Demand
from detector.policy import HardLimit, Mode, OnTrip, Policy, Ruleset
from detector.wire.cloudevents import breaker_message
from tests.logs import MONDAY_MS, LogWriter, action, deploy, steady

MINUTE, HOUR = 60_000, 3_600_000
SPAM = Policy(id="spam", mode="enforce", hard_limit=HardLimit(max=100, per_s=60), breaker=OnTrip(cooldown_s=600))
RULES = Ruleset(version="v1", policies=(SPAM,))


def tripped() -> tuple[LogWriter, Fold, Memory]:
    """A policy that enforces and was just opened by its hard limit, and a gate that was told."""
    log, fold, gate = LogWriter(ruleset=RULES), Fold(RULES.stream), Memory()
    fold.assign(0, {})
    log.tick(MONDAY_MS)
    log.live(steady("spam", MONDAY_MS, MONDAY_MS + MINUTE, 120), MONDAY_MS + MINUTE)
    hear(gate, fold.apply(log.records))
    assert demand(gate) is Demand.HOLD
    return log, fold, gate


def hear(gate: Memory, outcome: Outcome) -> None:
    for breaker in outcome.breakers:
        message = breaker_message(breaker)
        gate.apply(message.key, message.value, now_s=0.0, wall_s=0.0, live=True)


def demand(gate: Memory) -> Demand:
    return gate.of("spam")[None, None].demand


def settled(log: LogWriter, fold: Fold, policy: Policy) -> Outcome:
    """What the fold says to a new policy file, and to a tick after it."""
    at, last = len(log.records), log.records[-1].timestamp_ms
    log.settings(Ruleset(version=f"v{at}", policies=(policy,)), last + 100)
    log.tick(last + 1000)
    return fold.apply(log.records[at:])


def unreadable(fold: Fold) -> Fold:
    """A fold that goes on from another one's state, in which the policy is of a program with other buckets."""
    snapshot = fold.snapshot()
    table = {key: value for _, key, value in [*snapshot.policies(), *snapshot.seals()]}
    stored = state._policies.decode(state.body_of(table[b"policy/spam"]))
    stored.bucket_ms = 1000
    table[b"policy/spam"] = state.pack_policy(state.position_of(table[b"policy/spam"]), stored)
    again = Fold(RULES.stream)
    again.assign(0, table)
    return again


def test_a_gate_lets_go_of_the_part_that_was_held_of_a_policy_whose_state_can_not_be_read():
    log, fold, gate = LogWriter(ruleset=RULES), Fold(RULES.stream), Memory()
    fold.assign(0, {})
    log.live(steady("spam", MONDAY_MS, MONDAY_MS + HOUR, 2), MONDAY_MS + HOUR, every_ms=300_000)
    bad = steady("spam", MONDAY_MS + HOUR, MONDAY_MS + HOUR + 2 * MINUTE, 32, rule_version="18")
    log.live([deploy("spam", MONDAY_MS + HOUR - 1, "42", "18"), *bad], MONDAY_MS + HOUR + 2 * MINUTE, every_ms=5000)
    hear(gate, fold.apply(log.records))
    assert gate.of("spam")["rule_version", "42@18"].demand is Demand.HOLD
    log.tick(MONDAY_MS + HOUR + 3 * MINUTE)
    outcome = unreadable(fold).apply(log.records[-1:])
    assert [alert.type for alert in outcome.alerts] == ["breaker.closed", "breaker.faulted"]
    hear(gate, outcome)
    assert {word.demand for word in gate.of("spam").values()} == {Demand.NOTHING}


def test_a_gate_takes_a_fault_for_newer_than_a_trip_after_the_last_tick():
    log, fold, gate = LogWriter(ruleset=RULES), Fold(RULES.stream), Memory()
    fold.assign(0, {})
    log.tick(MONDAY_MS)
    log.rows(steady("spam", MONDAY_MS, MONDAY_MS + 900, 120 * 60), MONDAY_MS + 950)
    hear(gate, fold.apply(log.records))
    assert demand(gate) is Demand.HOLD
    log.tick(MONDAY_MS + 1000)
    hear(gate, unreadable(fold).apply(log.records[-1:]))
    assert demand(gate) is Demand.NOTHING


@pytest.mark.parametrize("mode", ["shadow", "alert_only", "disabled"])
def test_a_mode_that_never_pauses_releases_an_open_breaker_at_once(mode: Mode):
    log, fold, gate = tripped()
    hear(gate, settled(log, fold, replace(SPAM, mode=mode)))
    assert demand(gate) is Demand.NOTHING
    assert gate.counts.same_generation_conflicts == 0


def test_a_policy_that_is_disabled_closes_its_breaker_and_then_says_nothing():
    log, fold, _ = tripped()
    outcome = settled(log, fold, replace(SPAM, mode="disabled"))
    assert [(a.type, a.to_state) for a in outcome.alerts] == [("breaker.closed", State.CLOSED)]
    at, end = len(log.records), MONDAY_MS + HOUR
    log.live(steady("spam", MONDAY_MS + 2 * MINUTE, end, 120), end, every_ms=10_000)
    assert not fold.apply(log.records[at:]).alerts


def test_a_mode_that_pauses_again_is_obeyed():
    log, fold, gate = tripped()
    hear(gate, settled(log, fold, replace(SPAM, mode="shadow")))
    hear(gate, settled(log, fold, SPAM))
    assert demand(gate) is Demand.HOLD


def test_new_settings_that_leave_a_policy_as_it_is_bring_no_new_generation():
    log, fold, gate = tripped()
    before = gate.of("spam")[None, None].word.generation
    hear(gate, settled(log, fold, SPAM))
    assert gate.of("spam")[None, None].word.generation == before


def test_new_settings_bring_a_faulted_policy_back():
    log, fold, _ = tripped()
    policy = fold.engine.scopes.policies["spam"]
    fold.engine.actuator.fault(policy, WHOLE, "its numbers are gone", Moment(MONDAY_MS, MONDAY_MS + MINUTE))
    outcome = settled(log, fold, SPAM)
    assert [(a.type, a.from_state, a.to_state) for a in outcome.alerts] == [
        ("breaker.closed", State.FAULT, State.CLOSED)
    ]
    at, start = len(log.records), MONDAY_MS + 10 * MINUTE
    log.live(steady("spam", start, start + MINUTE, 120), start + MINUTE)
    assert State.OPEN in [alert.to_state for alert in fold.apply(log.records[at:]).alerts]


@pytest.mark.parametrize(("was", "now", "closes"), [("approval", "auto", True), ("auto", "approval", False)])
def test_who_closes_it_can_change_while_it_probes(was, now, closes):
    first = replace(SPAM, breaker=OnTrip(cooldown_s=60, probe_s=600, close=was))
    log, fold, _ = tripped()
    settled(log, fold, first)
    at, end = len(log.records), MONDAY_MS + 5 * MINUTE
    log.tick(end)
    fold.apply(log.records[at:])
    assert fold.engine.scopes.policies["spam"].breaker(WHOLE).state is State.HALF_OPEN
    settled(log, fold, replace(first, breaker=replace(first.breaker, close=now)))
    log.tick(end + 20 * MINUTE)
    fold.apply(log.records[-1:])
    assert (fold.engine.scopes.policies["spam"].breaker(WHOLE).state is State.CLOSED) is closes
    assert fold.engine.actuator.timers([0], after=0) == []


@pytest.mark.parametrize(("before_s", "after_s"), [(60, 3600), (3600, 60), (600, 86_400)])
def test_a_hard_limit_with_another_window_works_from_then_on(before_s, after_s):
    old, new = (Policy(id="spam", hard_limit=HardLimit(max=100, per_s=per_s)) for per_s in (before_s, after_s))
    log, fold = LogWriter(ruleset=Ruleset(version="old", policies=(old,))), Fold(RULES.stream)
    fold.assign(0, {})
    log.tick(MONDAY_MS)
    log.live(steady("spam", MONDAY_MS, MONDAY_MS + MINUTE, 30), MONDAY_MS + 5 * MINUTE)
    fold.apply(log.records)
    settled(log, fold, new)
    at, start = len(log.records), MONDAY_MS + 6 * MINUTE
    log.live(steady("spam", start, start + MINUTE, 110), start + MINUTE)
    alerts = [alert for alert in fold.apply(log.records[at:]).alerts if alert.to_state is State.OPEN]
    assert [alert.evidence[0].window_s for alert in alerts] == [after_s]


def test_a_burst_that_was_paused_does_not_open_the_breaker_again_when_its_buckets_become_final():
    quick = replace(SPAM, breaker=OnTrip(cooldown_s=60, probe_s=60))
    log, fold = LogWriter(ruleset=Ruleset(version="v1", policies=(quick,))), Fold(RULES.stream)
    fold.assign(0, {})
    log.tick(MONDAY_MS)
    end = MONDAY_MS + 10 * MINUTE
    calm = [action("spam", MONDAY_MS + 90_000 + i * 20_000) for i in range(20)]
    log.live([*steady("spam", MONDAY_MS, MONDAY_MS + 10_000, 120 * 6), *calm], end)
    told = [(alert.from_state, alert.to_state) for alert in fold.apply(log.records).alerts]
    assert told == [
        (State.CLOSED, State.OPEN), (State.OPEN, State.HALF_OPEN), (State.HALF_OPEN, State.CLOSED)
    ]  # fmt: skip
