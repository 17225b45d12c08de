"""Scoring of trips against labelled incidents, as pure functions.

A trip of an incident's policy (any scope of it) from the onset to `GRACE_MS` after the fix detects it. Trips within
`REFRACTORY_MS` of the policy's last counted trip are not counted, neither as detections nor as other trips. A trip that
is in no window [onset, fix + `AFTER_MS`] of its policy's incidents is an other trip. Exposure of a policy runs from its
first to its last event, and rates are over policies with at least `MIN_EVENTS` events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.backtest.result import Label, Score, Scores
from detector.policy import YEAR_S

MIN_EVENTS: Final = 200
REFRACTORY_MS: Final = 6 * 3_600_000
GRACE_MS: Final = 30_000
AFTER_MS: Final = 3_600_000


class Trip(NamedTuple):
    """A trip (or a warning) of any scope of a policy."""

    policy_id: str
    at_ms: int


class Incident(NamedTuple):
    """A labelled incident. `place`: where it was read, for people."""

    policy_id: str
    onset_ms: int
    fixed_ms: int
    place: str = ""


class Exposure(NamedTuple):
    """What was seen of a policy: its actions, and the times of the first and the last of them."""

    events: int
    first_ms: int
    last_ms: int

    @property
    def years(self) -> float:
        """From first to last event."""
        return (self.last_ms - self.first_ms) / 1000 / YEAR_S


class Hits(NamedTuple):
    """Automated actions of an incident's policy from onset to fix: ascending times, and how many came at each."""

    time_ms: NDArray[np.int64]
    number: NDArray[np.int64]

    def before(self, at_ms: int) -> int:
        """Actions before a time."""
        return int(self.number[: np.searchsorted(self.time_ms, at_ms)].sum())


NO_HITS: Final = Hits(np.zeros(0, np.int64), np.zeros(0, np.int64))


class Labelled(NamedTuple):
    """What a trip counts as, and the incident (an index) in whose window it is."""

    label: Label
    incident: int | None


class Found(NamedTuple):
    """An incident's outcome. `trip`: index of the one that detected it, None for a miss."""

    trip: int | None
    delay_s: float | None
    wrongful: int
    before: int
    avoided: int


class Scored(NamedTuple):
    """One entry a trip, one an incident, and the figures."""

    trips: list[Labelled]
    incidents: list[Found]
    scores: Scores


def score(
    trips: Sequence[Trip],
    incidents: Sequence[Incident],
    exposure: Mapping[str, Exposure],
    hits: Sequence[Hits],
    warnings: Sequence[Trip] = (),
    *,
    labelled: bool = True,
) -> Scored:
    """Judge trips.

    Args:
        trips: in any order.
        incidents: labelled ones; those that do not touch the time from the first to the last action of all policies
            have an entry, but count in no figure.
        exposure: by policy; a policy without one counts in no rate, but an incident of it was missed: of a policy that
            never acts, the name may be wrong.
        hits: one entry an incident.
        warnings: only counted.
        labelled: False when nobody gave labels: then no trip is said to be an other one.
    """
    labels = _labels(trips, incidents, labelled=labelled)
    found = [_found(each, own, trips, labels) for each, own in zip(incidents, hits, strict=True)]
    counted = {policy_id for policy_id, each in exposure.items() if each.events >= MIN_EVENTS}

    first_ms = min((each.first_ms for each in exposure.values()), default=0)
    last_ms = max((each.last_ms for each in exposure.values()), default=-1)
    seen = [each.onset_ms <= last_ms and first_ms <= each.fixed_ms for each in incidents]

    def over(policies: set[str], *, known: bool) -> Score:
        rows = zip(incidents, found, seen, strict=True)
        chosen = [f for i, f, s in rows if s and (not known or i.policy_id in policies or i.policy_id not in exposure)]
        own = [label for t, label in zip(trips, labels, strict=True) if not known or t.policy_id in policies]
        warned = sum(not known or each.policy_id in policies for each in warnings)
        return _figures(chosen, own, warned, [exposure[policy_id] for policy_id in policies], labelled=labelled)

    scores = Scores(
        all=over(set(exposure), known=False), counted=over(counted, known=True), labelled=labelled,
        min_events=MIN_EVENTS, refractory_s=REFRACTORY_MS / 1000, grace_s=GRACE_MS / 1000, after_s=AFTER_MS / 1000,
    )  # fmt: skip
    return Scored(labels, found, scores)


