"""Words about types and values: what is allowed, what was found, what may have been meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from msgspec import inspect

from detector.config.scalars import CONTROL, spell_seconds, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_SHOWN_CHARS: Final = 60


def description(kind: inspect.Type) -> str:
    """What a field means, as its type says."""
    return str((kind.extra_json_schema or {}).get("description", "")) if isinstance(kind, inspect.Metadata) else ""


def examples(kind: inspect.Type) -> list[object]:
    """Values that a type gives as examples."""
    return (kind.extra_json_schema or {}).get("examples", []) if isinstance(kind, inspect.Metadata) else []


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
    if isinstance(bare, inspect.StrType) and CONTROL.search(text):
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


def _range(kind: inspect.IntType | inspect.FloatType, spell: Callable[[float], str]) -> str:
    low, high = (kind.ge if kind.gt is None else kind.gt), (kind.le if kind.lt is None else kind.lt)
    lows = "" if low is None else f" {'from' if kind.gt is None else 'above'} {spell(low)}"
    highs = "" if high is None else f" {'to' if lows and kind.gt is None else 'up to'} {spell(high)}"
    return f"{lows}{' and' if lows and kind.gt is not None and highs else ''}{highs}"
