"""Two things go wrong in one policy: neither hides the other, and neither is taken for the other."""

from __future__ import annotations

from msgspec.structs import replace

from detector import events
from detector.fold import Fold
from detector.policy import HardLimit, OnTrip, Policy, Ruleset
from tests.logs import MONDAY_MS, LogWriter, deploy, steady

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = MONDAY_MS + 26 * HOUR
OTHER = {"rule_id": "7", "rule_version": "1"}
MODEL = {"rule_id": None, "rule_version": None, "model_id": "m"}
SPAM = Policy(id="spam", mode="enforce")


def judged(usual, then, until_m: float, policy: Policy = SPAM, every_ms: int = 5000) -> list[events.Alert]:
    """What is said of `usual` events, and of what comes `then`, with a tick each `every_ms`."""
    rules, end = Ruleset(version="v1", policies=(policy,)), START + int(until_m * MINUTE)
    log = LogWriter(ruleset=rules)
    log.live(sorted(usual, key=lambda event: event.time), START, every_ms=300_000)
    log.live(sorted(then, key=lambda event: event.time), end, every_ms=every_ms)
    fold = Fold(rules.stream)
    fold.assign(0, {})
    return list(fold.apply(log.records).alerts)


def at(minute: float) -> int:
    return START + int(minute * MINUTE)


def acts(begin_m: float, end_m: float, per_minute: float, **what) -> list[events.AnyEvent]:
    return steady("spam", at(begin_m), at(end_m), per_minute, **what)


def minute_of(alert: events.Alert) -> float:
    return (alert.detected_at.timestamp() * 1000 - START) / MINUTE


def aged(found: list[events.AnyEvent], days: float, old_each: int = 10) -> list[events.AnyEvent]:
    """Actions on accounts of so many days; `old_each` of ten of them, the others are a month old."""
    ages = (days if i % 10 < old_each else 30 for i in range(len(found)))
    return [
        replace(event, subject_created_at=event.time - int(age * DAY)) for event, age in zip(found, ages, strict=True)
    ]


def moves(alerts, scope: str) -> list[tuple[str, float]]:
    return [
        (alert.type.partition(".")[2], minute_of(alert))
        for alert in alerts
        if alert.scope.id == scope and alert.type != "breaker.warned"
    ]


def test_a_bad_model_is_stopped_though_a_bad_rule_version_is_held_at_that_time():
    usual = [*acts(-180, 0, 2), *acts(-180, 0, 2, model_version="3", **MODEL)]
    bad_rule = [deploy("spam", at(0) - 1, "42", "18"), *acts(0, 20, 32, rule_version="18")]
    to_model = events.Deploy(id="d", policy_id="spam", time=at(10) - 1, change="x", model_id="m", model_version="4")
    bad_model = [*acts(0, 10, 2, model_version="3", **MODEL), to_model, *acts(10, 20, 32, model_version="4", **MODEL)]
    said = judged(usual, bad_rule + bad_model, 20)
    assert [kind for kind, _ in moves(said, "spam|rule_version=42@18")] == ["opened"]
    ((kind, minute),) = moves(said, "spam|model_version=m@4")
    assert kind == "opened"
    assert 10 < minute < 11


LIMITED = replace(SPAM, hard_limit=HardLimit(max=1500, per_s=600), breaker=OnTrip(cooldown_s=1800, probe_s=600))


def test_what_is_deployed_while_the_whole_policy_is_held_is_as_suspect_as_ever():
    usual = [deploy("spam", at(-1560), "42", "18"), *acts(-1560, 0, 2, rule_version="18"), *acts(-1560, 0, 20, **OTHER)]
    burst = [*acts(0, 90, 20, **OTHER), *acts(0, 6, 400, **OTHER), *acts(0, 20, 2, rule_version="18")]
    repair = [deploy("spam", at(20) - 1, "42", "19"), *acts(20, 60, 2, rule_version="19")]
    said = judged(usual, [*burst, *repair, *acts(60, 70, 32, rule_version="19")], 70, LIMITED)
    assert [kind for kind, _ in moves(said, "spam")] == ["opened", "half_opened", "closed"]
    ((kind, minute),) = moves(said, "spam|rule_version=42@19")
    assert kind == "opened"
    assert 60 < minute < 62


def test_a_wave_of_one_rule_is_no_proof_while_another_one_is_probed():
    usual = [deploy("spam", MONDAY_MS, "42", "17"), *acts(-1560, 0, 2), *acts(-1560, 0, 4, **OTHER)]
    bad = [deploy("spam", at(0) - 1, "42", "18"), *acts(0, 1, 32, rule_version="18"), *acts(0, 75, 2)]
    wave = [*acts(0, 35, 4, **OTHER), *acts(35, 75, 24, **OTHER)]
    said = judged(usual, bad + wave, 75)
    assert [kind for kind, _ in moves(said, "spam|rule_version=42@18")] == ["opened", "half_opened", "closed"]
    (warned,) = (alert for alert in said if alert.scope.value == "7@1")
    assert warned.type == "breaker.warned"


