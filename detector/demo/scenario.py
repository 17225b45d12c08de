"""What happens to the platform, act by act, and what to look at meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from detector.demo.platform import Platform, Rule
from detector.events import Deploy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SPEED: Final = 60
"""Seconds of the platform's time in a second of the demo."""
WAVE_POLICY: Final = "spam"
WAVE_FACTOR: Final = 8
BAD_POLICY: Final = "fake_accounts"
BAD_RULE: Final = "age-signal"
STRAY_PER_H: Final = 420.0
"""How often the bad version suspends people whom it should not."""


class Act(NamedTuple):
    """One act of `seconds`: what happens, what to look at, which policies' rates are multiplied, what is deployed."""

    seconds: float
    happens: str
    look: str
    factors: Mapping[str, float] = {}
    deploy: Callable[[Platform, int], Deploy] | None = None


def _release(platform: Platform, version: str, change: str, time_ms: int, *, strays: bool) -> Deploy:
    """Put a version of the rule in the place of the one that runs."""
    usual = next(rule for rule in platform.rules if rule.rule_id == BAD_RULE and not rule.strays)
    platform.rules = [rule for rule in platform.rules if rule.rule_id != BAD_RULE]
    platform.rules.append(usual._replace(version=version))
    if strays:
        platform.rules.append(usual._replace(version=version, per_h=STRAY_PER_H, strays=True))
    return Deploy(
        id=f"deploy-{BAD_RULE}-{version}-{time_ms}",
        time=time_ms,
        policy_id=BAD_POLICY,
        rule_id=BAD_RULE,
        rule_version=version,
        change=change,
    )


def go_live(platform: Platform, time_ms: int) -> Deploy:
    """Version 18: meant for fresh accounts, it reads their age the wrong way round."""
    return _release(platform, "18", "weigh the age of an account", time_ms, strays=True)


def roll_back(platform: Platform, time_ms: int) -> Deploy:
    """Version 17 again."""
    return _release(platform, "17", "roll back 18", time_ms, strays=False)


ACTS: Final = (
    Act(
        5,
        "An ordinary hour on the platform.",
        "what each policy does per minute, and what is usual at this hour of the week.",
    ),
    Act(
        12,
        f"A wave of spam comes in. The spam rules rightly act {WAVE_FACTOR} times as often.",
        "spam. The detector warns, but pauses nothing: much work is no mistake.",
        factors={WAVE_POLICY: WAVE_FACTOR},
    ),
    Act(4, "The wave is over.", "spam falls back to what is usual."),
    Act(
        11,
        f"Version 18 of rule {BAD_RULE} goes live, with a bug: it suspends people who have been here for years.",
        f"{BAD_POLICY}. The breaker of that version opens; the other rule of the policy goes on.",
        deploy=go_live,
    ),
    Act(
        12,
        "The team was paged, looks at the alert, and rolls back to version 17.",
        f"{BAD_POLICY}. The breaker cools down, lets a few through to probe, and closes.",
        deploy=roll_back,
    ),
)


def bad_origin() -> str:
    """The rule version at fault, as breakers spell it."""
    return Rule(BAD_POLICY, BAD_RULE, "18", "suspend", 0).origin
