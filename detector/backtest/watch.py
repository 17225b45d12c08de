"""One fold over a history, and what it says: every alert as it comes, trips, warnings, pauses and peaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from detector.backtest.part import Book, Part
from detector.backtest.pauses import Pauses
from detector.backtest.score import Incident
from detector.backtest.traces import Traces
from detector.events import Alert
from detector.fold import Fold, LogRecord
from detector.fold.figures import figures
from detector.policy import PolicySettings, Ruleset
from detector.wire import log
from detector.wire.decode import epoch_ms

OPENED: Final = frozenset({"breaker.opened", "breaker.reopened"})
WARNED: Final = "breaker.warned"


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
    where figures for plots are kept, if anywhere.
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
        self.peaks: dict[str, float] = {}
        self.incident_peaks = [0.0] * len(incidents)
        self.pauses = Pauses(book)
        self.incidents = incidents
        self._hear = hear
        self._traces = traces
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
        said = Said(alert, epoch_ms(alert.detected_at), epoch_ms(alert.onset))
        self._peak(alert.scope.policy_id, said.strength, said.at_ms, said.at_ms)
        if alert.type == WARNED:
            self.warnings.append(said)
            return
        if alert.type in OPENED:
            self._trip_of[alert.scope.id] = len(self.trips)
            self.trips.append(said)
            if self._traces is not None:
                self._traces.tripped(len(self.trips) - 1, said.alert, said.at_ms, said.onset_ms)
        probe_ratio = self.settings(alert.scope.policy_id)[0].breaker.probe_ratio
        self.pauses.moved(alert, said.at_ms, self._trip_of.get(alert.scope.id, -1), probe_ratio)
        if self._traces is not None:
            self._traces.moved(alert, said.at_ms)

    def _look(self) -> None:
        """After a tick: what has settled since the last one."""
        now = figures(self.fold)
        if not now.ids:
            return
        before_ms, self._settled_ms = self._settled_ms, int(now.settled_ms.max())
        for policy_id, peak in zip(now.ids, now.peak.tolist(), strict=True):
            if peak > 0:
                self._peak(policy_id, peak, before_ms, self._settled_ms)
        self.pauses.settle(self._settled_ms)
        if self._traces is not None:
            self._traces.sample(now, self._settled_ms)

    def _peak(self, policy_id: str, strength: float, from_ms: int, to_ms: int) -> None:
        if strength > self.peaks.get(policy_id, 0.0):
            self.peaks[policy_id] = strength
        for i, each in enumerate(self.incidents):
            if each.policy_id == policy_id and each.onset_ms <= to_ms and from_ms <= each.fixed_ms:
                self.incident_peaks[i] = max(self.incident_peaks[i], strength)


def on_event_time(ruleset: Ruleset) -> Ruleset:
    """The ruleset for a replay: history passes by its own event times, whatever clock the file asks for."""
    return msgspec.structs.replace(ruleset, stream=msgspec.structs.replace(ruleset.stream, clock="events"))
