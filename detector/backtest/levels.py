"""How high evidence was over its trip line: of every policy at most, of incidents at most and before they began."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from detector.backtest.score import Incident


class Levels:
    """Follows one run. Times are epoch ms."""

    def __init__(self, incidents: Sequence[Incident]) -> None:
        self.incidents = incidents
        self.peaks: dict[str, float] = {}
        """By policy."""
        self.incident_peaks = [0.0] * len(incidents)
        self.before_incidents = [0.0] * len(incidents)
        """Just before each began, where that was looked at closely."""
        self._of_policy: dict[str, list[int]] = defaultdict(list)
        for i, each in enumerate(incidents):
            self._of_policy[each.policy_id].append(i)

    def peak(self, policy_id: str, strength: float) -> None:
        """Evidence that a policy reached at some time."""
        if strength > self.peaks.get(policy_id, 0.0):
            self.peaks[policy_id] = strength

    def within(self, policy_id: str, strength: float, from_ms: int, to_ms: int) -> None:
        """Evidence that a policy reached in [from, to]: incidents in it may have."""
        for i in self.met(policy_id, from_ms, to_ms):
            self.incident_peaks[i] = max(self.incident_peaks[i], strength)

    def throughout(self, policy_id: str, strength: float, from_ms: int, to_ms: int) -> None:
        """The same, of incidents alone that last all that time: they surely have."""
        for i in self.met(policy_id, from_ms, to_ms):
            if self.incidents[i].onset_ms <= from_ms and to_ms <= self.incidents[i].fixed_ms:
                self.incident_peaks[i] = max(self.incident_peaks[i], strength)

    def seen(self, policy_id: str, strength: float, after_ms: int, at_ms: int) -> None:
        """Evidence of a policy as it stood at `at_ms`; the look before was at `after_ms`."""
        self.within(policy_id, strength, after_ms + 1, at_ms)
        for i in self._of_policy.get(policy_id, ()):
            if after_ms < at_ms <= self.incidents[i].onset_ms:
                self.before_incidents[i] = strength

    def parts(self, policy_id: str, from_ms: int, to_ms: int) -> bool:
        """Whether an incident of a policy begins or ends within [from, to]: what is known of all of it won't do."""
        met = (self.incidents[i] for i in self.met(policy_id, from_ms, to_ms))
        return any(from_ms < each.onset_ms or each.fixed_ms < to_ms for each in met)

    def met(self, policy_id: str, from_ms: int, to_ms: int) -> Iterator[int]:
        """Incidents of a policy that overlap [from, to]."""
        for i in self._of_policy.get(policy_id, ()):
            if self.incidents[i].onset_ms <= to_ms and from_ms <= self.incidents[i].fixed_ms:
                yield i
