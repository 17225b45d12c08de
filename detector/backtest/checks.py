"""Thresholds on a result, which make a backtest a gate for policy files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from detector.backtest.result import Check, Result, Score
from detector.config import words
from detector.errors import ConfigError, Problem

Bounds = list[tuple[str, float]]

_OF_SCORE: Final = tuple(Score.__struct_fields__)
_OF_LABELS: Final = ("incidents", "found", "wrongful", "avoided", "other_trips", "other_trips_per_policy_year")
"""Without labels these are not 0 but unknown, and what is unknown passes no gate."""
_OF_QUALITY: Final = ("bad_ratio", "late_ratio", "duplicate_ratio")
NAMES: Final = (*_OF_SCORE, *_OF_QUALITY, "paused_actions", "paused_actions_ratio")
"""Figures that can be bounded: those of counted policies, shares of bad, late and repeated records, and what all
breakers paused or would have paused (of all automated actions)."""


def parse(flag: str, texts: Sequence[str]) -> Bounds:
    """What `name=value` asks for. Raises ConfigError with all problems."""
    problems, found = list[Problem](), Bounds()
    for text in texts:
        name, _, value = text.partition("=")
        if name not in NAMES:
            hint = words.suggestion(name, NAMES)
            problems.append(Problem(flag, 0, 0, f"knows no figure {words.shown(name)}{hint}; {', '.join(NAMES)}"))
            continue
        limit = _number(value)
        if math.isfinite(limit):
            found.append((name, limit))
        else:
            problems.append(Problem(flag, 0, 0, f"{name} is {words.shown(value)}, must be a number: {name}=0.5"))
    if problems:
        raise ConfigError(problems)
    return found


def _number(text: str) -> float:
    """No number is one that is not finite, and no limit either."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def check(result: Result, over: Bounds, under: Bounds) -> tuple[Check, ...]:
    """Each threshold against its figure. A figure that can't be had fails: nothing was proved."""
    figures = values(result)
    return tuple(
        [_check("over", name, limit, figures) for name, limit in over]
        + [_check("under", name, limit, figures) for name, limit in under]
    )


def values(result: Result) -> dict[str, float | None]:
    """All figures by name."""
    quality, policies = result.quality, result.policies
    automated = sum(each.automated for each in policies)
    paused = sum(each.paused.actions for each in policies)
    unknown = {} if result.scores.labelled else dict.fromkeys(_OF_LABELS)
    return (
        msgspec.structs.asdict(result.scores.counted)
        | unknown
        | {
            "bad_ratio": _ratio(quality.bad, quality.read),
            "late_ratio": _ratio(quality.late, quality.events),
            "duplicate_ratio": _ratio(quality.duplicates, quality.events),
            "paused_actions": paused,
            "paused_actions_ratio": _ratio(paused, automated),
        }
    )


def _check(kind: Literal["over", "under"], name: str, limit: float, figures: Mapping[str, float | None]) -> Check:
    value = figures[name]
    failed = value is None or (value > limit if kind == "over" else value < limit)
    return Check(name=name, kind=kind, limit=limit, value=value, failed=failed)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
