"""Figures around trips and incidents, for plots: kept in a moving window, so that memory does not grow with history."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.backtest.part import Book, Part
from detector.backtest.result import Mark, Plot
from detector.backtest.score import Incident
from detector.events import Alert, State
from detector.fold.figures import Figures
from detector.units import MINUTE_MS

LEAST_MS: Final = 3 * 3_600_000
"""Shown at least before an onset, and after a trip."""
BEFORE_MS: Final = 2 * 86_400_000
AFTER_MS: Final = 86_400_000
"""Shown at most."""
STEPS: Final = 360
MOST_PLOTS: Final = 60
MOST_OF_POLICY: Final = 6
MOST_INCIDENTS: Final = 40
Z: Final = 3.0
"""Standard deviations from the middle to the edge of the band."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(slots=True)
class Window:
    """A plot that is wanted, and what is known for it beside the moving window."""

    policy_id: str
    scope: str
    begin_ms: int
    end_ms: int
    trips: list[int] = field(default_factory=list)
    incident: int | None = None


class Traces:
    """Follows one run. Give it parts, deploys, alerts and figures as they come; `plots` at the end."""

    def __init__(self, book: Book, incidents: Sequence[Incident]) -> None:
        self._book = book
        self._counts: deque[tuple[int, Ints, Ints, Ints]] = deque()
        self._samples: deque[tuple[int, Figures]] = deque()
        self._deploys: deque[Mark] = deque()
        self._moves: dict[str, list[Mark]] = {}
        self._points: deque[tuple[int, str, float]] = deque()
        self._made: list[tuple[Window, Plot]] = []
        self._per_policy: dict[str, int] = {}
        self._trips = 0
        self._open = [_around(i, each) for i, each in enumerate(incidents[:MOST_INCIDENTS])]

    # --- while the history passes -------------------------------------------------------------------------------------

    def add(self, part: Part) -> None:
        """Count a part's actions by minute."""
        minute = part.time_ms[part.action] // MINUTE_MS
        if len(minute):
            cells, number = np.unique(np.stack([part.policy[part.action], minute]), axis=1, return_counts=True)
            self._counts.append((int(cells[1].max()), cells[0], cells[1], number))

    def deployed(self, at_ms: int, policy_id: str, origin: str) -> None:
        """A deploy; `policy_id` "" of every policy."""
        self._deploys.append(Mark(at_ms=at_ms, name=origin, detail=policy_id))

    def tripped(self, trip: int, alert: Alert, at_ms: int, onset_ms: int) -> None:
        """A trip: a plot of it is wanted, unless the policy has one that shows it, or too many are kept."""
        policy_id = alert.scope.policy_id
        for window in self._open:
            if window.policy_id == policy_id and window.incident is None and at_ms < window.end_ms - LEAST_MS // 2:
                window.trips.append(trip)
                return
        if self._trips >= MOST_PLOTS or self._per_policy.get(policy_id, 0) >= MOST_OF_POLICY:
            return
        self._trips += 1
        self._per_policy[policy_id] = self._per_policy.get(policy_id, 0) + 1
        before_ms = min(max(LEAST_MS, (at_ms - onset_ms) * 3 // 2), BEFORE_MS)
        self._open.append(
            Window(policy_id, alert.scope.id, at_ms - before_ms, at_ms + max(LEAST_MS, before_ms // 2), [trip])
        )

    def moved(self, alert: Alert, at_ms: int) -> None:
        """A breaker changed its state."""
        moves = self._moves.setdefault(alert.scope.policy_id, [])
        moves.append(Mark(at_ms=at_ms, name=alert.to_state.value, detail=alert.scope.id))
        strength = max((each.strength for each in alert.evidence), default=0.0)
        self._points.append((at_ms, alert.scope.policy_id, strength))

    def sample(self, now: Figures, settled_ms: int) -> None:
        """Figures after a tick. Finishes the plots whose time is over, and forgets what no later plot can show."""
        self._samples.append((settled_ms, now))
        for window in [each for each in self._open if each.end_ms <= settled_ms]:
            self._finish(window)
        self._forget(settled_ms)

    def end(self) -> None:
        """The history is over: what is there of the plots that are still open."""
        for window in list(self._open):
            if self._samples and window.begin_ms < self._samples[-1][0]:
                self._finish(window)

    def plots(self) -> list[tuple[Window, Plot]]:
        """All that were made, in order of time."""
        return sorted(self._made, key=lambda each: (each[0].begin_ms, each[0].scope, each[0].incident or -1))

    # --- a plot -------------------------------------------------------------------------------------------------------

    def _finish(self, window: Window) -> None:
        self._open.remove(window)
        step = max(1, -(-(window.end_ms - window.begin_ms) // (STEPS * MINUTE_MS)))
        first = window.begin_ms // MINUTE_MS
        steps = -(-(window.end_ms // MINUTE_MS - first) // step)
        edges_ms = (first + np.arange(steps + 1) * step) * MINUTE_MS
        if not self._samples or edges_ms[0] > self._samples[-1][0]:
            return
        rate_per_h, phi, strength = self._figures(window.policy_id, edges_ms)
        expected = rate_per_h * step / 60
        spread = Z * np.sqrt(phi * expected)
        plot = Plot(
            policy_id=window.policy_id,
            scope=window.scope,
            step_s=step * 60.0,
            time_ms=tuple(edges_ms[:-1].tolist()),
            count=tuple(self._counted(window.policy_id, first, step, steps)),
            expected=tuple(expected.tolist()),
            low=tuple(np.maximum(expected - spread, 0.0).tolist()),
            high=tuple((expected + spread).tolist()),
            strength=tuple(strength.tolist()),
            states=self._states(window),
            deploys=tuple(
                each
                for each in sorted(self._deploys, key=lambda each: (each.at_ms, each.name))
                if each.detail in ("", window.policy_id) and window.begin_ms <= each.at_ms < window.end_ms
            ),
        )
        self._made.append((window, plot))

    def _counted(self, policy_id: str, first: int, step: int, steps: int) -> list[int]:
        found = np.zeros(steps, np.int64)
        code = self._book.policies.codes.get(policy_id, -1)
        for newest, policy, minute, number in self._counts:
            if newest >= first:
                mine = (policy == code) & (minute >= first) & (minute < first + step * steps)
                np.add.at(found, (minute[mine] - first) // step, number[mine])
        return found.tolist()

    def _figures(self, policy_id: str, edges_ms: Ints) -> tuple[Floats, Floats, Floats]:
        """Expected rate, over-dispersion and evidence in each step; a step without a sample repeats the one before."""
        steps = len(edges_ms) - 1
        rate, phi, strength = np.full(steps, np.nan), np.full(steps, np.nan), np.full(steps, np.nan)
        for at_ms, now in self._samples:
            if policy_id not in now.ids:
                continue
            i, own = int(np.searchsorted(edges_ms, at_ms, side="left")) - 1, now.ids.index(policy_id)
            i = min(max(i, 0), steps - 1) if at_ms <= edges_ms[-1] else steps
            if i < steps:
                rate[i], phi[i], strength[i] = now.expected_per_h[own], now.phi[own], now.strength[own]
        for at_ms, who, value in self._points:
            if who == policy_id and edges_ms[0] <= at_ms < edges_ms[-1]:
                i = int(np.searchsorted(edges_ms, at_ms, side="right")) - 1
                strength[i] = max(np.nan_to_num(strength[i]), value)
        return _filled(rate), _filled(phi, 1.0), _filled(strength)

    def _states(self, window: Window) -> tuple[Mark, ...]:
        moves = sorted(self._moves.get(window.policy_id, []), key=lambda each: (each.at_ms, each.detail))
        now: dict[str, Mark] = {}
        for move in moves:
            if move.at_ms <= window.begin_ms:
                now[move.detail] = move
        begun = [each for each in now.values() if each.name != State.CLOSED.value]
        first = begun or [Mark(at_ms=window.begin_ms, name=State.CLOSED.value, detail=window.policy_id)]
        began = [Mark(at_ms=window.begin_ms, name=each.name, detail=each.detail) for each in first]
        return (*began, *(each for each in moves if window.begin_ms < each.at_ms < window.end_ms))

    def _forget(self, settled_ms: int) -> None:
        needed_ms = min(
            [settled_ms - BEFORE_MS - AFTER_MS, *(each.begin_ms for each in self._open if each.begin_ms < settled_ms)]
        )
        while self._counts and self._counts[0][0] * MINUTE_MS < needed_ms:
            self._counts.popleft()
        while self._samples and self._samples[0][0] < needed_ms:
            self._samples.popleft()
        while self._deploys and self._deploys[0].at_ms < needed_ms:
            self._deploys.popleft()
        while self._points and self._points[0][0] < needed_ms:
            self._points.popleft()


def _around(index: int, incident: Incident) -> Window:
    length_ms = incident.fixed_ms - incident.onset_ms
    after_ms = min(max(length_ms + LEAST_MS // 3, LEAST_MS), BEFORE_MS)
    return Window(
        incident.policy_id,
        incident.policy_id,
        incident.onset_ms - LEAST_MS,
        incident.onset_ms + after_ms,
        incident=index,
    )


def _filled(values: Floats, empty: float = 0.0) -> Floats:
    """Values with each gap filled by what came before it, and the first by what comes next."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return np.full(len(values), empty)
    places = np.maximum(np.searchsorted(known, np.arange(len(values)), side="right") - 1, 0)
    return values[known[places]]