def _labels(trips: Sequence[Trip], incidents: Sequence[Incident], *, labelled: bool) -> list[Labelled]:
    labels = [Labelled("again", None)] * len(trips)
    last_ms: dict[str, int] = {}
    done: set[int] = set()
    for i in sorted(range(len(trips)), key=lambda i: (trips[i].at_ms, i)):
        trip = trips[i]
        if trip.at_ms - last_ms.get(trip.policy_id, -REFRACTORY_MS - trip.at_ms) < REFRACTORY_MS:
            labels[i] = Labelled("again", _window(trip, incidents))
            continue
        last_ms[trip.policy_id] = trip.at_ms
        labels[i] = _label(trip, incidents, done) if labelled else Labelled("unlabelled", None)
    return labels


def _label(trip: Trip, incidents: Sequence[Incident], done: set[int]) -> Labelled:
    """The label of a counted trip; incidents that it finds join `done`."""
    first: int | None = None
    for i, each in enumerate(incidents):
        if each.policy_id == trip.policy_id and i not in done and _detects(trip, each):
            done.add(i)
            first = i if first is None else first
    if first is not None:
        return Labelled("found", first)
    window = _window(trip, incidents)
    return Labelled("other" if window is None else "inside", window)


def _detects(trip: Trip, incident: Incident) -> bool:
    return incident.onset_ms <= trip.at_ms <= incident.fixed_ms + GRACE_MS


def _window(trip: Trip, incidents: Sequence[Incident]) -> int | None:
    """The first incident in whose window, an hour after its fix included, a trip is."""
    for i, each in enumerate(incidents):
        if each.policy_id == trip.policy_id and each.onset_ms <= trip.at_ms <= each.fixed_ms + AFTER_MS:
            return i
    return None


def _found(incident: Incident, hits: Hits, trips: Sequence[Trip], labels: Sequence[Labelled]) -> Found:
    wrongful = int(hits.number.sum())
    at = [
        (trip.at_ms, i)
        for i, (trip, label) in enumerate(zip(trips, labels, strict=True))
        if label.label in ("found", "inside") and trip.policy_id == incident.policy_id and _detects(trip, incident)
    ]
    if not at:
        return Found(None, None, wrongful, wrongful, 0)
    at_ms, trip = min(at)
    before = hits.before(at_ms)
    return Found(trip, (at_ms - incident.onset_ms) / 1000, wrongful, before, wrongful - before)


def _figures(
    incidents: Sequence[Found],
    labels: Sequence[Labelled],
    warnings: int,
    exposure: Sequence[Exposure],
    *,
    labelled: bool,
) -> Score:
    years = sum(each.years for each in sorted(exposure))
    found = [each for each in incidents if each.trip is not None]
    counted = sum(each.label != "again" for each in labels)
    other = sum(each.label == "other" for each in labels)
    wrongful, avoided = sum(each.wrongful for each in incidents), sum(each.avoided for each in incidents)
    delays = [each.delay_s for each in found if each.delay_s is not None]
    return Score(
        policies=len(exposure),
        policy_years=years,
        incidents=len(incidents),
        found=len(found),
        found_ratio=len(found) / len(incidents) if incidents else None,
        median_delay_s=float(median(delays)) if delays else None,
        median_before=float(median(each.before for each in found)) if found else None,
        wrongful=wrongful,
        avoided=avoided,
        avoided_ratio=avoided / wrongful if wrongful else None,
        trips=counted,
        other_trips=other,
        warnings=warnings,
        trips_per_policy_year=counted / years if years else None,
        other_trips_per_policy_year=other / years if years and labelled else None,
        warnings_per_policy_year=warnings / years if years else None,
    )