def test_a_policy_that_surges_is_not_said_to_be_silent():
    usual, wave = acts(-1560, 0, 20, **OTHER), acts(0, 5, 400, **OTHER)
    said = judged(usual, wave, 5, LIMITED)
    assert any(alert.type == "breaker.opened" for alert in said)
    assert not [alert.reason for alert in said if "has not acted" in alert.reason]


def test_what_met_more_people_than_a_bitmap_tells_is_told_by_the_hour():
    usual = [deploy("spam", at(-180), "42", "17"), *acts(-180, 0, 2)]
    version = [deploy("spam", at(0) - 1, "42", "18"), *acts(0, 300, 3.2, rule_version="18")]
    said = judged(usual, [*version, *acts(300, 310, 16, rule_version="18")], 310, every_ms=15_000)
    trip = next(alert for alert in said if alert.type == "breaker.opened")
    (told,) = (each for each in trip.evidence if each.signal == "deploy")
    assert told.window_s < 3600
    assert told.ratio > 4


def test_a_dimension_that_is_watched_no_more_is_forgotten():
    log = LogWriter(ruleset=Ruleset(version="v1", policies=(SPAM,)))
    log.live(acts(-180, 0, 2), START, every_ms=300_000)
    log.settings(Ruleset(version="v2", policies=(replace(SPAM, scopes=()),)), START + 100)
    bad = [*acts(1, 10, 2), deploy("spam", at(10) - 1, "42", "17"), *acts(10, 15, 60)]
    log.live(bad, at(15), every_ms=5000)
    fold = Fold()
    fold.assign(0, {})
    trips = [alert for alert in fold.apply(log.records).alerts if alert.type == "breaker.opened"]
    assert [alert.scope.id for alert in trips] == ["spam"]
    assert list(fold.engine.scopes.policies["spam"].rows) == [("", "")]


def test_what_an_ignored_signal_knows_does_not_keep_a_surge_from_tripping():
    usual, wave = aged(acts(-1560, 0, 2), 30), aged(acts(0, 5, 20), 30)
    deaf = replace(SPAM, ignore_signals=("tenure", "content_age"))
    assert not [alert for alert in judged(usual, wave, 5) if alert.type == "breaker.opened"]
    assert [alert for alert in judged(usual, wave, 5, deaf) if alert.type == "breaker.opened"]


def test_a_wave_is_told_anew_although_an_ignored_signal_never_calms_down():
    policy = replace(SPAM, ignore_signals=("tenure",), warn_only_signals=("surge", "volume"))
    usual = aged(acts(-1560, 0, 2), 30)
    shifted = aged(acts(0, 2300, 2), 3000)
    waves = aged([*acts(60, 65, 18), *acts(2280, 2285, 18)], 3000)
    said = [minute_of(alert) for alert in judged(usual, shifted + waves, 2290, policy, 5 * MINUTE)]
    assert [minute for minute in said if 60 < minute < 70]
    assert [minute for minute in said if 2280 < minute < 2290]


def test_an_open_breaker_whose_cool_down_is_shortened_is_still_probed():
    log = LogWriter(ruleset=Ruleset(version="v1", policies=(replace(SPAM, breaker=OnTrip(cooldown_s=7200)),)))
    log.live(acts(-180, 0, 2), START, every_ms=300_000)
    bad = [deploy("spam", at(0) - 1, "42", "18"), *acts(0, 45, 32, rule_version="18")]
    log.live([event for event in bad if event.time < at(40)], at(40), every_ms=5000)
    shorter = replace(SPAM, breaker=OnTrip(cooldown_s=600, probe_s=600))
    log.settings(Ruleset(version="v2", policies=(shorter,)), at(40) + 100)
    log.live([event for event in bad if event.time >= at(40)], at(45), every_ms=5000)
    fold = Fold()
    fold.assign(0, {})
    kinds = moves(fold.apply(log.records).alerts, "spam|rule_version=42@18")
    assert [kind for kind, _ in kinds] == ["opened", "half_opened", "reopened"]
    assert kinds[1][1] > 39.9


def test_a_shift_of_whom_actions_meet_is_told_since_it_began():
    said = judged(aged(acts(-1560, 0, 2), 3000, old_each=1), aged(acts(0, 60, 2), 3000, old_each=8), 60)
    trip = next(alert for alert in said if alert.type == "breaker.opened")
    assert {each.signal for each in trip.evidence} == {"tenure"}
    assert trip.onset <= trip.detected_at
    began_m = (trip.onset.timestamp() * 1000 - START) / MINUTE
    assert -5 < began_m < 10
    assert trip.impact.actions >= 2 * (minute_of(trip) - began_m) - 5
