"""What a gate understands of one breaker record, and which of two records it believes.

Decoded leniently: values of `state`, `mode` and `directive` that this version doesn't know are kept and judged, not
refused, because a gate lives in somebody else's service and is upgraded last.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Annotated, Final, get_args

import msgspec
from msgspec import Meta, Struct

from detector.events import Directive, Instant, Scope, State
from detector.policy import Mode

_STATES: Final = frozenset(state.value for state in State)
_DIRECTIVES: Final = frozenset(directive.value for directive in Directive)
_MODES: Final = frozenset(get_args(Mode))
_NEVER_HOLDING_MODES: Final = _MODES - {"enforce"}


class Demand(IntEnum):
    """What a record asks of automated actions, least strict first."""

    NOTHING = 0
    UNKNOWN = 1
    PROBE = 2
    HOLD = 3


class Word(Struct, frozen=True, kw_only=True):
    """A breaker record as far as a gate needs it; fields as in `events.Breaker`."""

    scope: Scope
    state: str
    mode: str
    directive: str
    generation: int
    partition: int
    hold_until: Instant | None = None
    probe_ratio: Annotated[float, Meta(ge=0, le=1)] = 0.0

    @property
    def is_fully_understood(self) -> bool:
        """Whether this version knows every value in it."""
        return self.state in _STATES and self.mode in _MODES and self.directive in _DIRECTIVES

    @property
    def demand(self) -> Demand:
        """A known directive is obeyed even in an unknown state; a mode that never pauses silences any directive."""
        if self.mode in _NEVER_HOLDING_MODES:
            return Demand.NOTHING
        if self.directive == Directive.NONE.value:
            return Demand.NOTHING if self.state in _STATES else Demand.UNKNOWN
        if self.directive != Directive.HOLD_FOR_REVIEW.value or self.mode not in _MODES:
            return Demand.UNKNOWN
        return Demand.PROBE if self.state == State.HALF_OPEN.value and self.probe_ratio > 0 else Demand.HOLD

    @property
    def content(self) -> tuple[str, str, str, float]:
        """What two records of one generation must agree on; `hold_until` moves on when a record is rewritten."""
        return self.state, self.mode, self.directive, self.probe_ratio

    @property
    def rank(self) -> tuple[int, Demand, float, float, tuple[str, str, str, float]]:
        """A total order: the higher generation, then the stricter, then the longer hold. The highest is believed."""
        until_s = math.inf if self.hold_until is None else self.hold_until.timestamp()
        return self.generation, self.demand, -self.probe_ratio, until_s, self.content

    def release_s(self, *, now_s: float, wall_s: float) -> float:
        """`hold_until` on the monotonic clock that reads `now_s` while the wall clock reads `wall_s`; no end: infinity.

        Fixed once, on receipt, so that a wall clock that is set later neither ends nor prolongs a hold.
        """
        return math.inf if self.hold_until is None else now_s + max(0.0, self.hold_until.timestamp() - wall_s)


_decoder = msgspec.json.Decoder(Word)


def parse_word(value: bytes) -> Word:
    """The word in a breaker record's value. Raises `msgspec.DecodeError` (of which ValidationError is one)."""
    return _decoder.decode(value)
