"""The reader's rules: what a gate answers, from records and explicit clocks."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from detector.events import Automated, Breaker, Deploy, Directive, Heartbeat, Scope, State
from detector.gate.judge import decide, passes_probe
from detector.gate.memory import Memory
from detector.gate.rules import Asked, Reason, Rules
from detector.wire import log, rows

WALL_S = 1_790_000_000.0
WALL = datetime.fromtimestamp(WALL_S, UTC)
SPAM = Scope(policy_id="spam")
VERSION = Scope(policy_id="spam", dimension="rule_version", value="42@17")


def breaker(scope=SPAM, state=State.OPEN, **fields) -> Breaker:
    directive = Directive.NONE if state in (State.CLOSED, State.FAULT) else Directive.HOLD_FOR_REVIEW
    given = {"mode": "enforce", "directive": directive, "generation": 1, "partition": 3, "since": WALL, **fields}
    return Breaker(scope=scope, state=state, config_version="v1", **given)


def heartbeat(partition=3, lag_s=0.1) -> Heartbeat:
    return Heartbeat(partition=partition, position=1, stream_time=WALL, log_time=WALL, lag_s=lag_s)


class Reader:
    """A memory with clocks that the test moves."""

    def __init__(self, *records, **rules) -> None:
        self.memory, self.rules, self.now_s, self.wall_s = Memory(), Rules(**rules), 1000.0, WALL_S
        self.read(*records)

    def read(self, *records, live=True) -> None:
        for record in records:
            key = f"heartbeat/{record.partition}" if isinstance(record, Heartbeat) else record.scope.id
            self.raw(key, msgspec.json.encode(record), live=live)

    def raw(self, key: str, value: bytes | None, *, live=True) -> None:
        self.memory.apply(key.encode(), value, now_s=self.now_s, wall_s=self.wall_s, live=live)

    def ask(self, action_type="suspend", policy_id="spam", **fields):
        return decide(self.memory, self.rules, Asked(policy_id, action_type, **fields), now_s=self.now_s)


def test_an_open_breaker_holds_and_says_which_and_until_when():
    until = WALL + timedelta(hours=4)
    decision = Reader(heartbeat(), breaker(generation=7, hold_until=until)).ask()
    assert decision == (False, Reason.OPEN, "spam", "OPEN", 7, until, 0.0)


def test_a_closed_breaker_with_a_fresh_heartbeat_allows():
    decision = Reader(heartbeat(), breaker(state=State.CLOSED)).ask(reversible=False)
    assert decision == (True, Reason.CLOSED, "spam", "CLOSED", 1, None, 0.0)


@pytest.mark.parametrize("automated", ["PARTIALLY", "NOT_AUTOMATED", Automated.PARTIALLY])
def test_only_fully_automated_actions_can_be_held(automated):
    reader = Reader(breaker())
    assert reader.ask(automated_decision=automated, reversible=False).reason is Reason.NOT_AUTOMATED
    assert not reader.ask(automated_decision=Automated.FULLY, reversible=False).allow


@pytest.mark.parametrize("mode", ["shadow", "alert_only", "disabled"])
@pytest.mark.parametrize("state", [State.OPEN, State.HALF_OPEN])
def test_a_mode_that_never_pauses_holds_nothing_whatever_the_directive(mode, state):
    decision = Reader(heartbeat(), breaker(state=state, mode=mode)).ask(reversible=False)
    assert (decision.allow, decision.reason) == (True, Reason.NOT_ENFORCED)


def test_open_without_a_directive_as_while_catching_up_holds_nothing():
    decision = Reader(heartbeat(), breaker(directive=Directive.NONE, catching_up=True)).ask()
    assert (decision.allow, decision.reason) == (True, Reason.NOT_ENFORCED)


def test_a_fault_is_visible_and_does_not_pause():
    decision = Reader(heartbeat(), breaker(state=State.FAULT)).ask(reversible=False)
    assert (decision.allow, decision.state) == (True, "FAULT")


def test_a_narrowed_breaker_holds_its_rule_version_and_nothing_else():
    reader = Reader(heartbeat(), breaker(state=State.CLOSED), breaker(VERSION))
    assert reader.ask(rule_id="42", rule_version="17").scope == "spam|rule_version=42@17"
    assert not reader.ask(rule_id="42", rule_version="17").allow
    assert reader.ask(rule_id="42", rule_version="16").allow
    assert reader.ask().allow


@pytest.mark.parametrize("rule", [(None, None), ("42", None), (None, "17"), ("42", "17")])
@pytest.mark.parametrize("model", [(None, None), ("m", "3")])
def test_an_origin_is_spelled_as_in_the_log(rule, model):
    origin = dict(zip(("rule_id", "rule_version", "model_id", "model_version"), rule + model, strict=True))
    builder = rows.RowsBuilder(1, bytes(16))
    builder.add(0, 0, Deploy(id="e", time=WALL, change="x", policy_id="spam", **origin))
    (message,) = builder.build({0: 0}, lambda _partition, _source: -1)
    record = log.decode(message.value)
    for dimension, (value,) in {"rule_version": record.origins, "model_version": record.models}.items():
        scope = Scope(policy_id="spam", dimension=dimension, value=value or "nobody")
        assert Reader(heartbeat(), breaker(scope)).ask(**origin).allow == (not value)


@pytest.mark.parametrize(
    ("dimension", "asked"), [("signal", "signal_id"), ("client", "client"), ("action_type", "action_type")]
)
def test_a_breaker_of_any_dimension_holds_that_value_only(dimension, asked):
    reader = Reader(heartbeat(), breaker(Scope(policy_id="spam", dimension=dimension, value="this")))
    assert not reader.ask(**{asked: "this"}).allow
    assert reader.ask(**{asked: "other"}).allow


def test_a_region_breaker_holds_that_region_only():
    reader = Reader(heartbeat(), breaker(Scope(policy_id="spam", dimension="region", value="EU")))
    assert not reader.ask(region="EU").allow
    assert reader.ask(region="US").allow


def test_open_with_an_expired_lease_stays_held_until_its_hold_runs_out():
    reader = Reader(heartbeat(), breaker(hold_until=WALL + timedelta(hours=1)))
    reader.now_s += 121
    assert (reader.ask().allow, reader.ask().reason) == (False, Reason.LEASE_EXPIRED)
    reader.now_s = 1000 + 3600
    assert (reader.ask().allow, reader.ask().reason) == (True, Reason.HOLD_EXPIRED)
    assert not reader.ask(reversible=False).allow


def test_with_a_lease_a_hold_does_not_end_by_itself():
    reader = Reader(breaker(hold_until=WALL + timedelta(hours=1)))
    reader.now_s += 7200
    reader.read(heartbeat())
    assert reader.ask().reason is Reason.OPEN


def test_a_hold_is_measured_by_the_monotonic_clock_from_receipt():
    reader = Reader(heartbeat(), breaker(hold_until=WALL + timedelta(hours=1)))
    reader.wall_s += 86_400
    reader.now_s += 3599
    assert reader.ask().reason is Reason.LEASE_EXPIRED


def test_a_hold_without_an_end_never_runs_out():
    reader = Reader(heartbeat(), breaker())
    reader.now_s += 1e9
    assert reader.ask().reason is Reason.LEASE_EXPIRED


def test_when_the_detector_is_silent_the_irreversible_holds_and_the_rest_runs():
    reader = Reader(heartbeat(), breaker(state=State.CLOSED))
    reader.now_s += 120
    assert reader.ask(reversible=False).allow
    reader.now_s += 0.1
    assert (reader.ask(reversible=False).allow, reader.ask(reversible=True).allow) == (False, True)
    assert reader.ask().reason is Reason.SILENT
    assert reader.ask().stale_s == pytest.approx(120.1)


def test_a_detector_that_trails_the_stream_is_not_believed_when_it_says_closed():
    reader = Reader(heartbeat(lag_s=120.5), breaker(state=State.CLOSED))
    assert (reader.ask(reversible=False).allow, reader.ask().allow) == (False, True)
    assert reader.ask().reason is Reason.LAGGING
    reader.read(heartbeat(lag_s=1))
    assert reader.ask(reversible=False).reason is Reason.CLOSED


def test_what_happens_in_doubt_is_configured_per_action_type():
    reader = Reader(in_doubt={"warn": "allow", "ban": "hold"})
    assert reader.ask("warn", reversible=False).allow
    assert not reader.ask("ban", reversible=True).allow
    assert reader.ask("limit", reversible=True).allow


def test_history_read_at_the_start_renews_no_lease():
    reader = Reader()
    reader.read(breaker(hold_until=WALL + timedelta(hours=1)), heartbeat(), live=False)
    assert (reader.ask().reason, reader.ask().stale_s) == (Reason.LEASE_EXPIRED, math.inf)
    reader.read(heartbeat())
    assert reader.ask().reason is Reason.OPEN


def test_a_policy_without_a_record_is_closed_only_if_its_log_partition_has_a_heartbeat():
    reader = Reader(heartbeat(partition=0), log_partitions=1)
    assert reader.ask(policy_id="never-seen").reason is Reason.CLOSED
    elsewhere = Reader(heartbeat(partition=1), log_partitions=1)
    assert elsewhere.ask(policy_id="never-seen").reason is Reason.SILENT


def test_a_lost_reader_makes_everything_stale_at_once():
    reader = Reader(heartbeat(), breaker(state=State.CLOSED))
    reader.memory.forget_leases()
    assert (reader.ask(reversible=False).allow, reader.ask().stale_s) == (False, math.inf)


@pytest.mark.parametrize("fields", [{"directive": "DRAIN"}, {"mode": "canary"}])
def test_an_unknown_value_beside_a_directive_holds_the_irreversible_and_is_counted(fields):
    reader = Reader(heartbeat())
    reader.raw("spam", msgspec.json.encode(msgspec.to_builtins(breaker()) | fields))
    assert (reader.ask(reversible=False).allow, reader.ask().allow) == (False, True)
    assert reader.ask().reason is Reason.UNKNOWN
    assert reader.memory.counts.unknown_words == 1


def test_a_known_directive_is_obeyed_in_an_unknown_state():
    reader = Reader(heartbeat())
    forced = msgspec.to_builtins(breaker()) | {"state": "FORCED_OPEN", "new_field": [1]}
    reader.raw("spam", msgspec.json.encode(forced))
    assert (reader.ask().allow, reader.ask().state) == (False, "FORCED_OPEN")
    reader.raw("spam", msgspec.json.encode(forced | {"directive": "NONE", "generation": 2}))
    assert (reader.ask().allow, reader.ask(reversible=False).allow) == (True, False)
    assert reader.memory.counts.unknown_words == 2


@pytest.mark.parametrize("value", [b"", b"{", b"null", b"[]", b"\xff", b'{"scope":{}}', b"[" * 100_000])
def test_an_unreadable_record_puts_its_scope_in_doubt_until_the_next_readable_one(value):
    reader = Reader(heartbeat(), breaker(state=State.CLOSED), breaker(VERSION, state=State.CLOSED))
    reader.raw(VERSION.id, value)
    asked = {"rule_id": "42", "rule_version": "17", "reversible": False}
    assert (reader.ask(**asked).allow, reader.ask(**asked).reason) == (False, Reason.UNKNOWN)
    assert reader.ask(reversible=False).allow
    reader.read(breaker(VERSION, state=State.CLOSED))
    assert reader.ask(**asked).allow
    assert reader.memory.counts.unreadable_records == 1


def test_an_unreadable_heartbeat_or_key_renews_nothing_and_raises_nothing():
    reader = Reader(breaker(state=State.CLOSED))
    reader.raw("heartbeat/3", b'{"partition": 3}')
    reader.memory.apply(b"\xff\xfe", b"x", now_s=1000, wall_s=WALL_S, live=True)
    reader.memory.apply(None, None, now_s=1000, wall_s=WALL_S, live=True)
    assert reader.ask().reason is Reason.SILENT
    assert reader.memory.counts.unreadable_records == 2


def test_a_tombstone_retires_one_scope():
    reader = Reader(heartbeat(), breaker(), breaker(VERSION))
    reader.raw("spam", None)
    assert reader.ask().allow
    assert not reader.ask(rule_id="42", rule_version="17").allow


def test_half_open_lets_a_fixed_share_of_subjects_through():
    reader = Reader(heartbeat(), breaker(state=State.HALF_OPEN, probe_ratio=0.05))
    passed = [reader.ask(subject_id=f"u{n}") for n in range(4000)]
    assert 120 < sum(decision.allow for decision in passed) < 280
    assert {decision.reason for decision in passed} == {Reason.PROBE, Reason.HALF_OPEN}
    assert passed == [reader.ask(subject_id=f"u{n}") for n in range(4000)]


def test_another_generation_probes_other_subjects_and_an_unnamed_subject_never_passes():
    first = {n for n in range(1000) if passes_probe(f"u{n}", 1, 0.1)}
    assert first != {n for n in range(1000) if passes_probe(f"u{n}", 2, 0.1)}
    assert not passes_probe(None, 1, 1.0)
    assert all(passes_probe(f"u{n}", 1, 1.0) for n in range(100))


def test_nobody_is_probed_while_the_detector_is_silent():
    reader = Reader(heartbeat(), breaker(state=State.HALF_OPEN, probe_ratio=1.0, hold_until=WALL + timedelta(hours=1)))
    assert reader.ask(subject_id="u").reason is Reason.PROBE
    reader.now_s += 200
    assert reader.ask(subject_id="u").reason is Reason.LEASE_EXPIRED


def test_an_older_generation_never_wins_and_is_counted():
    reader = Reader(heartbeat(), breaker(generation=9), breaker(state=State.CLOSED, generation=8))
    assert not reader.ask().allow
    assert reader.memory.counts.older_generations == 1


def test_of_two_contents_with_one_generation_the_stricter_is_kept_and_counted():
    for pair in ([breaker(), breaker(state=State.CLOSED)], [breaker(state=State.CLOSED), breaker()]):
        reader = Reader(heartbeat(), *pair)
        assert not reader.ask().allow
        assert reader.memory.counts.same_generation_conflicts == 1


def test_a_rewritten_record_is_no_conflict_and_prolongs_the_hold():
    later = breaker(hold_until=WALL + timedelta(hours=2))
    reader = Reader(heartbeat(), breaker(hold_until=WALL + timedelta(hours=1)), later)
    reader.now_s += 7100
    assert reader.ask().reason is Reason.LEASE_EXPIRED
    assert reader.memory.counts.same_generation_conflicts == 0
