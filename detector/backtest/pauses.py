"""What was paused, or would have been: for how long, and how many automated actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from detector.backtest.part import Book, Part
from detector.backtest.result import Paused
from detector.breaker import HOLDING
from detector.events import Alert, State

FAR: Final = 2**62
NEVER_PAUSES: Final = "alert_only"
"""The mode in which a breaker moves, and pauses nothing, nor would."""


@dataclass(slots=True)
class Span:
    """A scope in one holding state. `share`: of its automated actions that are paused; `trip`: what began it.

    `pauses`: whether its policy's mode could pause anything.
    """

    policy_id: str
    dimension: str | None
    value: str | None
    state: State
    share: float
    trip: int
    pauses: bool
    begin_ms: int
    end_ms: int = FAR
    actions: float = 0.0


class Pauses:
    """Follows the breakers of one run. Actions wait here until all that can be said of their time has been said."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._waiting: list[Part] = []
        self._holding: dict[str, Span] = {}
        self._fresh: list[Span] = []
        """Those that may still concern waiting actions."""
        self._spans: list[Span] = []
        self._actions: dict[str, float] = {}

    def moved(self, alert: Alert, at_ms: int, trip: int, probe_ratio: float) -> None:
        """A breaker changed its state. `trip`: number of the trip that this belongs to."""
        before = self._holding.pop(alert.scope.id, None)
        if before is not None:
            before.end_ms = max(at_ms, before.begin_ms)
        if alert.to_state in HOLDING:
            share = 1.0 if alert.to_state is State.OPEN else 1.0 - probe_ratio
            scope, pauses = alert.scope, alert.mode != NEVER_PAUSES
            span = Span(scope.policy_id, scope.dimension, scope.value, alert.to_state, share, trip, pauses, at_ms)
            self._holding[scope.id] = span
            self._spans.append(span)
            if pauses:
                self._fresh.append(span)

    def add(self, part: Part) -> None:
        """Take in actions, for `settle` to judge."""
        self._waiting.append(part.where(part.action & part.automated))

    def settle(self, until_ms: int) -> None:
        """All that breakers do before `until_ms` is known now."""
        later: list[Part] = []
        for part in self._waiting:
            final = part.time_ms < until_ms
            if self._fresh and final.any():
                self._count(part.where(final))
            if not final.all():
                later.append(part.where(~final))
        self._waiting = later
        self._fresh = [span for span in self._fresh if span.end_ms > until_ms]

    def end(self, at_ms: int) -> None:
        """The history is over: what is still paused ends with it."""
        for span in self._holding.values():
            span.end_ms = max(at_ms, span.begin_ms)
        self._holding.clear()
        self.settle(FAR)

    def of_policy(self, policy_id: str) -> Paused:
        """All scopes of a policy together."""
        spans = [span for span in self._spans if span.policy_id == policy_id]
        return _paused(spans, self._actions.get(policy_id, 0.0))

    def of_trip(self, trip: int) -> tuple[Paused, int]:
        """What one trip paused until its scope closed or tripped again, and when that was."""
        spans = [span for span in self._spans if span.trip == trip]
        return _paused(spans, sum(span.actions for span in spans)), max(span.end_ms for span in spans)

    def _count(self, part: Part) -> None:
        shares: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
        for span in self._fresh:
            inside = (part.time_ms >= span.begin_ms) & (part.time_ms < span.end_ms)
            inside &= part.policy == self._book.policies.codes.get(span.policy_id, -1)
            if span.dimension is not None:
                names = self._book.values.get(span.dimension)
                code = names.codes.get(span.value or "", -1) if names else -1
                inside &= part.values.get(span.dimension, np.full(len(inside), -2)) == code
            if inside.any():
                span.actions += span.share * int(inside.sum())
                share = shares.setdefault(span.policy_id, np.zeros(len(part.time_ms)))
                np.maximum(share, span.share * inside, out=share)
        for policy_id, share in shares.items():
            self._actions[policy_id] = self._actions.get(policy_id, 0.0) + float(share.sum())


def _paused(every: list[Span], actions: float) -> Paused:
    spans = [span for span in every if span.pauses]
    open_ms = _length([(span.begin_ms, span.end_ms) for span in spans if span.state is State.OPEN])
    any_ms = _length([(span.begin_ms, span.end_ms) for span in spans])
    return Paused(open_s=open_ms / 1000, half_open_s=(any_ms - open_ms) / 1000, actions=actions)


def _length(spans: list[tuple[int, int]]) -> int:
    """Milliseconds that any of the spans covers."""
    total, through = 0, -FAR
    for begin, end in sorted(spans):
        total += max(0, end - max(begin, through))
        through = max(through, end)
    return total
