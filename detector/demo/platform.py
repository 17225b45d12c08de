"""A made-up platform: a dozen policies, their rules, and the hours at which their users are awake.

It proposes actions; whether one is executed is the enforcement service's business. Everything follows from the seed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from detector.events import Action, Automated
from detector.units import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

YEAR_MS: Final = 365 * DAY_MS
REGIONS: Final = ("EU", "US", "IN", "BR", "JP")
REGION_SHARES: Final = (0.34, 0.27, 0.2, 0.12, 0.07)
ACCOUNTS: Final = 5_000_000
WAVE: Final = 0.25
"""How much busier than average the busiest hour is."""


class Rule(NamedTuple):
    """A rule version, and how many actions an hour it takes on an average day.

    `strays`: it acts on people whom it should leave alone, at all hours alike.
    """

    policy_id: str
    rule_id: str
    version: str
    action_type: str
    per_h: float
    automated: Automated = Automated.FULLY
    reversible: bool = True
    strays: bool = False

    @property
    def origin(self) -> str:
        """As breakers spell it."""
        return f"{self.rule_id}@{self.version}"


class Proposal(NamedTuple):
    """An action that a rule asks for, and what nobody at the platform knows yet: whether it is wrong."""

    time_ms: int
    action: Action
    is_wrongful: bool
    age_ms: int
    """How long the account has existed."""


_SOMEWHAT: Final = Automated.PARTIALLY
RULES: Final = (
    Rule("spam", "link-farm", "31", "remove", 22),
    Rule("spam", "bulk-dm", "12", "limit", 10),
    Rule("fake_accounts", "age-signal", "17", "suspend", 11),
    Rule("fake_accounts", "signup-ring", "7", "suspend", 8),
    Rule("scams", "wallet-drain", "5", "remove", 13),
    Rule("adult_content", "nudity-model", "2026.9", "remove", 14),
    Rule("harassment", "pile-on", "3", "limit", 9),
    Rule("hate_speech", "slur-context", "22", "remove", 8, _SOMEWHAT),
    Rule("copyright", "fingerprint", "9", "remove", 11),
    Rule("malware", "bad-url", "140", "remove", 7),
    Rule("impersonation", "lookalike", "4", "suspend", 6),
    Rule("self_harm", "care-prompt", "6", "warn", 6),
    Rule("underage", "age-claim", "2", "suspend", 6, Automated.NOT_AUTOMATED),
    Rule("child_safety", "hash-match", "1", "ban", 6, Automated.FULLY, reversible=False),
)
POLICIES: Final = tuple(dict.fromkeys(rule.policy_id for rule in RULES))
PEAK_HOUR: Final = {policy_id: 13 + 2 * (i % 5) for i, policy_id in enumerate(POLICIES)}


def rhythm(policy_id: str, time_ms: int) -> float:
    """How busy the policy is at this hour of the week, 1 on average: a daily wave, quieter at weekends."""
    hour = time_ms / HOUR_MS
    wave = 1 + WAVE * math.cos((hour - PEAK_HOUR[policy_id]) * 2 * math.pi / 24)
    weekend = (time_ms // DAY_MS + 4) % 7 in (0, 6)  # the epoch began on a Thursday
    return wave * (0.8 if weekend else 1.08)


class Platform:
    """Draws what its rules propose, interval by interval. `rules` may be changed between draws."""

    def __init__(self, seed: int) -> None:
        self.rules = list(RULES)
        self._random = np.random.default_rng(seed)
        self._count = 0

    def usual_per_h(self, policy_id: str, time_ms: int) -> float:
        """What the policy's rules together do at this hour on an ordinary day."""
        return rhythm(policy_id, time_ms) * sum(rule.per_h for rule in RULES if rule.policy_id == policy_id)

    def proposals(self, from_ms: int, to_ms: int, factors: Mapping[str, float] | None = None) -> list[Proposal]:
        """What happens in [from_ms, to_ms), in order of time; `factors` multiply the rate of a policy."""
        found: list[Proposal] = []
        for rule in self.rules:
            factor = 1.0 if rule.strays else rhythm(rule.policy_id, from_ms) * (factors or {}).get(rule.policy_id, 1.0)
            expected = rule.per_h * factor * (to_ms - from_ms) / HOUR_MS
            found += self._draw(rule, from_ms, to_ms, int(self._random.poisson(expected)))
        return sorted(found, key=lambda proposal: proposal.time_ms)

    def _draw(self, rule: Rule, from_ms: int, to_ms: int, count: int) -> Iterator[Proposal]:
        if not count:
            return
        times = self._random.integers(from_ms, to_ms, count).tolist()
        regions = self._random.choice(len(REGIONS), count, p=REGION_SHARES).tolist()
        subjects = self._random.integers(0, ACCOUNTS, count).tolist()
        # Spammers are days old; whom a stray rule hits has been here for years.
        ages = self._random.gamma(4.0, 1.2 * YEAR_MS if rule.strays else 2 * DAY_MS, count).tolist()
        for time_ms, region, subject, age_ms in zip(times, regions, subjects, ages, strict=True):
            self._count += 1
            action = self._action(rule, time_ms, REGIONS[region], subject, int(age_ms))
            yield Proposal(time_ms, action, rule.strays, int(age_ms))

    def _action(self, rule: Rule, time_ms: int, region: str, subject: int, age_ms: int) -> Action:
        number = f"{self._count:08d}"
        return Action(
            id=f"evt-{number}",
            time=time_ms,
            policy_id=rule.policy_id,
            rule_id=rule.rule_id,
            rule_version=rule.version,
            region=region,
            subject_id=f"acct-{subject:07d}",
            subject_type="account",
            action_id=f"act-{number}",
            action_type=rule.action_type,
            automated_decision=rule.automated,
            reversible=rule.reversible,
            subject_created_at=time_ms - age_ms,
        )
