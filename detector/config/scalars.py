"""One piece of text against one msgspec type: its value, or a refusal.

Policy files and `DETECTOR_*` variables are read by the same rules. A type speaks through `msgspec.inspect`, so a range
stands once, in the type.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Final

from msgspec import inspect

from detector.policy import Duration

UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(s|m|h|d)")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_WORDS: Final = {"true": True, "1": True, "false": False, "0": False}


def unwrap(kind: inspect.Type) -> tuple[inspect.Type, bool, bool]:
    """The bare type, whether it is a duration in seconds, and whether it may be absent."""
    duration = optional = False
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        if isinstance(kind, inspect.Metadata):
            duration |= (kind.extra or {}).get("duration") is Duration
            kind = kind.type
        else:
            optional = any(isinstance(each, inspect.NoneType) for each in kind.types)
            kind = next(each for each in kind.types if not isinstance(each, inspect.NoneType))
    return kind, duration, optional


def parse(kind: inspect.Type, text: str) -> object:
    """The value that `text` spells. Raises ValueError when it is not what the type allows."""
    bare, duration, _ = unwrap(kind)
    if isinstance(bare, inspect.LiteralType):
        return _one_of(bare, text)
    if isinstance(bare, inspect.BoolType):
        return _word(text)
    if isinstance(bare, inspect.IntType):
        return _within(bare, int(_matched(_INTEGER, text)))
    if isinstance(bare, inspect.FloatType):
        return _within(bare, seconds(text) if duration else float(_matched(_NUMBER, text)))
    if isinstance(bare, inspect.DateTimeType):
        return _instant(text)
    if isinstance(bare, inspect.StrType):
        return _text(bare, text)
    raise ValueError(text)


def seconds(text: str) -> float:
    """Seconds of `90s`, `15m`, `2h`, `1d` or `0`. Raises ValueError on anything else."""
    if text == "0":
        return 0.0
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return float(match[1]) * UNITS_S[match[2]]


def spell_seconds(value_s: float) -> str:
    """The shortest spelling that `seconds` reads back: 900 is `15m`."""
    unit = next((each for each in ("d", "h", "m") if value_s and value_s % UNITS_S[each] == 0), "s")
    return f"{value_s / UNITS_S[unit]:.15g}{unit}"


def _matched(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text


def _one_of(kind: inspect.LiteralType, text: str) -> str:
    if text not in kind.values:
        raise ValueError(text)
    return text


def _word(text: str) -> bool:
    value = _WORDS.get(text.lower())
    if value is None:
        raise ValueError(text)
    return value


def _within(kind: inspect.IntType | inspect.FloatType, value: float) -> float:
    inside = (
        math.isfinite(value)
        and (kind.gt is None or value > kind.gt)
        and (kind.ge is None or value >= kind.ge)
        and (kind.lt is None or value < kind.lt)
        and (kind.le is None or value <= kind.le)
    )
    if not inside:
        raise ValueError(value)
    return value


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant


def _text(kind: inspect.StrType, text: str) -> str:
    too_long = kind.max_length is not None and len(text) > kind.max_length
    if too_long or len(text) < (kind.min_length or 0) or CONTROL.search(text):
        raise ValueError(text)
    if kind.pattern is not None and not re.search(kind.pattern, text):
        raise ValueError(text)
    return text
