"""Rules that read settings out of a history. None looks at whether an incident was found.

They know a policy's exposure, its busiest windows outside labelled incidents, and its trips outside them; and they
assume that what is no labelled incident was legitimate. Each proposal says so.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from detector.backtest.policy_yaml import settings_of, spelled
from detector.backtest.spell import count, figure, utc
from detector.config.scalars import spell_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.backtest.result import Peak, PolicyReport, Result
    from detector.policy import PolicySettings, Ruleset

HEADROOM: Final = 2.0
"""A hard limit caps harm, it detects nothing: twice the busiest window leaves room for a platform that doubles."""
LEAST: Final = 50
"""Fewer actions in a window's maximum say little about the next maximum: a longer window is taken."""
LEAST_S: Final = 600
"""Shorter windows are full whenever a queue is emptied at once."""
LEAST_YEARS: Final = 0.25
"""A quarter of a year without a trip, several times each weekly rhythm, before a policy may pause anything."""
CHANCE: Final = 0.05
"""More trips than the budget allows are blamed on the setting when chance alone gives as many so rarely."""
STRICTER: Final = 10.0
"""How much smaller a budget is proposed. Evidence grows exponentially in a fault, so this costs little delay."""
HOURS_PER_YEAR: Final = 8766.0
HOUR_S: Final = 3600


class Proposal(NamedTuple):
    """A setting for a policy. `current` and `proposed` are as a policy file spells them."""

    policy_id: str
    setting: str
    current: str
    proposed: str
    reason: str


def proposals(result: Result, ruleset: Ruleset) -> list[Proposal]:
    """All of them, by policy; policies with too few events get none."""
    found: list[Proposal] = []
    for report in result.policies:
        settings = settings_of(ruleset, report.policy_id)
        if report.counted and settings.mode != "disabled":
            found += _hard_limit(report, settings)
            found += _by_trips(report, settings, legitimate(result, report.policy_id))
    return found


def legitimate(result: Result, policy_id: str) -> int:
    """Trips of a policy in no labelled incident. Repetitions soon after a trip are left out where they are known."""
    return sum(each.policy_id == policy_id and each.label in {"other", "unlabelled"} for each in result.trips)


def _hard_limit(report: PolicyReport, settings: PolicySettings) -> Iterator[Proposal]:
    peak = next((each for each in report.peaks if each.per_s >= LEAST_S and each.count >= LEAST), None)
    if peak is None or (settings.hard_limit and not _reached(report, settings)):
        return
    per = spell_seconds(peak.per_s)
    reason = (
        f"twice the most that {per} held outside labelled incidents, {count(peak.count)} at {utc(peak.at_ms)};"
        " assumes that this was legitimate"
    )
    limit = f"{{max: {_room(peak)}, per: {per}}}"
    yield Proposal(report.policy_id, "hard_limit", spelled(settings, "hard_limit"), limit, reason)


def _reached(report: PolicyReport, settings: PolicySettings) -> bool:
    """Whether legitimate traffic passes the limit that stands: some window no longer than the limit's held more."""
    limit = settings.hard_limit
    return limit is not None and any(each.per_s <= limit.per_s and each.count > limit.max for each in report.peaks)


def _by_trips(report: PolicyReport, settings: PolicySettings, trips: int) -> Iterator[Proposal]:
    budget = settings.false_trips_per_year * report.years
    said = f"{trips} trips outside labelled incidents in {figure(report.years)} years"
    if trips and _chance(trips, budget) < CHANCE:
        said += f", the budget allows {figure(budget)}; assumes that none of them was right"
        yield _calmer(report, settings, said)
        if settings.mode == "enforce":
            yield Proposal(report.policy_id, "mode", "enforce", "shadow", f"until they are understood: {said}")
    elif not trips and settings.mode == "shadow" and report.years >= LEAST_YEARS and report.automated:
        held = f"enforcing would have held {count(report.paused.actions)} actions, in labelled incidents alone"
        yield Proposal(report.policy_id, "mode", "shadow", "enforce", f"{said}; {held}")


def _calmer(report: PolicyReport, settings: PolicySettings, said: str) -> Proposal:
    """A larger immaterial rate for who acts in bursts, else a smaller budget."""
    usual_per_h = report.actions / max(report.years * HOURS_PER_YEAR, 1.0)
    busiest = next((each for each in report.peaks if each.per_s == HOUR_S), None)
    if busiest and usual_per_h < settings.min_rate_per_h < busiest.count:
        setting, value = "min_rate_per_h", f"{busiest.count}"
        why = f"acts in bursts: {figure(usual_per_h)} an hour, up to {count(busiest.count)} in one"
    else:
        setting, value = "false_trips_per_year", f"{settings.false_trips_per_year / STRICTER:.12g}"
        why = "evidence ten times as strong is asked for"
    return Proposal(report.policy_id, setting, spelled(settings, setting), value, f"{said}; {why}")


def _room(peak: Peak) -> int:
    """The limit for a busiest window: with head-room, rounded up to two digits."""
    wanted = math.ceil(peak.count * HEADROOM)
    step: int = 10 ** max(0, len(str(wanted)) - 2)
    return -(-wanted // step) * step


def _chance(trips: int, expected: float) -> float:
    """P(N >= trips) of a Poisson number N with this mean: how often a kept budget gives as many."""
    return 1.0 - math.exp(-expected) * sum(expected**k / math.factorial(k) for k in range(min(trips, 150)))
