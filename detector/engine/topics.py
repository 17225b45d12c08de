"""What a warning is about. While one stands, the next of its topic waits until that has died down; others are heard.

A topic is a question that an on-call engineer would ask: how much, on whom, what became of it; and what is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from detector.events import Evidence

TOPICS: Final[Mapping[str, frozenset[str]]] = {
    "volume": frozenset({"hard_limit", "deploy", "probe", "surge", "volume", "share"}),
    "mix": frozenset({"tenure", "content_age", "first_time"}),
    "aftermath": frozenset({"appeals", "overturns", "reversals", "rebans"}),
    "ramp": frozenset({"ramp"}),
    "silence": frozenset({"silence"}),
    "appeals_quiet": frozenset({"appeals_quiet"}),
}
"""Signals by topic. A ramp takes days to die down, and what is missing may be why nothing more is heard."""
OF: Final[Mapping[str, str]] = {signal: topic for topic, signals in TOPICS.items() for signal in signals}
"""The topic of each signal."""


def unsaid(found: tuple[Evidence, ...], told: Collection[str]) -> tuple[Evidence, ...]:
    """Evidence of topics of which no warning stands."""
    return tuple(each for each in found if OF[each.signal] not in told)


def noted(warned: Mapping[str, int], found: tuple[Evidence, ...], stream_ms: int) -> dict[str, int]:
    """The standing warnings of a scope, by topic when it last warned of it, with one of what was found."""
    return dict(sorted({**warned, **{OF[each.signal]: stream_ms for each in found}}.items()))
