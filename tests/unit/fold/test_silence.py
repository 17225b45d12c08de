"""A policy that stops acting is told of: nothing is no news only where nothing was due."""

from __future__ import annotations

from functools import cache

from detector.events import Alert
from detector.fold import Fold
from detector.policy import HardLimit, Policy, Ruleset
from tests.logs import MONDAY_MS, LogWriter, steady

MINUTE, HOUR = 60_000, 3_600_000
RULES = Ruleset(version="v1", policies=(Policy(id="spam", mode="enforce"), Policy(id="hate", mode="enforce")))
STOPS = MONDAY_MS + 30 * HOUR


@cache
def lived(per_minute: float, quiet_min: int, restart: bool = False, stops: int = STOPS) -> list[Alert]:
    """What is said of a policy that stops for some minutes, while another one acts on."""
    end = stops + (quiet_min + 70) * MINUTE
    found = [*steady("spam", MONDAY_MS, stops, per_minute), *steady("hate", MONDAY_MS, end, 0.5)]
    found += steady("spam", stops + quiet_min * MINUTE, end, per_minute)
    log, fold = LogWriter(ruleset=RULES), Fold(RULES.stream)
    log.live(sorted(found, key=lambda event: event.time), end, every_ms=MINUTE)
    fold.assign(0, {})
    half = len(log.records) - (quiet_min + 60 if restart else 0)
    said = fold.apply(log.records[:half]).alerts
    if restart:
        snapshot = fold.snapshot()
        fold = Fold(RULES.stream)
        fold.assign(0, {key: value for _, key, value in [*snapshot.policies(), *snapshot.seals()]})
    return [*said, *fold.apply(log.records[half:]).alerts]


def test_a_busy_policy_that_falls_silent_warns_within_minutes_and_says_since_when():
    (alert,) = lived(2.0, 90)
    assert (alert.type, alert.scope.id, alert.evidence[0].signal) == ("breaker.warned", "spam", "silence")
    assert abs(alert.onset.timestamp() * 1000 - STOPS) <= MINUTE / 2
    assert MINUTE < (alert.detected_at - alert.onset).total_seconds() * 1000 < 30 * MINUTE
    assert "has not acted for" in alert.reason
    assert alert.impact.actions == 0


def test_a_restart_forgets_no_minute_of_it():
    assert lived(2.0, 90, restart=True) == lived(2.0, 90)


def test_a_policy_falls_silent_while_another_warning_about_it_stands():
    end = STOPS + 40 * MINUTE
    found = [
        *steady("spam", MONDAY_MS, STOPS, 2.0),
        *steady("spam", STOPS - 10 * MINUTE, STOPS, 20.0, subject_id="one"),
    ]
    found += steady("hate", MONDAY_MS, end, 0.5)
    log, fold = LogWriter(ruleset=RULES), Fold(RULES.stream)
    log.live(sorted(found, key=lambda event: event.time), end, every_ms=MINUTE)
    fold.assign(0, {})
    wave, silence = fold.apply(log.records).alerts
    assert [[each.signal for each in alert.evidence] for alert in (wave, silence)] == [["volume"], ["silence"]]
    assert (silence.type, silence.impact.actions) == ("breaker.warned", 0)


def test_a_policy_that_acts_for_some_minutes_and_falls_silent_again_is_told_of_again():
    back, end = STOPS + 65 * MINUTE, STOPS + 4 * HOUR
    found = [*steady("spam", MONDAY_MS, STOPS, 20.0), *steady("spam", back, back + 5 * MINUTE, 20.0)]
    found += steady("hate", MONDAY_MS, end, 0.5)
    log, fold = LogWriter(ruleset=RULES), Fold(RULES.stream)
    log.live(sorted(found, key=lambda event: event.time), end, every_ms=MINUTE)
    fold.assign(0, {})
    silent = [alert for alert in fold.apply(log.records).alerts if alert.evidence[0].signal == "silence"]
    assert [alert.detected_at.timestamp() * 1000 < back for alert in silent] == [True, False]


def test_a_quiet_policy_may_rest():
    assert lived(0.05, 90) == []


def test_a_limit_that_was_passed_before_a_policy_fell_silent_is_not_held_against_it_again():
    limited = Policy(id="spam", mode="enforce", hard_limit=HardLimit(max=25, per_s=600))
    rules, end = Ruleset(version="v1", policies=(limited,)), STOPS + 100 * MINUTE
    found = [*steady("spam", MONDAY_MS, STOPS, 0.5), *steady("spam", STOPS, STOPS + MINUTE, 30)]
    log, fold = LogWriter(ruleset=rules), Fold(rules.stream)
    log.live(sorted([*found, *steady("hate", MONDAY_MS, end, 0.5)], key=lambda event: event.time), end, every_ms=MINUTE)
    fold.assign(0, {})
    moves = [(alert.type, {each.signal for each in alert.evidence}) for alert in fold.apply(log.records).alerts]
    opened = [signals for kind, signals in moves if kind == "breaker.opened"]
    assert len(opened) == 1
    assert "hard_limit" in opened[0]
    assert ("breaker.warned", {"silence"}) in moves
