"""What a plot shows: a policy for some time before and after a trip or an incident, in a bounded number of steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from detector.units import MINUTE_MS

if TYPE_CHECKING:
    from detector.backtest.part import Ints
    from detector.backtest.score import Incident

LEAST_MS: Final = 3 * 3_600_000
"""Shown at least before an onset, and after a trip."""
BEFORE_MS: Final = 2 * 86_400_000
AFTER_MS: Final = 86_400_000
"""Shown at most."""
STEPS: Final = 360


@dataclass(slots=True)
class Window:
    """A plot that is wanted."""

    policy_id: str
    scope: str
    begin_ms: int
    end_ms: int
    trips: list[int] = field(default_factory=list)
    incident: int | None = None

    @property
    def step(self) -> int:
        """Length of a step, minutes."""
        return max(1, -(-(self.end_ms - self.begin_ms) // (STEPS * MINUTE_MS)))

    def edges_ms(self) -> Ints:
        """Where steps begin, and where the last one ends."""
        first = self.begin_ms // MINUTE_MS
        steps = -(-(self.end_ms // MINUTE_MS - first) // self.step)
        return (first + np.arange(steps + 1) * self.step) * MINUTE_MS


def of_trip(trip: int, policy_id: str, scope: str, at_ms: int, onset_ms: int) -> Window:
    """Around a trip: the longer ago its onset was, the more."""
    before_ms = min(max(LEAST_MS, (at_ms - onset_ms) * 3 // 2), BEFORE_MS)
    return Window(policy_id, scope, at_ms - before_ms, at_ms + max(LEAST_MS, before_ms // 2), [trip])


def of_incident(index: int, incident: Incident) -> Window:
    """Around an incident, or the first two days of it."""
    length_ms = incident.fixed_ms - incident.onset_ms
    after_ms = min(max(length_ms + LEAST_MS // 3, LEAST_MS), BEFORE_MS)
    begin_ms, end_ms = incident.onset_ms - LEAST_MS, incident.onset_ms + after_ms
    return Window(incident.policy_id, incident.policy_id, begin_ms, end_ms, incident=index)
