"""What the slow twin of a policy finds is told once, never trips, and outlives a restart. `stats.slow` finds it."""

from __future__ import annotations

import numpy as np

from detector.events import Alert
from detector.fold import Fold
from detector.policy import Policy, Ruleset
from tests.logs import MONDAY_MS, LogWriter, steady, utc

HOUR = 3_600_000
DAY = 24 * HOUR
RULES = Ruleset(version="v1", policies=(Policy(id="spam", mode="enforce"),))
LOUD_H, CALM_H = 1e6, 1.0


class Life:
    """A policy that acts 12 times an hour, by days, with a restart after each; its twin learned for two months before.

    A day is heard at the start of the one after it.
    """

    def __init__(self) -> None:
        self.log = LogWriter(ruleset=RULES)
        self.fold = Fold(RULES.stream)
        self.fold.assign(0, {})
        for number in range(3):
            self.day(number)
        self.twin["b"], self.twin["a"], self.twin["phi_days"] = 40.0, 40.0 * 288, 40.0

    @property
    def twin(self) -> np.ndarray:
        return self.fold.engine.scopes.profiles.rows["twin"][:1]

    def day(self, number: int) -> list[Alert]:
        read, start = len(self.log.records), MONDAY_MS + number * DAY
        first = start + (6 * HOUR if number == 0 else 0)
        self.log.live(steady("spam", first, start + DAY, 0.2), start + DAY, every_ms=HOUR)
        said = self.fold.apply(self.log.records[read:]).alerts
        snapshot = self.fold.snapshot()
        self.fold = Fold(RULES.stream)
        self.fold.assign(0, {key: value for _, key, value in [*snapshot.policies(), *snapshot.seals()]})
        return said


def test_a_ramp_warns_once_until_it_has_died_down_whatever_restarts():
    life = Life()
    assert life.day(3) == []
    life.twin["evidence"] = LOUD_H
    (alert,) = life.day(4)
    assert (alert.type, alert.scope.id) == ("breaker.warned", "spam")
    assert [each.signal for each in alert.evidence] == ["ramp"]
    assert (alert.evidence[0].observed, alert.evidence[0].window_s) == (288, 86_400)
    assert (alert.onset, alert.impact.actions) == (utc(MONDAY_MS + 3 * DAY), 288)
    assert "rising for days" in alert.reason
    life.twin["evidence"] = LOUD_H
    assert life.day(5) == []
    life.twin["evidence"] = CALM_H
    assert life.day(6) == []
    life.twin["evidence"] = LOUD_H
    assert [each.type for each in life.day(7)] == ["breaker.warned"]


def test_a_twin_whose_numbers_went_wrong_is_a_fault_of_its_policy():
    life = Life()
    life.twin["evidence"] = np.nan
    assert [each.type for each in life.day(3)] == ["breaker.faulted"]


def test_a_twin_hears_whole_days_alone():
    life = Life()
    assert life.twin["waiting"][0, (MONDAY_MS // DAY + 1) % 14] == 288
    assert np.isnan(life.twin["waiting"][0, MONDAY_MS // DAY % 14])
