"""Trips against labelled incidents: one rule for the detector and its peers.

A trip between onset and repair (+ 30 s) finds an incident. After a trip its policy's trips of the next six hours do not
count. A trip outside [onset, repair + 1 h] of every incident of its policy is an "other trip": many of them are real
attacks. So a trip shortly before an incident hides the one that meets it; `anyhow` says what had been found if it did
not. Delay and wrongful actions run from the first wrongful action, so a rule that is broken in a quiet hour is not
found late. Policies with fewer than 200 events are left out; exposure runs from a policy's first to its last event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

from tests.bench.peers.series import Ints, Series

GRACE_MS, AFTER_MS, REFRACTORY_MS = 30_000, 3_600_000, 6 * 3_600_000
FEWEST_EVENTS = 200
YEAR_MS = 365.25 * 86_400_000


class Incident(NamedTuple):
    """A labelled bad edit of a rule, from the edit that broke it to the one that repaired it (epoch ms)."""

    policy_id: str
    onset_ms: int
    fixed_ms: int
    hits: int

    def finds(self, at_ms: int) -> bool:
        return self.onset_ms <= at_ms <= self.fixed_ms + GRACE_MS

    def covers(self, at_ms: int) -> bool:
        return self.onset_ms <= at_ms <= self.fixed_ms + AFTER_MS


class Found(NamedTuple):
    """What became of an incident. `trip_ms` None: missed. `delay_ms`, `before`: from the first wrongful action on."""

    incident: Incident
    counted: bool
    trip_ms: int | None
    delay_ms: int
    before: int
    avoided: int


class Score(NamedTuple):
    """`others`: (policy, time) of trips where no incident was, counted policies only. `anyhow`: see above."""

    incidents: list[Found]
    anyhow: list[Found]
    others: list[tuple[str, int]]
    trips: int
    policies: int
    years: float

    @property
    def found(self) -> list[Found]:
        return [each for each in self.incidents if each.counted and each.trip_ms is not None]

    @property
    def avoided(self) -> int:
        return sum(each.avoided for each in self.found)

    @property
    def avoided_anyhow(self) -> int:
        return sum(each.avoided for each in self.anyhow if each.counted)

    @property
    def others_per_year(self) -> float:
        return len(self.others) / self.years

    def cells(self) -> list[str]:
        """Found of counted, of all; median delay; median wrongful before; avoided; other trips a policy-year."""
        counted = [each for each in self.incidents if each.counted]
        named = sum(each.trip_ms is not None for each in self.incidents)
        return [
            f"{len(self.found)}/{len(counted)}",
            f"{named}/{len(self.incidents)}",
            f"{median(each.delay_ms for each in self.found) / 60_000:.1f}" if self.found else "-",
            f"{median(each.before for each in self.found):g}" if self.found else "-",
            f"{self.avoided:,}",
            f"{self.others_per_year:.3f}",
        ]


def scored(
    trips: Mapping[str, Sequence[int] | Ints],
    incidents: Sequence[Incident],
    series: Mapping[str, Series],
    refractory_ms: int = REFRACTORY_MS,
) -> Score:
    """`trips`: times by policy. `refractory_ms` 0 for what latches by itself."""
    counted = {policy: each for policy, each in series.items() if len(each.time_ms) >= FEWEST_EVENTS}
    kept = {policy: thinned(times, refractory_ms) for policy, times in trips.items()}
    others = sorted(
        (at_ms, policy)
        for policy in counted
        for at_ms in kept.get(policy, ())
        if not any(each.policy_id == policy and each.covers(at_ms) for each in incidents)
    )
    return Score(
        [_found(each, kept.get(each.policy_id, []), series, counted) for each in incidents],
        [_found(each, sorted(map(int, trips.get(each.policy_id, []))), series, counted) for each in incidents],
        [(policy, at_ms) for at_ms, policy in others],
        sum(len(kept.get(policy, ())) for policy in counted),
        len(counted),
        years(counted),
    )


def years(series: Mapping[str, Series]) -> float:
    """Policy-years of exposure, each policy from its first to its last event."""
    return sum(int(each.time_ms[-1] - each.time_ms[0]) for each in series.values()) / YEAR_MS


def thinned(times: Sequence[int] | Ints, refractory_ms: int) -> list[int]:
    """Trips that are not within the refractory time of the last one that counted."""
    kept: list[int] = []
    for at_ms in np.sort(np.asarray(times, np.int64)).tolist():
        if not kept or at_ms - kept[-1] >= refractory_ms:
            kept.append(at_ms)
    return kept


def _found(incident: Incident, trips: list[int], series: Mapping[str, Series], counted: Mapping[str, Series]) -> Found:
    trip_ms = next((at_ms for at_ms in trips if incident.finds(at_ms)), None)
    is_counted = incident.policy_id in counted
    if trip_ms is None or incident.policy_id not in series:
        return Found(incident, is_counted, None, 0, 0, 0)
    times = series[incident.policy_id].time_ms
    first = int(np.searchsorted(times, incident.onset_ms))
    before = int(np.searchsorted(times, trip_ms, "right")) - first
    delay_ms = max(0, trip_ms - int(times[first]))
    return Found(incident, is_counted, trip_ms, delay_ms, before, incident.hits - before)
