"""Figures around trips and incidents, for plots: kept in a moving window, so that memory does not grow with history."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from detector.backtest import window as windows
from detector.backtest.part import Book, Ints, Part
from detector.backtest.result import Mark, Plot
from detector.backtest.samples import Floats, Sample, Samples
from detector.backtest.score import GRACE_MS, Incident
from detector.backtest.window import AFTER_MS, BEFORE_MS, LEAST_MS, Window
from detector.events import Alert, State
from detector.fold.figures import Figures
from detector.units import MINUTE_MS

MOST_PLOTS: Final = 60
MOST_OF_POLICY: Final = 6
"""Plots of trips."""
MOST_INCIDENTS: Final = 40
"""Plots of incidents: those with the most actions before a trip."""
Z: Final = 3.0
"""Standard deviations from the middle to the edge of the band."""


class Traces:
    """Follows one run. Give it parts, deploys, alerts and figures as they come; `plots` at the end."""

    def __init__(self, book: Book, incidents: Sequence[Incident]) -> None:
        self._book = book
        self._incidents = incidents
        self._counts: deque[tuple[int, Ints, Ints, Ints]] = deque()
        self._samples = Samples()
        self._deploys: deque[Mark] = deque()
        self._moves: dict[str, list[Mark]] = {}
        self._tripped_ms: dict[str, list[int]] = {}
        self._made: list[tuple[Window, Plot]] = []
        self._worst: list[tuple[int, Window, Plot]] = []
        """Incidents with their actions before a trip, the most first."""
        self._per_policy: dict[str, int] = {}
        self._trips = 0
        self._open: list[Window] = []
        around = [windows.of_incident(i, each) for i, each in enumerate(incidents)]
        self._later = sorted(around, key=lambda each: each.begin_ms, reverse=True)

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
        self._tripped_ms.setdefault(policy_id, []).append(at_ms)
        for window in self._open:
            if window.policy_id == policy_id and window.incident is None and at_ms < window.end_ms - LEAST_MS // 2:
                window.trips.append(trip)
                return
        if self._trips >= MOST_PLOTS or self._per_policy.get(policy_id, 0) >= MOST_OF_POLICY:
            return
        self._trips += 1
        self._per_policy[policy_id] = self._per_policy.get(policy_id, 0) + 1
        self._open.append(windows.of_trip(trip, policy_id, alert.scope.id, at_ms, onset_ms))

    def moved(self, alert: Alert, at_ms: int) -> None:
        """A breaker changed its state."""
        moves = self._moves.setdefault(alert.scope.policy_id, [])
        moves.append(Mark(at_ms=at_ms, name=alert.to_state.value, detail=alert.scope.id))

    def said(self, policy_id: str, at_ms: int, strength: float) -> None:
        """An alert of any kind, with its strongest signal."""
        self._samples.point(at_ms, policy_id, strength)

    def shows(self, policy_id: str, from_ms: int, to_ms: int) -> bool:
        """Whether a plot that is wanted shows a policy in that time."""
        self._begin(to_ms)
        return any(w.policy_id == policy_id and w.begin_ms < to_ms and from_ms < w.end_ms for w in self._open)

    def closer(self, now: Figures, from_ms: int, at_ms: int) -> None:
        """Figures of a closer look at some policies."""
        self._samples.add(Sample(from_ms, at_ms, now, is_close=True))

    def sample(self, now: Figures, from_ms: int, settled_ms: int) -> None:
        """Figures after a tick. Finishes the plots whose time is over, and forgets what no later plot can show."""
        self._begin(settled_ms)
        self._samples.add(Sample(from_ms, settled_ms, now, is_close=False))
        for window in [each for each in self._open if each.end_ms <= settled_ms]:
            self._finish(window)
        self._forget(settled_ms)

    def end(self) -> None:
        """The history is over: what is there of the plots that are still open."""
        for window in list(self._open):
            self._finish(window)

    def plots(self) -> list[tuple[Window, Plot]]:
        """All that were made, in order of time."""
        made = self._made + [(window, plot) for _, window, plot in self._worst]
        return sorted(made, key=lambda each: (each[0].begin_ms, each[0].scope, each[0].incident or -1))

    # --- a plot -------------------------------------------------------------------------------------------------------

    def _begin(self, settled_ms: int) -> None:
        while self._later and self._later[-1].begin_ms < settled_ms:
            self._open.append(self._later.pop())

    def _finish(self, window: Window) -> None:
        self._open.remove(window)
        edges_ms = window.edges_ms()
        if edges_ms[0] > self._samples.last_ms:
            return
        if window.incident is None:
            self._made.append((window, self._plot(window, edges_ms)))
            return
        missed = self._missed(window, self._incidents[window.incident])
        if missed and (len(self._worst) < MOST_INCIDENTS or missed > self._worst[-1][0]):
            self._worst.append((missed, window, self._plot(window, edges_ms)))
            self._worst.sort(key=lambda each: -each[0])
            del self._worst[MOST_INCIDENTS:]

    def _missed(self, window: Window, incident: Incident) -> int:
        """Actions of an incident before a trip; of one that is longer than its plot those in the plot."""
        last_ms = min(incident.fixed_ms, window.end_ms)
        tripped = (at_ms for at_ms in self._tripped_ms.get(window.policy_id, ()) if incident.onset_ms <= at_ms)
        until_ms = min(tripped, default=last_ms)
        if until_ms > incident.fixed_ms + GRACE_MS:
            until_ms = last_ms
        first = incident.onset_ms // MINUTE_MS
        return sum(self._counted(window.policy_id, first, 1, min(until_ms, last_ms) // MINUTE_MS + 1 - first))

    def _plot(self, window: Window, edges_ms: Ints) -> Plot:
        columns, step = self._samples.columns(window.policy_id, edges_ms), window.step
        expected = columns.rate_per_h * step / 60
        spread = Z * np.sqrt(columns.phi * expected)
        return Plot(
            policy_id=window.policy_id,
            scope=window.scope,
            step_s=step * 60.0,
            time_ms=tuple(edges_ms[:-1].tolist()),
            count=tuple(self._counted(window.policy_id, int(edges_ms[0]) // MINUTE_MS, step, len(edges_ms) - 1)),
            expected=tuple(expected.tolist()),
            low=tuple(np.maximum(expected - spread, 0.0).tolist()),
            high=tuple((expected + spread).tolist()),
            strength=_known(columns.strength),
            hourly=_known(columns.hourly),
            states=self._states(window),
            deploys=tuple(
                each
                for each in sorted(self._deploys, key=lambda each: (each.at_ms, each.name))
                if each.detail in ("", window.policy_id) and window.begin_ms <= each.at_ms < window.end_ms
            ),
        )

    def _counted(self, policy_id: str, first: int, step: int, steps: int) -> list[int]:
        """Actions of a policy in steps of `step` minutes from minute `first` on."""
        found = np.zeros(steps, np.int64)
        code = self._book.policies.codes.get(policy_id, -1)
        for newest, policy, minute, number in self._counts:
            if newest >= first:
                mine = (policy == code) & (minute >= first) & (minute < first + step * steps)
                np.add.at(found, (minute[mine] - first) // step, number[mine])
        return found.tolist()

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
        needed_ms = min([settled_ms - BEFORE_MS - AFTER_MS, *(each.begin_ms for each in self._open)])
        while self._counts and self._counts[0][0] * MINUTE_MS < needed_ms:
            self._counts.popleft()
        while self._deploys and self._deploys[0].at_ms < needed_ms:
            self._deploys.popleft()
        self._samples.forget(needed_ms)


def _known(values: Floats) -> tuple[float | None, ...]:
    return tuple(None if value != value else value for value in values.tolist())  # noqa: PLR0124 - NaN
