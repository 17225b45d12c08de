"""A worker that dies and comes back ends where one that lived would: number by number, wherever it died."""

from __future__ import annotations

from functools import cache

import msgspec
import pytest

from detector import events
from detector.engine.scopes import MAX_VALUES
from detector.fold import Fold
from detector.policy import HardLimit, Policy, Ruleset, StreamSettings, UnknownPolicies
from tests.logs import MONDAY_MS, LogWriter, action, deploy, steady

MINUTE, HOUR = 60_000, 3_600_000
RULES = Ruleset(
    version="v1",
    policies=(
        Policy(id="spam", mode="enforce"),
        Policy(id="hate", mode="enforce", hard_limit=HardLimit(max=300, per_s=600)),
    ),
)


def started(table: dict[bytes, bytes] | None = None) -> Fold:
    fold = Fold(RULES.stream)
    fold.assign(0, table or {})
    return fold


def values(fold: Fold) -> tuple[dict[bytes, bytes], int]:
    """What a checkpoint of now writes, and where a restart would read on."""
    snapshot = fold.snapshot()
    return {key: value for _, key, value in [*snapshot.policies(), *snapshot.seals()]}, snapshot.floors[0]


def state(fold: Fold) -> dict[str, object]:
    """Every number of every scope, without row numbers; evidence and onset numbers as they will be, not as written."""
    table = fold.engine.scopes.table.rows
    found: dict[str, object] = {"counters": fold.partitions[0].counters}
    for policy in fold.policies():
        for key, row in policy.rows.items():
            pending = [fold.engine.open.counts(b, fold.engine.scopes.of_partition(0)) for b in fold.engine.open]
            at = fold.engine.scopes.of_partition(0).tolist().index(row)
            found[policy.scope(key).id] = table[row].tobytes(), [p[at].tolist() for p in pending if p[at].any()]
        found[f"{policy.id} profile"] = fold.engine.scopes.profiles.rows[policy.profile].tobytes()
        found[f"{policy.id} objects"] = policy.breakers, policy.deploys, policy.dropped_values
    return found


@cache
def lived(log: LogWriter, records: int) -> tuple[dict[str, object], dict[str, bytes]]:
    """State and alerts of a worker that read that many records and never died."""
    whole = started()
    alerts = whole.apply(log.records[:records]).alerts
    return state(whole), {alert.alert_id: msgspec.json.encode(alert) for alert in alerts}


def dies_at(log: LogWriter, at: int, ahead: int = 0, policies: tuple[str, ...] = ()) -> None:
    """Die after record `at` was sealed, with values of `policies` written `ahead` records later, and live on."""
    expected, told = lived(log, len(log.records))
    fold = started()
    before = fold.apply(log.records[:at]).alerts
    table, floor = values(fold)
    before += fold.apply(log.records[at : at + ahead]).alerts
    later, _ = values(fold)
    for policy in policies:
        key = b"policy/" + policy.encode()
        table[key] = later.get(key, table[key])
    again = started(table)
    after = again.apply(log.records[floor:]).alerts
    assert state(again) == expected
    said = [(alert.alert_id, msgspec.json.encode(alert)) for alert in (*before, *after)]
    assert {**dict(said)} == told
    assert all(told[name] == body for name, body in said)


def test_hours_that_were_quiet_are_not_learned_again_or_lost():
    log = LogWriter(ruleset=RULES)
    log.live(steady("spam", MONDAY_MS, MONDAY_MS + HOUR, 2), MONDAY_MS + 9 * HOUR, every_ms=30_000)
    at = len(log.records) // 2
    fold = started()
    fold.apply(log.records[:at])
    table, _ = values(fold)
    fold.apply(log.records[at:])
    later, floor = values(fold)
    again = started(table | later)
    again.apply(log.records[floor:])
    assert state(again) == state(fold)


def test_values_that_had_made_room_do_not_come_back():
    log = LogWriter(ruleset=RULES)
    log.tick(MONDAY_MS)
    for i in range(2 * MAX_VALUES):
        log.rows([action(at_ms=MONDAY_MS + i * 500, region=f"r{i * 7 % 50:02}")], MONDAY_MS + i * 500)
    log.tick(MONDAY_MS + 5 * MINUTE)
    dies_at(log, len(log.records) - 1)


def test_a_policy_that_was_refused_is_not_counted_from_before_the_settings_that_took_it_in():
    full = Ruleset(version="v0", unknown=UnknownPolicies(cap=0))
    log = LogWriter(ruleset=full)
    log.tick(MONDAY_MS)
    log.rows([action("spam", MONDAY_MS)], MONDAY_MS + 1000)
    log.settings(RULES, MONDAY_MS + 2000)
    log.rows([action("hate", MONDAY_MS)], MONDAY_MS + 3000)
    log.rows([action("spam", MONDAY_MS + 1000)], MONDAY_MS + 4000)
    log.rows([action("spam", MONDAY_MS + 1000)], MONDAY_MS + 5000)
    dies_at(log, 5)
    dies_at(log, 6)


