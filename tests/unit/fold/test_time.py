"""Buckets, hours and silence: no width of a bucket, and no gap in the stream, makes time run wrong."""

from __future__ import annotations

import numpy as np
import pytest

from detector.engine import step
from detector.engine.policy_state import WHOLE
from detector.fold import Fold, Outcome
from detector.policy import HardLimit, Policy, Ruleset, StreamSettings
from detector.stats.baseline import MEMORY_H
from tests.logs import MONDAY_MS, LogWriter, action, deploy, steady

MINUTE, HOUR = 60_000, 3_600_000
WIDTHS_S = (1, 2.5, 5, 7, 60)


def rules(**stream) -> Ruleset:
    spam = Policy(id="spam", mode="enforce", hard_limit=HardLimit(max=100, per_s=60))
    return Ruleset(version="v1", stream=StreamSettings(**stream), policies=(spam,))


def applied(log: LogWriter, ruleset: Ruleset) -> tuple[Fold, Outcome]:
    fold = Fold(ruleset.stream)
    fold.assign(log.partition, {})
    return fold, fold.apply(log.records)


def row(fold: Fold, policy: str = "spam") -> np.void:
    return fold.engine.scopes.table.rows[fold.engine.scopes.policies[policy].rows[WHOLE]]


@pytest.mark.parametrize("bucket_s", WIDTHS_S)
@pytest.mark.parametrize("lateness_s", [60, 120, 3600])
def test_an_event_is_evidence_until_the_stream_clock_is_the_lateness_past_it(bucket_s, lateness_s):
    ruleset = rules(bucket_s=bucket_s, lateness_s=lateness_s)
    log, at = LogWriter(ruleset=ruleset), MONDAY_MS + 2 * HOUR
    log.tick(MONDAY_MS)
    log.rows([action("spam", MONDAY_MS)], MONDAY_MS + 1000)
    log.tick(at)
    log.rows([action("spam", at - lateness_s * 1000)], at + 1000)
    fold, _ = applied(log, ruleset)
    assert fold.partitions[0].counters.get("late", 0) == 0
    log.rows([action("spam", at - lateness_s * 1000 - int(2000 * bucket_s) - 1)], at + 2000)
    fold, _ = applied(log, ruleset)
    assert fold.partitions[0].counters["late"] == 1


def test_buckets_as_wide_as_the_lateness_do_not_make_every_event_late():
    ruleset = rules(bucket_s=60, lateness_s=60)
    log = LogWriter(ruleset=ruleset)
    log.live(steady("spam", MONDAY_MS, MONDAY_MS + 10 * MINUTE, 60), MONDAY_MS + 15 * MINUTE)
    fold, _ = applied(log, ruleset)
    assert row(fold)["total"] == 600
    assert fold.partitions[0].counters.get("late", 0) == 0


@pytest.mark.parametrize("bucket_s", [7, 60])
def test_every_hour_is_learned_once_with_what_it_had(bucket_s):
    ruleset = rules(bucket_s=bucket_s, guard_s=0)
    log, end = LogWriter(ruleset=ruleset), MONDAY_MS + 30 * HOUR
    log.live(steady("spam", MONDAY_MS, end, 1), end + 10 * MINUTE, every_ms=MINUTE)
    fold, _ = applied(log, ruleset)
    assert row(fold)["level_a"] / row(fold)["level_b"] == pytest.approx(60, rel=0.04)
    assert (fold.engine.scopes.profiles.rows[0]["counts"] > 10).sum() == 30 - 24  # none of the first day


def test_after_weeks_of_silence_a_policy_is_judged_by_the_right_hour():
    ruleset = Ruleset(version="v1", policies=(Policy(id="spam"),))
    log, end = LogWriter(ruleset=ruleset), MONDAY_MS + 72 * HOUR
    days = [MONDAY_MS + (24 * day + 8) * HOUR for day in range(3)]
    log.live([e for day in days for e in steady("spam", day, day + 12 * HOUR, 1)], end, every_ms=10 * MINUTE)
    noon = (MONDAY_MS + (35 * 24 + 12) * HOUR) // HOUR
    log.tick(noon * HOUR + 10 * MINUTE)
    fold, _ = applied(log, ruleset)
    scopes, at = fold.engine.scopes, fold.engine.scopes.of_partition(0)
    view, link = scopes.table.rows[at], scopes.links.rows[at]
    for name, hour in (("rate", noon), ("next_rate", noon + 1)):
        assert view[name] == pytest.approx(step.expect(view, link, hour, scopes.profiles.rows))


@pytest.mark.parametrize("days", [(0, 5), (9, 0)])
def test_a_partition_ends_in_the_same_state_whoever_else_is_on_the_worker(days):
    ruleset, end = rules(), MONDAY_MS + 20 * 24 * HOUR
    logs = [LogWriter(0, ruleset), LogWriter(1, ruleset)]
    for log, policy, day in zip(logs, ("spam", "hate"), days, strict=True):
        first = MONDAY_MS + day * 24 * HOUR
        log.rows(steady(policy, first, first + HOUR, 1), end)
        log.tick(end)
        log.tick(end + (20 - day) * 24 * HOUR)
        log.rows([action(policy, end + day * 24 * HOUR + HOUR)], end + 30 * 24 * HOUR)
        log.tick(end + 30 * 24 * HOUR)
    together = Fold(ruleset.stream)
    together.assign(0, {})
    together.assign(1, {})
    together.apply([record for pair in zip(*(log.records for log in logs), strict=True) for record in pair])
    for log, policy in zip(logs, ("spam", "hate"), strict=True):
        assert row(together, policy).tobytes() == row(applied(log, ruleset)[0], policy).tobytes()


def test_what_another_partition_counts_in_the_same_poll_makes_nobody_speak():
    ruleset, end = Ruleset(version="v1", policies=(Policy(id="spam"),)), MONDAY_MS + 9 * HOUR
    spam, other = LogWriter(0, ruleset), LogWriter(1, ruleset)
    early = [action("spam", end + 20_000 + i) for i in range(200)]
    for log, found in (
        (spam, [*early, deploy("spam", end + 45_000, "42", "17")]),
        (other, [action("other", end + 55_000, rule_id="7")]),
    ):
        log.tick(MONDAY_MS)
        log.live(steady("spam" if log is spam else "other", MONDAY_MS, end, 1), end, every_ms=60_000)
        log.rows(found, end + 60_000)
    log_pairs = zip(spam.records, other.records, strict=True)
    together = Fold(ruleset.stream)
    together.assign(0, {})
    together.assign(1, {})
    alerts = together.apply([record for pair in log_pairs for record in pair]).alerts
    assert {alert.type for alert in alerts} == {"breaker.warned"}
    assert [a for a in alerts if a.scope.policy_id == "spam"] == applied(spam, ruleset)[1].alerts


def test_a_new_level_that_lasts_is_learned_after_a_day_of_warning():
    ruleset, day = Ruleset(version="v1", policies=(Policy(id="spam"),)), 24 * HOUR
    log, shift, end = LogWriter(ruleset=ruleset), MONDAY_MS + 2 * day, MONDAY_MS + 5 * day
    found = [*steady("spam", MONDAY_MS, shift, 0.25), *steady("spam", shift, end, 1)]
    log.live(found, end, every_ms=10 * MINUTE)
    fold, _ = applied(log, ruleset)
    assert row(fold)["level_b"] == pytest.approx(MEMORY_H * (1 - np.exp(-96 / MEMORY_H)), rel=0.1)
