"""What operators fear: outages, skewed clocks, first starts. Nothing trips that real time would not have tripped."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from detector import events
from detector.fold import Fold, Outcome
from detector.policy import HardLimit, OnTrip, Policy, Ruleset, StreamSettings
from tests.logs import MONDAY_MS, LogWriter, action, deploy, steady, totals

MINUTE, HOUR = 60_000, 3_600_000
RULES = Ruleset(version="v1", policies=(Policy(id="spam", mode="enforce", hard_limit=HardLimit(max=300, per_s=600)),))
USUAL = 15.0  # per minute: half of what the hard limit tolerates


def applied(log: LogWriter, rules: Ruleset = RULES) -> Outcome:
    fold = Fold(rules.stream)
    fold.assign(0, {})
    return fold.apply(log.records)


def opened(outcome: Outcome) -> list[events.Alert]:
    return [alert for alert in outcome.alerts if alert.to_state is events.State.OPEN]


def directed(outcome: Outcome) -> list[events.Breaker]:
    return [breaker for breaker in outcome.breakers if breaker.directive is not events.Directive.NONE]


def usual(log: LogWriter, until_ms: int) -> None:
    """A live history, in steps of a minute."""
    log.live(steady("spam", MONDAY_MS, until_ms, USUAL), until_ms, every_ms=MINUTE)


def live_then_backlog(log: LogWriter, seconds: int = 60) -> int:
    """A live hour, an hour in which nobody consumed, and its backlog read within `seconds`; returns the end."""
    start, back = MONDAY_MS + HOUR, MONDAY_MS + 2 * HOUR
    usual(log, start)
    backlog = steady("spam", start, back, USUAL)
    share = len(backlog) // seconds
    for second in range(seconds):
        now = back + second * 1000
        log.rows(backlog[second * share : (second + 1) * share], now)
        log.tick(now, behind=len(backlog) - (second + 1) * share)
    return back + seconds * 1000


def test_an_hours_backlog_read_in_a_minute_trips_nothing():
    log = LogWriter(ruleset=RULES)
    end = live_then_backlog(log)
    log.live(steady("spam", end, end + 10 * MINUTE, USUAL), end + 10 * MINUTE)
    assert not opened(applied(log))


def test_a_source_partition_far_ahead_of_the_others_trips_nothing():
    log, end = LogWriter(ruleset=RULES), MONDAY_MS + HOUR
    halves = [steady("spam", MONDAY_MS, end, USUAL / 2), steady("spam", MONDAY_MS, end, USUAL / 2)]
    log.rows(halves[0], end, source=0)
    share = len(halves[1]) // 60
    for second in range(60):
        now = end + second * 1000
        log.rows(halves[1][second * share : (second + 1) * share], now, source=1)
        log.tick(now, behind=0 if second == 59 else 1)
    assert not opened(applied(log))


def test_a_producer_with_a_clock_an_hour_fast_trips_nothing_and_is_counted():
    log, end = LogWriter(ruleset=RULES), MONDAY_MS + 2 * HOUR
    right = steady("spam", MONDAY_MS, end, USUAL / 2)
    fast = steady("spam", MONDAY_MS, end, USUAL / 2)
    for event in fast:
        event.time += HOUR if event.time < MONDAY_MS + HOUR else 0
    arrivals = [(event.time, event) for event in right]
    arrivals += [(MONDAY_MS + i * (end - MONDAY_MS) // len(fast), event) for i, event in enumerate(fast)]
    arrivals.sort(key=lambda pair: pair[0])
    at = 0
    for now in range(MONDAY_MS + 10_000, end, 10_000):
        due = []
        while at < len(arrivals) and arrivals[at][0] < now:
            due.append(arrivals[at][1])
            at += 1
        if due:
            log.rows(due, now)
        log.tick(now)
    fold = Fold(RULES.stream)
    fold.assign(0, {})
    assert not opened(fold.apply(log.records))
    assert fold.partitions[0].counters["ahead"] == pytest.approx(len(fast) / 2, abs=2)


def test_a_first_start_at_the_earliest_offset_of_a_week_issues_no_directive_for_the_past():
    log, now = LogWriter(ruleset=RULES), MONDAY_MS + 7 * 24 * HOUR
    week = steady("spam", MONDAY_MS, now, 1.0)
    burst = steady("spam", MONDAY_MS + 50 * HOUR, MONDAY_MS + 50 * HOUR + 5 * MINUTE, 200.0)
    backlog = sorted(week + burst, key=lambda event: event.time)
    share = len(backlog) // 100 + 1
    for second in range(100):
        log.rows(backlog[second * share : (second + 1) * share], now + second * 1000)
        log.tick(now + second * 1000, behind=max(0, len(backlog) - (second + 1) * share))
    outcome = applied(log)
    assert {alert.catching_up for alert in opened(outcome)} == {True}
    assert not directed(outcome)


def test_a_breaker_that_is_still_open_on_arrival_is_issued_then():
    rules = Ruleset(version="v1", policies=RULES.policies)
    log, start = LogWriter(ruleset=rules), MONDAY_MS + HOUR
    usual(log, start)
    backlog = steady("spam", start, start + 10 * MINUTE, USUAL)
    backlog += steady("spam", start + 5 * MINUTE, start + 10 * MINUTE, 100.0)
    backlog.sort(key=lambda event: event.time)
    back = start + 10 * MINUTE
    log.rows(backlog, back)
    for second in range(5):
        log.tick(back + second * 1000)
    outcome = applied(log, rules)
    assert [alert.enforced for alert in opened(outcome)] == [False]
    assert [breaker.generation for breaker in directed(outcome)] > [opened(outcome)[0].generation]


def test_what_passed_a_limit_during_an_outage_is_told_on_arrival_even_if_nothing_more_comes():
    log, start = LogWriter(ruleset=RULES), MONDAY_MS + HOUR
    usual(log, start)
    back = start + 90_000
    log.rows(steady("spam", start, back, 400.0), back)
    log.tick(back)
    (trip,) = opened(applied(log))
    assert trip.detected_at.timestamp() * 1000 == back
    assert not trip.catching_up


def test_late_rows_are_counted_and_give_no_evidence():
    log, end = LogWriter(ruleset=RULES), MONDAY_MS + HOUR
    usual(log, end)
    log.rows([action("spam", MONDAY_MS + 60_000 + i) for i in range(500)], end + 1000)
    log.tick(end + 2000)
    fold = Fold(RULES.stream)
    fold.assign(0, {})
    assert not opened(fold.apply(log.records))
    assert fold.partitions[0].counters["late"] == 500
    assert totals(fold)["spam"] == 15 * 60 + 500


def test_the_same_event_sent_twice_counts_once_while_its_bucket_is_open():
    log = LogWriter(ruleset=RULES)
    once = [action("spam", MONDAY_MS + 1000 * i) for i in range(100)]
    log.tick(MONDAY_MS)
    log.rows(once, MONDAY_MS + 101_000)
    log.rows(once, MONDAY_MS + 102_000)
    fold = Fold(RULES.stream)
    fold.assign(0, {})
    fold.apply(log.records)
    assert totals(fold) == {"spam": 100}
    assert fold.partitions[0].counters["duplicates"] == 100


def test_a_source_partition_that_stands_still_is_left_out_of_the_clock_and_named():
    log, end = LogWriter(ruleset=RULES), MONDAY_MS + 20 * MINUTE
    log.rows(steady("spam", MONDAY_MS, MONDAY_MS + 1000, 60), MONDAY_MS, source=1)
    log.live(steady("spam", MONDAY_MS, end, USUAL), end)
    for record in log.records:
        if hasattr(record.value, "sources"):
            for report in record.value.sources:
                report.stalled, report.end = report.source == 1, report.end + 9 * (report.source == 1)
    log.rows(steady("spam", end, end + 60_000, 600), end + 60_000)
    outcome = applied(log)
    assert [alert.data_quality.blind_sources for alert in opened(outcome)] == [(1,)]


def wave(
    times: float, deployed: bool, mode: str = "enforce", told: bool = True, minutes: int = 10, items: float = 0.0,
    settings: Mapping[str, object] = MappingProxyType({}),
) -> Outcome:  # fmt: skip
    """A day of history, then `minutes` of rule version 18 (17) acting `times` as often as version 17 did.

    `told`: whether the producer tells of deploys at all. `items`: how many times as many are evaluated as before; 0:
    nobody tells.
    """
    rules = Ruleset(version="v1", stream=StreamSettings(), policies=(Policy(id="spam", mode=mode, **settings),))
    log, start = LogWriter(ruleset=rules), MONDAY_MS + 26 * HOUR
    earlier = [deploy("spam", MONDAY_MS, "42", "17")] if told else []
    usual = [*steady("spam", MONDAY_MS, start, 2.0), *(evaluated(MONDAY_MS, start, 1000) if items else ())]
    log.live([*earlier, *sorted(usual, key=lambda event: event.time)], start, every_ms=300_000)
    version = "18" if deployed else "17"
    found = steady("spam", start, start + minutes * MINUTE, 2.0 * times, rule_version=version)
    if deployed:
        found.insert(0, deploy("spam", start - 1, "42", "18"))
    found = sorted([*found, *evaluated(start, start + minutes * MINUTE, 1000 * items)], key=lambda event: event.time)
    log.live(found, start + minutes * MINUTE, every_ms=5000)
    return applied(log, rules)


def test_a_surge_on_many_subjects_trips_where_nothing_better_is_told():
    (alert,) = opened(wave(8, deployed=False, told=False))
    assert "surge" in {signal.signal for signal in alert.evidence}


def evaluated(from_ms: int, to_ms: int, per_minute: float) -> list[events.Evaluated]:
    """What the platform looked at, told each minute for every policy."""
    told = range(from_ms + MINUTE, to_ms, MINUTE) if per_minute else ()
    return [events.Evaluated(id=f"v{at}", time=at - 1, count=int(per_minute), interval_s=60) for at in told]


def test_a_surge_with_as_many_more_items_evaluated_is_traffic_and_warns():
    assert not opened(wave(8, deployed=False, told=False, items=8))


def test_a_surge_among_as_many_items_as_before_trips_and_tells_the_share():
    (alert,) = opened(wave(8, deployed=False, told=False, items=1))
    assert {"surge", "share"} <= {signal.signal for signal in alert.evidence}
    assert "actions for the number of items evaluated" in alert.reason


def test_a_policy_may_let_a_signal_only_warn_or_say_nothing():
    warns = wave(8, deployed=True, settings={"warn_only_signals": ("deploy",)})
    assert not opened(warns)
    assert "deploy" in {signal.signal for alert in warns.alerts for signal in alert.evidence}
    silent = wave(8, deployed=True, settings={"ignore_signals": ("deploy", "volume", "surge")})
    assert silent.alerts == []


def test_volume_alone_warns_where_deploys_are_told():
    outcome = wave(8, deployed=False, minutes=15)
    assert {alert.type for alert in outcome.alerts if alert.detected_at.hour == 2} == {"breaker.warned"}


def test_volume_on_a_rule_version_just_deployed_trips_that_version_alone():
    (alert,) = opened(wave(8, deployed=True))
    assert alert.scope.id == "spam|rule_version=42@18"
    assert alert.directive is events.Directive.HOLD_FOR_REVIEW
    assert "times as many as in its busiest hours" in alert.reason
    assert "deployed" in alert.reason
    assert {c.dimension for c in alert.contributors} == {"rule_version", "region", "action_type"}
    assert 0 < alert.impact.actions < 100


def test_a_new_version_that_acts_as_often_as_its_predecessor_does_not_trip():
    assert not opened(wave(1, deployed=True, minutes=30))


@pytest.mark.parametrize("told_ms", [-1000, 3000], ids=["told before it acts", "told after it has acted"])
def test_on_a_streams_first_day_a_version_is_judged_alike_whichever_comes_first_its_deploy_or_its_actions(told_ms):
    rules = Ruleset(version="v1", policies=(Policy(id="spam", mode="enforce"),))
    log, start = LogWriter(ruleset=rules), MONDAY_MS + HOUR
    others = steady("spam", MONDAY_MS, start + 10 * MINUTE, 20.0, rule_id="7", rule_version="1")
    bad = steady("spam", start, start + 10 * MINUTE, 32.0, rule_version="18")
    every = [*others, *steady("spam", MONDAY_MS, start, 1.0), *bad]
    every.sort(key=lambda event: event.time)
    log.live([event for event in every if event.time < start + told_ms], start + told_ms, every_ms=300_000)
    log.rows([deploy("spam", start - 1, "42", "18")], start + told_ms)
    log.live([event for event in every if event.time >= start + told_ms], start + 10 * MINUTE, every_ms=5000)
    (trip,) = opened(applied(log, rules))
    assert trip.scope.id == "spam|rule_version=42@18"
    assert trip.detected_at.timestamp() * 1000 - start < 5 * MINUTE


def test_a_bad_version_that_goes_on_reopens_the_breaker_that_probes_it_however_young_the_history():
    rules = Ruleset(version="v1", policies=(Policy(id="spam", mode="enforce", breaker=OnTrip(cooldown_s=120)),))
    log, start = LogWriter(ruleset=rules), MONDAY_MS + 2 * HOUR
    log.live(steady("spam", MONDAY_MS, start, 2.0), start, every_ms=300_000)
    bad = steady("spam", start, start + 8 * MINUTE, 32.0, rule_version="18")
    log.live([deploy("spam", start - 1, "42", "18"), *bad], start + 8 * MINUTE, every_ms=5000)
    moves = [alert for alert in applied(log, rules).alerts if alert.type != "breaker.warned"]
    assert {alert.scope.id for alert in moves} == {"spam|rule_version=42@18"}
    assert [alert.type for alert in moves[:3]] == ["breaker.opened", "breaker.half_opened", "breaker.reopened"]
    assert (moves[2].detected_at - moves[1].detected_at).total_seconds() < 90
    assert ", let go again," in moves[2].reason
    assert "breaker.closed" not in {alert.type for alert in moves}


def deployed(until_m: int, deploys: Mapping[str, float], bad: list[tuple[str, float, float]]) -> list[events.Alert]:
    """Moves of breakers after two usual hours, with two minutes to cool down and two to probe.

    `deploys`: versions and when they come; `bad`: versions and between which minutes they act on 32 subjects a minute.
    """
    breaker = OnTrip(cooldown_s=120, probe_s=120)
    rules = Ruleset(version="v1", policies=(Policy(id="spam", mode="enforce", breaker=breaker),))
    log, start = LogWriter(ruleset=rules), MONDAY_MS + 2 * HOUR

    def at(minute: float) -> int:
        return start + int(minute * MINUTE)

    log.live(steady("spam", MONDAY_MS, start, 2.0), start, every_ms=300_000)
    found: list[events.AnyEvent] = [deploy("spam", at(minute) - 1, "42", name) for name, minute in deploys.items()]
    for name, begin, end in bad:
        found += steady("spam", at(begin), at(end), 32.0, rule_version=name)
    log.live(found, at(until_m), every_ms=5000)
    return [alert for alert in applied(log, rules).alerts if alert.type != "breaker.warned"]


@pytest.mark.parametrize(("people", "trips"), [(2, 0), (3, 1)])
def test_two_people_that_a_new_version_acts_on_at_once_are_no_wave_however_large_the_budget(people, trips):
    policy = Policy(id="spam", mode="enforce", false_trips_per_year=50, false_warnings_per_year=100)
    rules = Ruleset(version="v1", policies=(policy,))
    log, start = LogWriter(ruleset=rules), MONDAY_MS + 26 * HOUR
    log.live(steady("spam", MONDAY_MS, start, 0.05), start, every_ms=300_000)
    acted = [action("spam", start + i * 100, rule_version="18", subject_id=f"p{i}") for i in range(people)]
    log.live([deploy("spam", start - 1, "42", "18"), *acted], start + MINUTE)
    assert len(opened(applied(log, rules))) == trips


def minute(alert: events.Alert) -> float:
    return (alert.detected_at.timestamp() * 1000 - MONDAY_MS - 2 * HOUR) / MINUTE


def test_a_version_that_first_acts_long_after_its_deploy_is_told_by_what_it_did_since_then():
    caught = deployed(40, {"18": 0}, [("18", 30, 40)])[0]
    assert 30 < minute(caught) < 32
    (deploy_,) = caught.evidence
    assert deploy_.window_s < 120
    assert deploy_.ratio > 4
    assert "since 2026-01-05 02:30:" in caught.reason


def test_a_bad_version_that_was_quiet_for_just_a_probe_is_caught_again_after_its_breaker_closed():
    moves = deployed(15, {"18": 0}, [("18", 0, 2), ("18", 8, 15)])
    assert [alert.type.partition(".")[2] for alert in moves[:4]] == ["opened", "half_opened", "closed", "opened"]
    assert 8 < minute(moves[3]) < 10
    assert ", let go again," in moves[3].reason


def test_a_version_is_no_less_suspect_when_the_breaker_of_another_one_moves_by_its_timer():
    moves = deployed(12, {"18": 0, "19": 2}, [("18", 0, 1.5), ("19", 2, 2.04), ("19", 6, 12)])
    (caught,) = (alert for alert in moves if alert.type == "breaker.opened" and alert.scope.value == "42@19")
    assert minute(caught) < 8
    assert caught.evidence[0].signal == "deploy"


def test_a_bad_version_is_caught_while_its_predecessor_is_held_and_goes_on():
    moves = deployed(12, {"18": 0, "19": 2}, [("18", 0, 12), ("19", 2, 12)])
    first = next(alert for alert in moves if alert.scope.value == "42@19")
    assert first.type == "breaker.opened"
    assert minute(first) < 4


@pytest.mark.parametrize("mode", ["shadow", "alert_only"])
def test_modes_that_never_pause_still_say_what_they_saw(mode):
    outcome = wave(8, deployed=True, mode=mode)
    (alert,) = opened(outcome)
    assert not alert.enforced
    assert not directed(outcome)


def test_a_disabled_policy_says_nothing():
    assert not wave(8, deployed=True, mode="disabled").alerts


def test_held_actions_count_like_executed_ones_so_a_pause_is_no_recovery():
    log, end = LogWriter(ruleset=RULES), MONDAY_MS + HOUR
    usual(log, end)
    log.live(steady("spam", end, end + 5 * MINUTE, 120, status="held"), end + 5 * MINUTE)
    (alert,) = opened(applied(log))
    assert alert.impact.held > 0
    assert alert.evidence[0].signal == "hard_limit"


def test_a_policy_whose_state_cannot_be_read_goes_to_fault_alone():
    log = LogWriter(ruleset=RULES)
    log.live(steady("spam", MONDAY_MS, MONDAY_MS + MINUTE, USUAL), MONDAY_MS + MINUTE)
    log.live(steady("hate", MONDAY_MS + MINUTE, MONDAY_MS + 2 * MINUTE, USUAL), MONDAY_MS + 2 * MINUTE)
    fold = Fold(RULES.stream)
    fold.assign(0, {})
    fold.apply(log.records)
    snapshot = fold.snapshot()
    table = {key: value for _, key, value in [*snapshot.policies(), *snapshot.seals()]}
    table[b"policy/spam"] = table[b"policy/spam"][:8] + b"not a policy"
    again = Fold(RULES.stream)
    again.assign(0, table)
    log.tick(MONDAY_MS + 3 * MINUTE)
    outcome = again.apply(log.records[-1:])
    assert [(a.type, a.scope.id) for a in outcome.alerts] == [("breaker.faulted", "spam")]
    assert not directed(outcome)


def test_an_idle_version_is_not_held_for_what_a_bad_one_did_within_the_last_moments():
    moves = deployed(6, {"99": 0, "18": 3}, [("99", 0, 0.2), ("18", 3, 6)])
    assert {alert.scope.id for alert in moves if alert.to_state is events.State.OPEN} == {"spam|rule_version=42@18"}
    assert minute(moves[0]) < 5, "while all that it did is in open buckets"
