"""One piece of text against one msgspec type: its value, or words for what it should have been.

Policy files and `DETECTOR_*` variables are read by the same rules. A type speaks through `msgspec.inspect`, so a range
stands once, in the type.
"""

from __future__ import annotations

import difflib
import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import inspect

from detector.policy import Duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_SHOWN_CHARS: Final = 60
UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(s|m|h|d)")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
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


def description(kind: inspect.Type) -> str:
    """What a field means, as its type says."""
    return str((kind.extra_json_schema or {}).get("description", "")) if isinstance(kind, inspect.Metadata) else ""


def examples(kind: inspect.Type) -> list[object]:
    """Values that a type gives as examples."""
    return (kind.extra_json_schema or {}).get("examples", []) if isinstance(kind, inspect.Metadata) else []


def parse(kind: inspect.Type, text: str) -> object:
    """The value that `text` spells. Raises ValueError when it is not what `expected(kind)` says."""
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


def expected(kind: inspect.Type) -> str:  # noqa: C901, PLR0911 - one case a type
    """Words for the values that a type allows, with its range."""
    bare, duration, _ = unwrap(kind)
    match bare:
        case inspect.StrType(pattern=str()) if examples(kind):
            return f"such as {' or '.join(map(str, examples(kind)))}"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}" if len(values) > 1 else str(values[0])
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return f"an integer{_range(bare, '{:d}'.format)}"
        case inspect.FloatType() if duration:
            return f"a duration (90s, 15m, 2h, 1d){_range(bare, spell_seconds)}"
        case inspect.FloatType():
            return f"a number{_range(bare, '{:.15g}'.format)}"
        case inspect.DateTimeType():
            return "a time with zone such as 2026-01-05T12:00:00Z"
        case inspect.StrType(pattern=str(pattern)):
            return f"text that matches {pattern}"
        case inspect.StrType(max_length=None):
            return "text"
        case inspect.StrType(min_length=low, max_length=high):
            return f"text of {low or 0} to {high} characters"
        case inspect.VarTupleType(item_type=item):
            return f"a list, each {expected(item)}"
    return "a mapping"


def complaint(kind: inspect.Type, text: str) -> str:
    """The message about a text that `parse` refused: the value, what is allowed, and the nearest word."""
    bare, _, _ = unwrap(kind)
    if isinstance(bare, inspect.StrType) and _CONTROL.search(text):
        return f"is {shown(text)}, must have no control characters"
    hint = suggestion(text, bare.values) if isinstance(bare, inspect.LiteralType) else ""
    return f"is {shown(text)}, must be {expected(kind)}{hint}"


def shown(text: str) -> str:
    """A value as messages quote it: one line, at most 60 characters of it."""
    quoted = repr(text[:MAX_SHOWN_CHARS])
    return quoted if len(text) <= MAX_SHOWN_CHARS else f"{quoted}..."


def suggestion(word: str, known: Iterable[object], cutoff: float = 0.6) -> str:
    """`, did you mean 'x'?` when a known word is near, else nothing."""
    spelled = {str(each).lower(): each for each in known}
    near = difflib.get_close_matches(word[:MAX_SHOWN_CHARS].lower(), spelled, n=1, cutoff=cutoff)
    return f", did you mean {spelled[near[0]]!r}?" if near else ""


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
    if too_long or len(text) < (kind.min_length or 0) or _CONTROL.search(text):
        raise ValueError(text)
    if kind.pattern is not None and not re.search(kind.pattern, text):
        raise ValueError(text)
    return text


def _range(kind: inspect.IntType | inspect.FloatType, spell: Callable[[float], str]) -> str:
    low, high = (kind.ge if kind.gt is None else kind.gt), (kind.le if kind.lt is None else kind.lt)
    lows = "" if low is None else f" {'from' if kind.gt is None else 'above'} {spell(low)}"
    highs = "" if high is None else f" {'to' if lows and kind.gt is None else 'up to'} {spell(high)}"
    return f"{lows}{' and' if lows and kind.gt is not None and highs else ''}{highs}"
