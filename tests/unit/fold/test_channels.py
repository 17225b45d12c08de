"""Whom a policy acts on, and what becomes of it: what trips without a rise in volume, and what volume needs to trip."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from detector import events
from detector.engine.channel_state import LEARNED, part
from detector.engine.judge import PROOF
from detector.engine.policy_state import WHOLE
from detector.events import State
from detector.fold import Fold
from detector.policy import HardLimit, Policy, Ruleset, StreamSettings
from tests.logs import MONDAY_MS, LogWriter, action, deploy, renumber

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
RULES = Ruleset(version="v1", stream=StreamSettings(clock="events"), policies=(Policy(id="spam", mode="enforce"),))
START = MONDAY_MS + 4 * DAY


def traffic(from_ms: int, to_ms: int, per_hour: float, tenured: float, seed: int, **fields) -> list[events.Action]:
    """Actions at random times; of their subjects a share `tenured` has been there for years, the rest for days."""
    draw, found, at = random.Random(seed), [], float(from_ms)
    while (at := at + draw.expovariate(per_hour / HOUR)) < to_ms:
        age_d = draw.uniform(500, 3000) if draw.random() < tenured else draw.uniform(0, 30)
        found.append(action("spam", int(at), subject_created_at=int(at - age_d * DAY), **fields))
    return found


def followed(actions: list[events.Action], share: float, overturned: float, seed: int) -> list[events.AnyEvent]:
    """Appeals against a share of actions, hours later, and decisions on them, a day after that."""
    draw, found = random.Random(seed), []
    for one in actions:
        if draw.random() < share:
            filed_ms = int(one.time + draw.expovariate(1 / (2 * HOUR)))
            about = {"policy_id": one.policy_id, "action_id": one.action_id, "acted_at": one.time}
            found.append(events.Appeal(id=f"{one.id}-a", time=filed_ms, subject_id=one.subject_id, **about))
            outcome = "overturned" if draw.random() < overturned else "upheld"
            decided_ms = int(filed_ms + draw.expovariate(1 / (12 * HOUR)))
            found.append(
                events.AppealDecision(
                    id=f"{one.id}-d",
                    time=decided_ms,
                    subject_id=one.subject_id,
                    outcome=outcome,
                    decided_by="human",
                    **about,
                )
            )
    return found


def told(found: list[events.AnyEvent], until_ms: int, **settings: Any) -> list[events.Alert]:
    policy = Policy(id="spam", mode="enforce", **settings)
    log = LogWriter(ruleset=Ruleset(version="v1", stream=RULES.stream, policies=(policy,)))
    log.live([event for event in found if event.time < until_ms], until_ms, every_ms=HOUR)
    fold = Fold(RULES.stream)
    fold.assign(0, {})
    return fold.apply(log.records).alerts


def opened(alerts: list[events.Alert]) -> list[events.Alert]:
    return [alert for alert in alerts if alert.to_state is events.State.OPEN]


def test_long_standing_accounts_among_those_acted_on_trip_without_a_rise_in_volume():
    usual = traffic(MONDAY_MS, START, 60, 0.1, seed=1)
    (trip, *_) = opened(told([*usual, *traffic(START, START + 4 * HOUR, 60, 0.8, seed=2)], START + 4 * HOUR))
    assert trip.detected_at.timestamp() * 1000 - START < 2 * HOUR
    assert "tenure" in {signal.signal for signal in trip.evidence}
    assert "of subjects older than a year, normally 1" in trip.reason


@pytest.mark.parametrize(("per_hour", "times"), [(60, 40), (10, 40)])
def test_one_long_standing_account_that_is_met_again_and_again_opens_nothing(per_hour, times):
    usual, end = traffic(MONDAY_MS, START + 2 * HOUR, per_hour, 0.05, seed=1), START + 2 * HOUR
    same = {"subject_id": "noisy", "subject_created_at": START - 2000 * DAY}
    noisy = [action("spam", START + HOUR // 2 + i * 30 * MINUTE // times, **same) for i in range(times)]
    assert not opened(told(by_time(usual, noisy), end))


def undone(actions: list[events.Action], after_ms: int) -> list[events.Reversal]:
    """Each action undone a while later, on appeal."""
    return [
        events.Reversal(
            id=f"{one.id}-r", time=int(one.time) + after_ms, policy_id=one.policy_id, action_id=one.action_id,
            acted_at=one.time, reason="appeal", subject_id=one.subject_id,
        )
        for one in actions
    ]  # fmt: skip


def of_one(count: int, **fields: Any) -> list[events.Action]:
    """As many actions on one long-standing account, two days ago."""
    same = {"subject_id": "one", "subject_created_at": START - 40 * DAY}
    return [action("spam", START - 2 * DAY + i * MINUTE, **(same | fields)) for i in range(count)]


def decided_at_once(actions: list[events.Action]) -> list[events.AppealDecision]:
    """Each of the actions found wrong on appeal, within half a minute."""
    return [
        events.AppealDecision(
            id=f"{one.id}-d", time=START + HOUR + i * 500, policy_id="spam", action_id=one.action_id,
            acted_at=one.time, outcome="overturned", decided_by="human", subject_id=one.subject_id,
        )
        for i, one in enumerate(actions)
    ]  # fmt: skip


@pytest.mark.parametrize("follow", [lambda found: undone(found, 2 * DAY), decided_at_once], ids=["undone", "decided"])
def test_fifty_actions_on_one_person_that_are_undone_open_nothing_and_on_fifty_people_they_do(follow):
    usual, end = traffic(MONDAY_MS, START + 4 * HOUR, 60, 0.1, 1), START + 4 * HOUR
    known = [event for event in followed(usual, 0.1, 0.1, 3) if event.time < end]
    one, many = of_one(50), [each for i in range(50) for each in of_one(1, subject_id=f"p{i}")]
    assert not opened(told(by_time(usual, known, one, follow(one)), end))
    assert opened(told(by_time(usual, known, many, follow(many)), end))


def test_one_person_who_is_acted_on_again_and_again_after_being_reinstated_opens_nothing_and_ten_people_do():
    usual, end = traffic(MONDAY_MS, START + 8 * HOUR, 60, 0.1, 1), START + 8 * HOUR
    for people, opens in ((1, False), (10, True)):
        first = [each for i in range(people) for each in of_one(1, subject_id=f"p{i}")]
        again = [
            action("spam", START + (i + 1) * 15 * MINUTE, subject_id=f"p{i % people}", subject_created_at=MONDAY_MS)
            for i in range(20)
        ]
        said = told(by_time(usual, first, undone(first, 2 * DAY), again), end)
        assert bool([alert for alert in opened(said) if "rebans" in {one.signal for one in alert.evidence}]) == opens


def lived_through(rules: Ruleset, found: list[events.AnyEvent], end_ms: int) -> LogWriter:
    """A log with a tick an hour until `START`, then one a minute."""
    log = LogWriter(ruleset=rules)
    log.live([one for one in found if int(one.time) < START], START, every_ms=HOUR)
    log.live([one for one in found if int(one.time) >= START], end_ms, every_ms=MINUTE)
    return log


def moves_of_a_limited_wave(undone_after_ms: int | None = None, **settings: Any) -> list[events.Alert]:
    """A wave trips a hard limit at 00:03:55; all of it may be undone a while after each action."""
    limited = Policy(id="spam", mode="enforce", hard_limit=HardLimit(max=150, per_s=600), **settings)
    usual, wave = traffic(MONDAY_MS, START + 2 * HOUR, 60, 0.1, 1), traffic(START, START + 5 * MINUTE, 2400, 0.1, 2)
    found = by_time(usual, wave, undone(wave, undone_after_ms) if undone_after_ms is not None else [])
    rules = Ruleset(version="v1", stream=RULES.stream, policies=(limited,))
    log = lived_through(rules, found, START + 2 * HOUR)
    fold = Fold(RULES.stream)
    fold.assign(0, {})
    return [alert for alert in fold.apply(log.records).alerts if alert.type != "breaker.warned"]


def test_a_breaker_of_whose_actions_none_is_undone_cools_down_and_closes():
    moves = moves_of_a_limited_wave()
    assert [alert.type for alert in moves] == ["breaker.opened", "breaker.half_opened", "breaker.closed"]


def test_what_is_undone_while_a_breaker_is_open_upholds_it_once_and_it_cools_down_anew_for_twice_as_long():
    opened, upheld, probing, reopened, *_ = moves_of_a_limited_wave(20 * MINUTE)
    kinds = [alert.type for alert in (opened, upheld, probing, reopened)]
    assert kinds == ["breaker.opened", "breaker.upheld", "breaker.half_opened", "breaker.reopened"]
    assert (upheld.from_state, upheld.to_state) == (State.OPEN, State.OPEN)
    assert [signal.signal for signal in upheld.evidence] == ["reversals"]
    assert "actions undone where" in upheld.reason
    assert upheld.generation > opened.generation
    assert upheld.detected_at - opened.detected_at < timedelta(minutes=20)
    assert probing.detected_at - upheld.detected_at == timedelta(minutes=60)  # twice the cool-down
    assert "reversals" in {signal.signal for signal in reopened.evidence}


def test_what_is_undone_upholds_nothing_where_it_may_only_warn():
    moves = moves_of_a_limited_wave(20 * MINUTE, warn_only_signals=("reversals",))
    assert "breaker.upheld" not in [alert.type for alert in moves]


def undone_together(first_bad: tuple[str, ...], undone_of: tuple[str, ...], apart_m: int = 8) -> LogWriter:
    """Rules 9 and 10; some get a bad version 2, one after the other; at 00:25 all that some versions did is undone."""
    end, found, did = START + 2 * HOUR, [], {}
    for seed, rule in enumerate(("9", "10")):
        did[f"{rule}@1"] = traffic(MONDAY_MS, end, 60, 0.1, seed, rule_id=rule, rule_version="1")
        if rule in first_bad:
            live = START + apart_m * MINUTE * seed
            bad = traffic(live + MINUTE, live + 6 * MINUTE, 2400, 0.1, 9 + seed, rule_id=rule, rule_version="2")
            did[f"{rule}@2"] = bad
            found.append(deploy("spam", live, rule, "2"))
    for version in undone_of:
        late = [one for one in did[version] if START - 4 * HOUR < int(one.time) < START + 14 * MINUTE]
        found += [
            events.Reversal(
                id=f"{one.id}-r", time=START + 25 * MINUTE + 100 * n, policy_id="spam", action_id=one.action_id,
                acted_at=one.time, reason="appeal", subject_id=one.subject_id, rule_id=one.rule_id,
                rule_version=one.rule_version,
            )
            for n, one in enumerate(late)
        ]  # fmt: skip
    return lived_through(RULES, by_time(*did.values(), found), end)


def of_scope(said: list[events.Alert], scope: str) -> list[str]:
    return [alert.type for alert in said if alert.scope.id == scope and alert.type != "breaker.warned"]


def test_what_another_version_did_opens_it_while_the_first_is_upheld():
    said = run_through(undone_together(("9",), ("9@2", "10@1")))
    assert of_scope(said, "spam|rule_version=9@2")[:3] == ["breaker.opened", "breaker.upheld", "breaker.half_opened"]
    assert of_scope(said, "spam|rule_version=10@1")[0] == "breaker.opened"
    assert of_scope(said, "spam") == []


def test_two_open_breakers_are_both_upheld_and_a_restart_between_changes_nothing():
    log = undone_together(("9", "10"), ("9@2", "10@2"))
    said = run_through(log)
    for version in ("9@2", "10@2"):
        assert of_scope(said, f"spam|rule_version={version}")[:2] == ["breaker.opened", "breaker.upheld"]
    for again in restarted(log, *(len(log.records) - left for left in (205, 195, 188))):
        assert again == sorted(said, key=in_time)


def test_two_versions_that_go_wrong_in_the_same_minute_hold_the_whole_policy():
    said = run_through(undone_together(("9", "10"), ("9@2", "10@2"), apart_m=0))
    assert of_scope(said, "spam")[:2] == ["breaker.opened", "breaker.upheld"]
    assert {alert.scope.id for alert in said} == {"spam"}


def run_through(log: LogWriter) -> list[events.Alert]:
    """What a worker says of a log that never restarts."""
    fold = Fold(RULES.stream)
    fold.assign(0, {})
    return fold.apply(log.records).alerts


def test_numbers_of_an_open_breaker_that_uphold_nothing_are_not_asked_and_can_not_release_it():
    log = undone_together(("9",), ())
    fold = Fold(RULES.stream)
    fold.assign(0, {})
    said = fold.apply(log.records[: len(log.records) - 200]).alerts
    assert of_scope(said, "spam|rule_version=9@2") == ["breaker.opened"]
    policy = fold.engine.scopes.policies["spam"]
    fold.engine.scopes.table.rows["evidence"][policy.rows["rule_version", "9@2"]] = float("nan")
    rest = fold.apply(log.records[len(log.records) - 200 :]).alerts
    assert "breaker.faulted" not in of_scope(rest, "spam|rule_version=9@2")


def learned_shares(*hours: int) -> Iterator[float]:
    """Of long-standing accounts, after so many hours in which eight in ten are, with lines that nothing passes."""
    quiet = Policy(id="spam", mode="enforce", false_trips_per_year=1e-9, false_warnings_per_year=1e-9)
    end = START + max(hours) * HOUR
    log = LogWriter(ruleset=Ruleset(version="v1", stream=RULES.stream, policies=(quiet,)))
    log.live([*traffic(MONDAY_MS, START, 60, 0.1, 1), *traffic(START, end, 60, 0.8, 2)], end, every_ms=HOUR)
    fold = Fold(RULES.stream)
    fold.assign(0, {})
    scopes, begin = fold.engine.scopes, 0
    for until_ms in (START + each * HOUR for each in hours):
        through = sum(record.timestamp_ms <= until_ms for record in log.records)
        fold.apply(log.records[begin:through])
        begin = through
        row = scopes.channels_of(scopes.policies["spam"].rows[WHOLE])
        yield float(part(row, LEARNED, "successes")[0, 0] / part(row, LEARNED, "trials")[0, 0])


def test_what_goes_wrong_for_hours_is_not_learned_and_for_days_it_is():
    for_hours, for_days = learned_shares(20, 120)
    assert for_hours < 0.12
    assert for_days > 0.3


def by_time(*parts: list[events.Action]) -> list[events.Action]:
    return sorted((event for part in parts for event in part), key=lambda event: event.time)


def test_a_new_version_is_held_against_whom_its_predecessor_met_and_trips_alone():
    end, changed = START + 3 * HOUR, {"rule_id": "42", "rule_version": "18"}
    other = traffic(MONDAY_MS, end, 60, 0.1, seed=1, rule_id="7", rule_version="1")
    found = by_time(other, traffic(MONDAY_MS, START, 15, 0.1, 2), traffic(START, end, 15, 0.8, 3, **changed))
    (trip, *_) = opened(told(found, end))
    assert trip.scope.id == "spam|rule_version=42@18"
    assert "tenure" in {signal.signal for signal in trip.evidence}


def test_long_standing_accounts_in_one_region_alone_trip_that_region():
    end = START + 3 * HOUR
    found = by_time(
        traffic(MONDAY_MS, end, 60, 0.1, 1),
        traffic(MONDAY_MS, START, 15, 0.1, 2, region="KR"),
        traffic(START, end, 15, 0.8, 3, region="KR"),
    )
    (trip, *_) = opened(told(found, end))
    assert trip.scope.id == "spam|region=KR"


def test_a_wave_against_new_accounts_warns_and_never_trips():
    usual = traffic(MONDAY_MS, START, 60, 0.1, seed=1)
    alerts = told([*usual, *traffic(START, START + 2 * HOUR, 900, 0.02, seed=2)], START + 2 * HOUR)
    assert not opened(alerts)
    assert any(alert.type == "breaker.warned" for alert in alerts)


def test_overturned_appeals_trip_without_a_rise_in_volume():
    usual = traffic(MONDAY_MS, START, 60, 0.1, seed=1)
    wrong = traffic(START, START + 2 * DAY, 60, 0.1, seed=2)
    found = [*usual, *wrong, *followed(usual, 0.1, 0.1, 3), *followed(wrong, 0.1, 0.8, 4)]
    (trip, *_) = opened(told(found, START + 2 * DAY))
    assert trip.detected_at.timestamp() * 1000 - START < 1.5 * DAY
    assert "overturns" in {signal.signal for signal in trip.evidence}
    assert "of decided appeals overturned, normally" in trip.reason


def test_usual_appeals_and_decisions_say_nothing():
    usual = traffic(MONDAY_MS, START + 2 * DAY, 60, 0.1, seed=1)
    alerts = told([*usual, *followed(usual, 0.1, 0.1, 3)], START + 2 * DAY)
    assert not opened(alerts)


def test_appeals_that_go_quiet_are_told_while_another_warning_stands():
    end = START + DAY
    before = with_first_offenders()
    heard = [each for each in followed(before, 0.2, 0.1, 4) if each.time < START]
    warned = warned_of(told([*before, *first_offenders(end), *heard], end))
    assert warned.index({"first_time"}) < warned.index({"appeals_quiet"})
    assert warned.count({"appeals_quiet"}) == 1


def test_overturned_appeals_are_told_while_another_warning_stands():
    end, turns, before = START + DAY, START + 6 * HOUR, with_first_offenders()
    known = [event for event in followed(before, 0.4, 0.1, 4) if event.time < turns]
    undone = [event for event in followed(before, 0.4, 0.9, 4) if event.time >= turns]
    warned = warned_of(told([*before, *first_offenders(end), *known, *undone], end, warn_only_signals=PROOF))
    assert warned.index({"first_time"}) < next(i for i, names in enumerate(warned) if "overturns" in names)
    assert sum("overturns" in names for names in warned) == 1


def with_first_offenders() -> list[events.Action]:
    """Days of traffic in which half of those acted on have prior actions."""
    return by_time(*(traffic(MONDAY_MS, START, 30, 0.1, seed, prior_actions=prior) for seed, prior in ((1, 0), (2, 3))))


def first_offenders(end_ms: int) -> list[events.Action]:
    """As much, on people of whom none has."""
    return traffic(START, end_ms, 60, 0.1, seed=3, prior_actions=0)


def warned_of(said: list[events.Alert]) -> list[set[str]]:
    """The signals of each warning after the start."""
    later = (alert for alert in said if alert.detected_at.timestamp() * 1000 > START)
    return [{each.signal for each in alert.evidence} for alert in later if alert.type == "breaker.warned"]


@pytest.fixture(scope="module")
def lived():
    """A log with mistakes and overturned appeals, and what a worker says of it that never restarts."""
    renumber()
    usual = traffic(MONDAY_MS, START, 30, 0.1, seed=1)
    wrong = traffic(START, START + DAY // 2, 60, 0.7, seed=2)
    found = [*usual, *wrong, *followed(usual, 0.2, 0.1, 3), *followed(wrong, 0.4, 0.8, 4)]
    log = LogWriter(ruleset=RULES)
    log.live([event for event in found if event.time < START + DAY], START + DAY, every_ms=20 * MINUTE)
    whole = Fold(RULES.stream)
    whole.assign(0, {})
    return log, whole.apply(log.records).alerts


def test_a_restart_at_any_point_changes_nothing_that_is_said(lived):
    log, expected = lived
    for again in restarted(log, *(int(len(log.records) * at) for at in (0.4, 0.8))):
        assert again == sorted(expected, key=in_time)


def restarted(log: LogWriter, *points: int) -> Iterator[list[events.Alert]]:
    """All that is said where a worker saves its state after each of so many records, and another starts again there."""
    first, table, begin, said = Fold(RULES.stream), dict[bytes, bytes](), 0, list[events.Alert]()
    first.assign(0, {})
    for at in points:
        said += first.apply(log.records[begin:at]).alerts
        begin, snapshot = at, first.snapshot()
        table |= {key: value for _, key, value in [*snapshot.policies(), *snapshot.seals()]}
        again = Fold(RULES.stream)
        again.assign(0, dict(table))
        rest = again.apply(log.records[snapshot.floors[0] :]).alerts
        ids = {alert.alert_id for alert in said}
        yield sorted([*said, *(alert for alert in rest if alert.alert_id not in ids)], key=in_time)


def in_time(alert: events.Alert) -> tuple[object, str]:
    return alert.detected_at, alert.alert_id
