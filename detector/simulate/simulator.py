"""A test's traffic through the fold, and its expectations against what the fold said."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from detector.config.policy_tests import MINUTES_PER_DAY, minutes, span
from detector.simulate.feed import Feed, actions, deploy
from detector.units import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from detector.config.policy_tests import Expected, PolicyTest
    from detector.events import Alert
    from detector.policy import Ruleset
    from detector.simulate.feed import Load

STEP_MS: Final = 10_000
"""How often rows and a tick arrive; while the history is fed, once an hour."""
MAX_SEEN: Final = 5
UNLISTED: Final = "a policy that no file lists"


class Simulator:
    """Runs tests of one ruleset. Tests with the same history share its training."""

    def __init__(self, ruleset: Ruleset) -> None:
        self._ruleset = ruleset
        self._trained: dict[tuple[object, ...], Feed] = {}

    def failures(self, test: PolicyTest) -> list[str]:
        """What went otherwise than the test expects; nothing when it holds."""
        happened = [_Happened.of(alert, test) for alert in self.alerts(test)]
        met = [(each, [one for one in happened if one.meets(each)]) for each in test.expect]
        allowed = {id(one) for _, meeting in met for one in meeting}
        missing = [_missing(each, happened) for each, meeting in met if not meeting]
        return missing + [f"unexpected {each}" for each in happened if each.matters and id(each) not in allowed]

    def alerts(self, test: PolicyTest) -> list[Alert]:
        """All that the detector says about the test's history and traffic, in order."""
        key = (test.policy, test.start, test.history)
        if key not in self._trained:
            self._trained[key] = self._train(test)
        feed = copy.deepcopy(self._trained[key])
        start_ms = _start_ms(test)
        end_ms = start_ms + minutes(msgspec.to_builtins(test)) * MINUTE_MS
        feed.run(_traffic(test), range(start_ms, end_ms + STEP_MS, STEP_MS))
        return feed.alerts

    def _train(self, test: PolicyTest) -> Feed:
        listed = tuple(each for each in self._ruleset.policies if each.id == test.policy)
        feed = Feed(msgspec.structs.replace(self._ruleset, policies=listed), test.policy or UNLISTED)
        if test.history:
            start_ms, days = _start_ms(test), test.history.days
            rows = actions(test.history, range(-days * MINUTES_PER_DAY, 0), test.history.per_minute, start_ms)
            feed.run([rows], range(start_ms - days * 24 * HOUR_MS, start_ms + 1, HOUR_MS))
        return feed


class _Happened(NamedTuple):
    minute: int
    to: str
    scope: str
    why: str

    @classmethod
    def of(cls, alert: Alert, test: PolicyTest) -> _Happened:
        minute = int((alert.detected_at - test.start).total_seconds() // 60)
        scope = f"{alert.scope.dimension}={alert.scope.value}" if alert.scope.dimension else "policy"
        return cls(minute, "warning" if alert.type == "breaker.warned" else alert.to_state, scope, alert.reason)

    @property
    def matters(self) -> bool:
        """Whether a test must speak of it."""
        return self.to in {"OPEN", "FAULT"}

    def meets(self, expected: Expected) -> bool:
        """Whether it is what was expected."""
        timely = self.minute in span(expected.minutes)
        return timely and self.to == expected.to and expected.scope in {None, self.scope}

    def __str__(self) -> str:
        return f"{self.to} in minute {self.minute} of {self.scope} ({self.why})"


def _missing(expected: Expected, happened: list[_Happened]) -> str:
    of = f" of {expected.scope}" if expected.scope else ""
    saw = [*map(str, happened[:MAX_SEEN]), *([f"{len(happened) - MAX_SEEN} more"] if happened[MAX_SEEN:] else [])]
    return f"expected {expected.to} in minute {expected.minutes}{of}, but {', '.join(saw) or 'nothing'} happened"


def _start_ms(test: PolicyTest) -> int:
    return int(test.start.timestamp() * 1000)


def _traffic(test: PolicyTest) -> list[Load]:
    start_ms = _start_ms(test)
    counts = (actions(each, span(each.minutes), each.count, start_ms) for each in test.counts_per_minute)
    return [*(deploy(each, start_ms) for each in test.deploys), *counts]
