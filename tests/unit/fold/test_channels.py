"""Whom a policy acts on, and what becomes of it: what trips without a rise in volume, and what volume needs to trip."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from detector import events
from detector.engine.channel_state import LEARNED, part
from detector.engine.judge import PROOF
from detector.engine.policy_state import WHOLE
from detector.events import State
from detector.policy import HardLimit
from tests.histories import (
    DAY,
    HOUR,
    MINUTE,
    START,
    Past,
    followed,
    goes_on,
    heard,
    in_time,
    learned,
    opened,
    overturned_at_once,
    restarted,
    told,
    traffic,
    undone,
)
from tests.logs import MONDAY_MS, LogWriter, action, deploy, past_ids


@pytest.fixture(scope="module")
def usual():
    past_ids()
    return traffic(MONDAY_MS, START, 60, 0.1, seed=1)


@pytest.fixture(scope="module")
def plain(usual):
    return learned(usual)


@pytest.fixture(scope="module")
def appealed(usual):
    return learned([*usual, *followed(usual, 0.1, 0.1, 3)])


@pytest.fixture(scope="module")
def mixed():
    """Days of traffic in which half of those acted on have prior actions; two in five actions are appealed."""
    past_ids()
    both = [
        *traffic(MONDAY_MS, START, 30, 0.1, 1, prior_actions=0),
        *traffic(MONDAY_MS, START, 30, 0.1, 2, prior_actions=3),
    ]
    return both, learned([*both, *followed(both, 0.4, 0.1, 4)])


def test_long_standing_accounts_among_those_acted_on_trip_without_a_rise_in_volume(plain):
    (trip, *_) = opened(told(plain, traffic(START, START + 4 * HOUR, 60, 0.8, seed=2), START + 4 * HOUR))
    assert trip.detected_at.timestamp() * 1000 - START < 2 * HOUR
    assert "tenure" in {signal.signal for signal in trip.evidence}
    assert "of subjects older than a year, normally 1" in trip.reason


@pytest.mark.parametrize("per_hour", [60, 10])
def test_one_long_standing_account_that_is_met_again_and_again_opens_nothing(per_hour):
    past = learned(traffic(MONDAY_MS, START, per_hour, 0.05, seed=1))
    end, same = START + 2 * HOUR, {"subject_id": "noisy", "subject_created_at": START - 2000 * DAY}
    noisy = [action("spam", START + HOUR // 2 + i * 30 * MINUTE // 40, **same) for i in range(40)]
    assert not opened(told(past, [*traffic(START, end, per_hour, 0.05, seed=2), *noisy], end))


def of_one(count: int, **fields: Any) -> list[events.Action]:
    """As many actions on one long-standing account, two days ago."""
    same = {"subject_id": "one", "subject_created_at": START - 40 * DAY}
    return [action("spam", START - 2 * DAY + i * MINUTE, **(same | fields)) for i in range(count)]


@pytest.fixture(scope="module")
def fifty(usual):
    """Fifty actions on one person, and one on each of fifty; what had been learned with either."""
    one, many = of_one(50), [each for i in range(50) for each in of_one(1, subject_id=f"p{i}")]
    return [(acted, learned([*usual, *followed(usual, 0.1, 0.1, 3), *acted])) for acted in (one, many)]


@pytest.mark.parametrize(
    "follow",
    [lambda found: undone(found, 2 * DAY), lambda found: overturned_at_once(found, START + HOUR, 500)],
    ids=["undone", "decided"],
)
def test_fifty_actions_on_one_person_that_are_undone_open_nothing_and_on_fifty_people_they_do(fifty, follow):
    end, clock = START + 4 * HOUR, traffic(START, START + 4 * HOUR, 60, 0.1, 7)
    (one, before_one), (many, before_many) = fifty
    assert not opened(told(before_one, [*clock, *follow(one)], end))
    assert opened(told(before_many, [*clock, *follow(many)], end))


def test_one_person_who_is_acted_on_again_and_again_after_being_reinstated_opens_nothing_and_ten_people_do(fifty):
    end, clock = START + 8 * HOUR, traffic(START, START + 8 * HOUR, 60, 0.1, 7)
    for people, (_, past) in zip((["one"], [f"p{i}" for i in range(10)]), fifty, strict=True):
        first = [action("spam", START - 2 * DAY, subject_id=one, subject_created_at=MONDAY_MS) for one in people]
        again = [
            action(
                "spam", START + (i + 1) * 15 * MINUTE, subject_id=people[i % len(people)], subject_created_at=MONDAY_MS
            )
            for i in range(20)
        ]
        said = told(past, [*clock, *undone(first, 2 * DAY), *again], end)
        assert bool([alert for alert in opened(said) if "rebans" in {one.signal for one in alert.evidence}]) == (
            len(people) > 1
        )


def moves_of_a_limited_wave(past: Past, undone_after_ms: int | None = None, **settings: Any) -> list[events.Alert]:
    """A wave trips a hard limit at 00:03:55; all of it may be undone a while after each action."""
    end, limit = START + 2 * HOUR, HardLimit(max=150, per_s=600)
    wave = traffic(START, START + 5 * MINUTE, 2400, 0.1, 2)
    found = [*traffic(START, end, 60, 0.1, 7), *wave]
    if undone_after_ms is not None:
        found += undone(wave, undone_after_ms)
    said = told(past, found, end, every_ms=MINUTE, hard_limit=limit, **settings)
    return [alert for alert in said if alert.type != "breaker.warned"]


def test_a_breaker_of_whose_actions_none_is_undone_cools_down_and_closes(plain):
    moves = moves_of_a_limited_wave(plain)
    assert [alert.type for alert in moves] == ["breaker.opened", "breaker.half_opened", "breaker.closed"]


def test_what_is_undone_while_a_breaker_is_open_upholds_it_once_and_it_cools_down_anew_for_twice_as_long(plain):
    opened, upheld, probing, reopened, *_ = moves_of_a_limited_wave(plain, 20 * MINUTE)
    kinds = [alert.type for alert in (opened, upheld, probing, reopened)]
    assert kinds == ["breaker.opened", "breaker.upheld", "breaker.half_opened", "breaker.reopened"]
    assert (upheld.from_state, upheld.to_state) == (State.OPEN, State.OPEN)
    assert [signal.signal for signal in upheld.evidence] == ["reversals"]
    assert "actions undone where" in upheld.reason
    assert upheld.generation > opened.generation
    assert upheld.detected_at - opened.detected_at < timedelta(minutes=20)
    assert probing.detected_at - upheld.detected_at == timedelta(minutes=60)  # twice the cool-down
    assert "reversals" in {signal.signal for signal in reopened.evidence}


def test_what_is_undone_upholds_nothing_where_it_may_only_warn(plain):
    moves = moves_of_a_limited_wave(plain, 20 * MINUTE, warn_only_signals=("reversals",))
    assert "breaker.upheld" not in [alert.type for alert in moves]


@pytest.fixture(scope="module")
def versions():
    """What the first versions of rules 9 and 10 did, and what was learned of it."""
    past_ids()
    did = {f"{rule}@1": of_version(f"{rule}@1", MONDAY_MS, START, 60, seed) for seed, rule in enumerate(("9", "10"))}
    return did, learned([one for each in did.values() for one in each])


def of_version(version: str, from_ms: int, to_ms: int, per_hour: float, seed: int) -> list[events.Action]:
    rule_id, _, number = version.partition("@")
    return traffic(from_ms, to_ms, per_hour, 0.1, seed, rule_id=rule_id, rule_version=number)


def undone_together(versions, first_bad: tuple[str, ...], undone_of: tuple[str, ...], apart_m: int = 8) -> LogWriter:
    """Rules 9 and 10; some get a bad version 2, one after the other; at 00:25 all that some versions did is undone."""
    before, past = versions
    did, deploys, undoing = {}, [], []
    for seed, rule in enumerate(("9", "10")):
        did[f"{rule}@1"] = of_version(f"{rule}@1", START, START + 2 * HOUR, 60, 20 + seed)
        if rule in first_bad:
            live = START + apart_m * MINUTE * seed
            did[f"{rule}@2"] = of_version(f"{rule}@2", live + MINUTE, live + 6 * MINUTE, 2400, 9)
            deploys.append(deploy("spam", live, rule, "2"))
    for version in undone_of:
        acted = [*before.get(version, []), *did[version]]
        recent = [one for one in acted if START - 4 * HOUR < int(one.time) < START + 14 * MINUTE]
        undoing += [
            events.Reversal(
                id=f"{one.id}-r", time=START + 25 * MINUTE + 100 * n, policy_id="spam", action_id=one.action_id,
                acted_at=one.time, reason="appeal", subject_id=one.subject_id, rule_id=one.rule_id,
                rule_version=one.rule_version,
            )
            for n, one in enumerate(recent)
        ]  # fmt: skip
    found = [one for each in did.values() for one in each]
    return goes_on(past, [*found, *deploys, *undoing], START + 2 * HOUR, MINUTE)


def of_scope(said: list[events.Alert], scope: str) -> list[str]:
    return [alert.type for alert in said if alert.scope.id == scope and alert.type != "breaker.warned"]


def test_what_another_version_did_opens_it_while_the_first_is_upheld(versions):
    said = heard(versions[1], undone_together(versions, ("9",), ("9@2", "10@1")))
    assert of_scope(said, "spam|rule_version=9@2")[:3] == ["breaker.opened", "breaker.upheld", "breaker.half_opened"]
    assert of_scope(said, "spam|rule_version=10@1")[0] == "breaker.opened"
    assert of_scope(said, "spam") == []


def test_two_open_breakers_are_both_upheld_and_a_restart_between_changes_nothing(versions):
    log, past = undone_together(versions, ("9", "10"), ("9@2", "10@2")), versions[1]
    said = heard(past, log)
    for version in ("9@2", "10@2"):
        assert of_scope(said, f"spam|rule_version={version}")[:2] == ["breaker.opened", "breaker.upheld"]
    for again in restarted(past, log, *(len(log.records) - left for left in (205, 195, 188))):
        assert again == sorted(said, key=in_time)


def test_two_versions_that_go_wrong_in_the_same_moment_hold_the_whole_policy(versions):
    said = heard(versions[1], undone_together(versions, ("9", "10"), ("9@2", "10@2"), apart_m=0))
    assert of_scope(said, "spam")[:2] == ["breaker.opened", "breaker.upheld"]
    assert {alert.scope.id for alert in said} == {"spam"}


def test_numbers_of_an_open_breaker_that_uphold_nothing_are_not_asked_and_can_not_release_it(versions):
    log, past = undone_together(versions, ("9",), ()), versions[1]
    fold, middle = past.worker(), len(log.records) - 200
    said = fold.apply(log.records[past.floor : middle]).alerts
    assert of_scope(said, "spam|rule_version=9@2") == ["breaker.opened"]
    policy = fold.engine.scopes.policies["spam"]
    fold.engine.scopes.table.rows["evidence"][policy.rows["rule_version", "9@2"]] = float("nan")
    rest = fold.apply(log.records[middle:]).alerts
    assert "breaker.faulted" not in of_scope(rest, "spam|rule_version=9@2")


def learned_shares(past: Past, *hours: int) -> Iterator[float]:
    """Of long-standing accounts, after so many hours in which eight in ten are, with lines that nothing passes."""
    end, quiet = START + max(hours) * HOUR, {"false_trips_per_year": 1e-9, "false_warnings_per_year": 1e-9}
    log, fold, begin = goes_on(past, traffic(START, end, 60, 0.8, 2), end, **quiet), past.worker(), past.floor
    for until_ms in (START + each * HOUR for each in hours):
        through = sum(record.timestamp_ms <= until_ms for record in log.records)
        fold.apply(log.records[begin:through])
        begin = through
        scopes = fold.engine.scopes
        row = scopes.channels_of(scopes.policies["spam"].rows[WHOLE])
        yield float(part(row, LEARNED, "successes")[0, 0] / part(row, LEARNED, "trials")[0, 0])


def test_what_goes_wrong_for_hours_is_not_learned_and_for_days_it_is(plain):
    for_hours, for_days = learned_shares(plain, 20, 120)
    assert for_hours < 0.12
    assert for_days > 0.3


def test_a_new_version_is_held_against_whom_its_predecessor_met_and_trips_alone():
    end, old, other = START + 3 * HOUR, {"rule_id": "42", "rule_version": "17"}, {"rule_id": "7", "rule_version": "1"}
    past = learned([*traffic(MONDAY_MS, START, 60, 0.1, 1, **other), *traffic(MONDAY_MS, START, 15, 0.1, 2, **old)])
    changed = traffic(START, end, 15, 0.8, 3, **(old | {"rule_version": "18"}))
    (trip, *_) = opened(told(past, [*traffic(START, end, 60, 0.1, 4, **other), *changed], end))
    assert trip.scope.id == "spam|rule_version=42@18"
    assert "tenure" in {signal.signal for signal in trip.evidence}


def test_long_standing_accounts_in_one_region_alone_trip_that_region():
    end = START + 3 * HOUR
    past = learned([*traffic(MONDAY_MS, START, 60, 0.1, 1), *traffic(MONDAY_MS, START, 15, 0.1, 2, region="KR")])
    there = traffic(START, end, 15, 0.8, 3, region="KR")
    (trip, *_) = opened(told(past, [*traffic(START, end, 60, 0.1, 4), *there], end))
    assert trip.scope.id == "spam|region=KR"


def test_a_wave_against_new_accounts_warns_and_never_trips(plain):
    alerts = told(plain, traffic(START, START + 2 * HOUR, 900, 0.02, seed=2), START + 2 * HOUR)
    assert not opened(alerts)
    assert any(alert.type == "breaker.warned" for alert in alerts)


def test_overturned_appeals_trip_without_a_rise_in_volume(usual, appealed):
    wrong = traffic(START, START + 2 * DAY, 60, 0.1, seed=2)
    found = [*wrong, *followed(usual, 0.1, 0.1, 3), *followed(wrong, 0.1, 0.8, 4)]
    (trip, *_) = opened(told(appealed, found, START + 2 * DAY))
    assert trip.detected_at.timestamp() * 1000 - START < 1.5 * DAY
    assert "overturns" in {signal.signal for signal in trip.evidence}
    assert "of decided appeals overturned, normally" in trip.reason


def test_usual_appeals_and_decisions_say_nothing(usual, appealed):
    then = traffic(START, START + 2 * DAY, 60, 0.1, seed=2)
    alerts = told(appealed, [*then, *followed(usual, 0.1, 0.1, 3), *followed(then, 0.1, 0.1, 4)], START + 2 * DAY)
    assert not opened(alerts)


def test_appeals_that_go_quiet_are_told_while_another_warning_stands(mixed):
    warned = warned_of(told(mixed[1], first_offenders(START + DAY), START + DAY))
    assert warned.index({"first_time"}) < warned.index({"appeals_quiet"})
    assert warned.count({"appeals_quiet"}) == 1


def test_overturned_appeals_are_told_while_another_warning_stands(mixed):
    end, turns, (before, past) = START + DAY, START + 6 * HOUR, mixed
    known = [event for event in followed(before, 0.4, 0.1, 4) if event.time < turns]
    overturned = [event for event in followed(before, 0.4, 0.9, 4) if event.time >= turns]
    warned = warned_of(told(past, [*first_offenders(end), *known, *overturned], end, warn_only_signals=PROOF))
    assert warned.index({"first_time"}) < next(i for i, names in enumerate(warned) if "overturns" in names)
    assert sum("overturns" in names for names in warned) == 1


def first_offenders(end_ms: int) -> list[events.Action]:
    """As much as usual, on people of whom none has prior actions."""
    return traffic(START, end_ms, 60, 0.1, seed=3, prior_actions=0)


def warned_of(said: list[events.Alert]) -> list[set[str]]:
    """The signals of each warning after the start."""
    later = (alert for alert in said if alert.detected_at.timestamp() * 1000 > START)
    return [{each.signal for each in alert.evidence} for alert in later if alert.type == "breaker.warned"]


def test_a_restart_at_any_point_changes_nothing_that_is_said(usual, appealed):
    """With mistakes and overturned appeals."""
    wrong = traffic(START, START + DAY // 2, 60, 0.7, seed=2)
    found = [*wrong, *followed(usual, 0.1, 0.1, 3), *followed(wrong, 0.4, 0.8, 4)]
    log = goes_on(appealed, found, START + DAY, 20 * MINUTE)
    said, since = heard(appealed, log), len(log.records) - len(appealed.log.records)
    assert opened(said)
    for again in restarted(appealed, log, *(len(log.records) - int(since * left) for left in (1, 0.6, 0.2))):
        assert again == sorted(said, key=in_time)
