"""One fold over a history, and what it says: every alert as it comes, trips, warnings, pauses and peaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from detector.backtest.lens import Lens
from detector.backtest.levels import Levels
from detector.backtest.part import Book, Part
from detector.backtest.pauses import Pauses
from detector.backtest.score import Incident
from detector.backtest.traces import Traces
from detector.events import Alert
from detector.fold import Fold, LogRecord
from detector.fold.figures import Figures, figures
from detector.policy import PolicySettings, Ruleset
from detector.units import HOUR_MS
from detector.wire import log
from detector.wire.decode import epoch_ms

OPENED: Final = frozenset({"breaker.opened", "breaker.reopened"})
WARNED: Final = "breaker.warned"
NOTICEABLE: Final = 0.01
"""Evidence over the trip line from which it is worth knowing when it was, not only in which hour."""


@dataclass(frozen=True, slots=True)
class Said:
    """An alert with its times as numbers."""

    alert: Alert
    at_ms: int
    onset_ms: int

    @property
    def strength(self) -> float:
        """The strongest signal's evidence over its trip line."""
        return max((each.strength for each in self.alert.evidence), default=0.0)


class Watch:
    """A policy file's judgement of one history.

    `incidents`: those for which peaks are kept. `hear` is called with every alert as soon as it is said. `traces`:
    where figures for plots are kept, if anywhere. A watch with neither, one of many in a sweep, takes no closer looks:
    peaks of its incidents are those of the hours that they touch.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        book: Book,
        incidents: list[Incident],
        hear: Callable[[Alert], None] | None = None,
        traces: Traces | None = None,
    ) -> None:
        self.ruleset = on_event_time(ruleset)
        self.fold = Fold(self.ruleset.stream)
        self.fold.assign(0, {})
        self.trips: list[Said] = []
        self.warnings: list[Said] = []
        self.levels = Levels(incidents)
        self.pauses = Pauses(book)
        self.incidents = incidents
        self._hear = hear
        self._traces = traces
        self._lens = Lens() if hear is not None or traces is not None else None
        self._spoke: set[str] = set()
        """Policies of which something was said since the last look."""
        self._settings: dict[str, PolicySettings] = {policy.id: policy for policy in ruleset.policies}
        self._trip_of: dict[str, int] = {}
        self._settled_ms = 0

    def settings(self, policy_id: str) -> tuple[PolicySettings, bool]:
        """A policy's settings, and whether the file lists it."""
        listed = self._settings.get(policy_id)
        return (listed, True) if listed is not None else (self.ruleset.unknown, False)

    def apply(self, record: LogRecord, part: Part | None) -> None:
        """One record of the log; `part`: its rows, if it has any."""
        if part is not None:
            self.pauses.add(part)
        if self._lens is not None and (self._traces is not None or self.incidents):
            self._lens.note(self.fold, record)
        for alert in sorted(self.fold.apply([record]).alerts, key=lambda each: each.detected_at):
            self._listen(alert)
        if isinstance(record.value, log.Tick):
            self._look()

    def end(self) -> None:
        """The history is over."""
        self.pauses.end(self._settled_ms)
        if self._traces is not None:
            self._traces.end()

    def _listen(self, alert: Alert) -> None:
        if self._hear is not None:
            self._hear(alert)
        said, policy_id = Said(alert, epoch_ms(alert.detected_at), epoch_ms(alert.onset)), alert.scope.policy_id
        self.levels.peak(policy_id, said.strength)
        self.levels.within(policy_id, said.strength, said.at_ms, said.at_ms)
        self._spoke.add(policy_id)
        if alert.type == WARNED:
            self.warnings.append(said)
        else:
            self._moved(said)
        if self._traces is not None:
            self._traces.said(policy_id, said.at_ms, said.strength)

    def _moved(self, said: Said) -> None:
        alert = said.alert
        if alert.type in OPENED:
            self._trip_of[alert.scope.id] = len(self.trips)
            self.trips.append(said)
            if self._traces is not None:
                self._traces.tripped(len(self.trips) - 1, alert, said.at_ms, said.onset_ms)
        probe_ratio = self.settings(alert.scope.policy_id)[0].breaker.probe_ratio
        self.pauses.moved(alert, said.at_ms, self._trip_of.get(alert.scope.id, -1), probe_ratio)
        if self._traces is not None:
            self._traces.moved(alert, said.at_ms)

    # --- figures ------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """After a tick: what has settled since the last one. Peaks are those of the running hour, from its begin."""
        now = figures(self.fold)
        if not now.ids:
            return
        before_ms, self._settled_ms = self._settled_ms, int(now.settled_ms.max())
        from_ms = (self._settled_ms - 1) // HOUR_MS * HOUR_MS
        closely = self._look_closely(now, before_ms)
        for policy_id, peak in zip(now.ids, now.peak.tolist(), strict=True):
            self.levels.peak(policy_id, peak)
            reached = self.levels.throughout if policy_id in closely else self.levels.within
            reached(policy_id, peak, from_ms, self._settled_ms)
        self._spoke.clear()
        self.pauses.settle(self._settled_ms)
        if self._traces is not None:
            self._traces.sample(now, from_ms, self._settled_ms)

    def _look_closely(self, now: Figures, from_ms: int) -> set[str]:
        """Go through the time since the last look again, for policies whose evidence in it matters; returns those."""
        if self._lens is None:
            return set()
        high = [name for name, peak in zip(now.ids, now.peak.tolist(), strict=True) if peak >= NOTICEABLE]
        wanted = {name for name in self._spoke.union(high) if name in now.ids and self._matters(name, from_ms)}
        for seen in self._lens.look() if wanted else ():
            some = _of(seen, wanted)
            at_ms = int(seen.settled_ms.max(initial=0))
            for policy_id, strength in zip(some.ids, some.strength.tolist(), strict=True):
                self.levels.seen(policy_id, strength, from_ms, at_ms)
            if self._traces is not None:
                self._traces.closer(some, from_ms, at_ms)
            from_ms = max(from_ms, at_ms)
        return wanted

    def _matters(self, policy_id: str, from_ms: int) -> bool:
        """Whether an incident begins or ends in the time since, or a plot that is wanted shows a policy in it."""
        hour_ms = (self._settled_ms - 1) // HOUR_MS * HOUR_MS
        if self.levels.parts(policy_id, min(from_ms, hour_ms), self._settled_ms):
            return True
        return self._traces is not None and self._traces.shows(policy_id, from_ms, self._settled_ms)


def _of(seen: Figures, wanted: set[str]) -> Figures:
    """Of some policies alone, with no peaks but evidence as it stands."""
    places = np.array([i for i, name in enumerate(seen.ids) if name in wanted], np.int64)
    ids = [seen.ids[i] for i in places.tolist()]
    strength = seen.strength[places]
    return Figures(ids, seen.settled_ms[places], seen.expected_per_h[places], seen.phi[places], strength, strength)


def on_event_time(ruleset: Ruleset) -> Ruleset:
    """The ruleset for a replay: history passes by its own event times, whatever clock the file asks for."""
    return msgspec.structs.replace(ruleset, stream=msgspec.structs.replace(ruleset.stream, clock="events"))