def test_a_young_version_is_still_known_to_be_deployed():
    log, start = LogWriter(ruleset=RULES), MONDAY_MS + 10 * MINUTE
    log.live([deploy("spam", MONDAY_MS, "42", "17"), *steady("spam", MONDAY_MS, start, 0.1)], start, every_ms=5000)
    at = len(log.records)
    log.live(steady("spam", start, start + 10 * MINUTE, 200), start + 10 * MINUTE)
    dies_at(log, at)


@cache
def busy(hours: float = 2.2) -> LogWriter:
    """Two policies, a burst of each at a deploy, late rows, quiet spells; ticks every 10 s."""
    log, end = LogWriter(ruleset=RULES), MONDAY_MS + int(hours * HOUR)
    found: list[events.AnyEvent] = []
    for policy, per_minute in (("spam", 3), ("hate", 5)):
        found += steady(policy, MONDAY_MS, MONDAY_MS + 80 * MINUTE, per_minute)
        found += [deploy(policy, MONDAY_MS + 55 * MINUTE, "42", "18")]
        found += steady(policy, MONDAY_MS + 56 * MINUTE, MONDAY_MS + 61 * MINUTE, 100, rule_version="18")
    log.live(found, MONDAY_MS + 58 * MINUTE, every_ms=10_000)
    log.rows([action(p, MONDAY_MS + i) for i, p in enumerate(("spam", "hate", "spam"))], MONDAY_MS + 58 * MINUTE)
    rest = [event for event in found if event.time >= MONDAY_MS + 58 * MINUTE]
    log.live(rest, end, every_ms=10_000)
    return log


@pytest.mark.parametrize(("minute", "ahead"), [(56, 0), (62, 0), (58, 3), (57, 40), (59, 40), (88, 3), (119, 40)])
def test_dying_anywhere_changes_nothing(minute, ahead):
    log = busy()
    at = next(i for i, record in enumerate(log.records) if record.timestamp_ms >= MONDAY_MS + minute * MINUTE)
    dies_at(log, at, ahead, ("spam",) if ahead else ())


def test_a_state_that_cannot_be_read_is_written_anew_so_that_the_next_restart_faults_nothing():
    log = LogWriter(ruleset=RULES)
    log.live(steady("spam", MONDAY_MS, MONDAY_MS + MINUTE, 10), MONDAY_MS + MINUTE)
    fold = started()
    fold.apply(log.records)
    table, _ = values(fold)
    table[b"policy/spam"] = table[b"policy/spam"][:8] + b"not a policy"
    again = started(table)
    log.tick(MONDAY_MS + 2 * MINUTE)
    assert len(again.apply(log.records[-1:]).alerts) == 1
    table |= values(again)[0]
    log.tick(MONDAY_MS + 3 * MINUTE)
    assert not started(table).apply(log.records[-1:]).alerts


def test_buckets_of_another_width_do_not_move_the_stream_clock():
    log = LogWriter(ruleset=RULES)
    log.live(steady("spam", MONDAY_MS, MONDAY_MS + MINUTE, 10), MONDAY_MS + MINUTE)
    fine = StreamSettings(bucket_s=1)
    fold = Fold(fine)
    fold.assign(0, {})
    fold.apply(log.records)
    table, _ = values(fold)
    again = started(table)
    log.rows([action("hate", MONDAY_MS + 2 * MINUTE)], MONDAY_MS + 2 * MINUTE)
    again.apply(log.records[-1:])
    assert again.partitions[0].counters.get("late", 0) == 0


def test_a_partition_that_left_and_came_back_without_a_seal_begins_from_nothing():
    log = LogWriter()
    log.tick(MONDAY_MS)
    log.rows([action("other", MONDAY_MS), action("spam", MONDAY_MS), deploy(None, MONDAY_MS, "42")], MONDAY_MS + 1000)
    log.settings(Ruleset(version="v0", unknown=UnknownPolicies(cap=0)), MONDAY_MS + 2000)
    fold, fresh = started(), started()
    fold.apply(log.records)
    fold.revoke(0)
    fold.assign(0, {})
    fold.apply(log.records[:2])
    fresh.apply(log.records[:2])
    assert state(fold) == state(fresh)


@pytest.mark.parametrize(("before", "ahead"), [(3, 6), (1, 1), (0, 1), (50, 150)])
def test_settings_that_came_between_the_seal_and_a_value_ahead_of_it_take_effect_once(before, ahead):
    log, at = switched()
    dies_at(log, at - before, ahead, ("hate",))


@cache
def switched() -> tuple[LogWriter, int]:
    """A log and the place in it from which on a limit is one of an hour, and no longer of ten minutes."""
    log, switch, end = LogWriter(ruleset=RULES), MONDAY_MS + 4 * MINUTE, MONDAY_MS + 6 * MINUTE
    log.live(steady("hate", MONDAY_MS, switch, 120), switch)
    at = len(log.records)
    wider = Policy(id="hate", mode="shadow", hard_limit=HardLimit(max=300, per_s=3600))
    log.settings(Ruleset(version="v2", policies=(wider,)), switch)
    log.live(steady("hate", switch, end, 120), end)
    return log, at
