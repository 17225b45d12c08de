"""From what was noted while a history passed to the `Result` of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from detector.backtest import why
from detector.backtest.census import Census
from detector.backtest.peaks import Peaks
from detector.backtest.result import (
    IncidentReport,
    Plot,
    PolicyReport,
    Quality,
    Result,
    TripReport,
    WarningReport,
)
from detector.backtest.score import MIN_EVENTS, Exposure, Incident, Scored, Trip, score
from detector.backtest.watch import Said, Watch
from detector.backtest.window import Window

NEVER = Exposure(0, 0, 0)


class Noted(NamedTuple):
    """What all runs over a history have in common."""

    sources: tuple[str, ...]
    quality: Quality
    census: Census
    incidents: Sequence[Incident]
    labelled: bool
    peaks: Peaks | None = None


def scored(noted: Noted, watch: Watch) -> Scored:
    """The score of one run."""
    trips = [Trip(said.alert.scope.policy_id, said.at_ms) for said in watch.trips]
    warnings = [Trip(said.alert.scope.policy_id, said.at_ms) for said in watch.warnings]
    census = noted.census
    return score(trips, noted.incidents, census.exposure(), census.hits(), warnings, labelled=noted.labelled)


def result(noted: Noted, watch: Watch, plots: Sequence[tuple[Window, Plot]] = ()) -> Result:
    """Everything about one run."""
    judged = scored(noted, watch)
    order = sorted(range(len(watch.trips)), key=lambda i: (watch.trips[i].at_ms, watch.trips[i].alert.scope.id))
    place = {trip: new for new, trip in enumerate(order)}
    of_trip = {trip: i for i, (window, _) in enumerate(plots) for trip in window.trips}
    of_incident = {window.incident: i for i, (window, _) in enumerate(plots) if window.incident is not None}
    warnings = sorted(watch.warnings, key=lambda said: (said.at_ms, said.alert.scope.id))
    census = noted.census
    return Result(
        config_version=watch.ruleset.version,
        sources=noted.sources,
        from_ms=census.first_ms if census.last_ms > 0 else 0,
        to_ms=max(census.last_ms, 0),
        quality=_quality(noted.quality, watch),
        scores=judged.scores,
        policies=tuple(_policies(noted, watch, judged)),
        trips=tuple(_trip(watch, judged, trip, of_trip.get(trip)) for trip in order),
        warnings=tuple(map(_warning, warnings)),
        incidents=tuple(
            _incident(noted, watch, judged, i, place, of_trip, of_incident) for i in range(len(noted.incidents))
        ),
        plots=tuple(plot for _, plot in plots),
    )


def _quality(read: Quality, watch: Watch) -> Quality:
    counters = watch.fold.partitions[0].counters
    names = ("late", "ahead", "duplicates", "refused")
    return msgspec.structs.replace(read, **{name: counters.get(name, 0) for name in names})


def _policies(noted: Noted, watch: Watch, judged: Scored) -> list[PolicyReport]:
    census = noted.census
    exposure = census.exposure()
    trips = Counter(said.alert.scope.policy_id for said in watch.trips)
    warnings = Counter(said.alert.scope.policy_id for said in watch.warnings)
    labels = Counter(
        (said.alert.scope.policy_id, label.label) for said, label in zip(watch.trips, judged.trips, strict=True)
    )
    found = []
    for policy_id, (events, actions, automated) in sorted(census.tallies().items()):
        if not policy_id:
            continue
        settings, listed = watch.settings(policy_id)
        seen = exposure.get(policy_id, NEVER)
        found.append(
            PolicyReport(
                policy_id=policy_id,
                mode=settings.mode,
                listed=listed,
                events=events,
                actions=actions,
                automated=automated,
                first_ms=seen.first_ms,
                last_ms=seen.last_ms,
                years=seen.years,
                counted=actions >= MIN_EVENTS,
                trips=trips[policy_id],
                counted_trips=trips[policy_id] - labels[policy_id, "again"],
                other_trips=labels[policy_id, "other"],
                warnings=warnings[policy_id],
                peak_strength=watch.levels.peaks.get(policy_id, 0.0),
                paused=watch.pauses.of_policy(policy_id),
                peaks=noted.peaks.of_policy(policy_id) if noted.peaks else (),
            )
        )
    return found


def _warning(said: Said) -> WarningReport:
    return WarningReport(
        policy_id=said.alert.scope.policy_id, scope=said.alert.scope.id, detected_ms=said.at_ms,
        onset_ms=said.onset_ms, reason=said.alert.reason, strength=said.strength,
    )  # fmt: skip


def _trip(watch: Watch, judged: Scored, trip: int, plot: int | None) -> TripReport:
    said, label = watch.trips[trip], judged.trips[trip]
    paused, until_ms = watch.pauses.of_trip(trip)
    alert = said.alert
    return TripReport(
        policy_id=alert.scope.policy_id, scope=alert.scope.id, type=alert.type, detected_ms=said.at_ms,
        onset_ms=said.onset_ms, generation=alert.generation, mode=alert.mode, enforced=alert.enforced,
        reason=alert.reason, evidence=alert.evidence, contributors=alert.contributors, label=label.label,
        incident=label.incident, until_ms=until_ms, paused=paused, plot=plot,
    )  # fmt: skip


def _incident(
    noted: Noted,
    watch: Watch,
    judged: Scored,
    index: int,
    place: dict[int, int],
    of_trip: dict[int, int],
    of_incident: dict[int, int],
) -> IncidentReport:
    incident, found, census = noted.incidents[index], judged.incidents[index], noted.census
    missed = found.trip is None
    return IncidentReport(
        policy_id=incident.policy_id,
        onset_ms=incident.onset_ms,
        fixed_ms=incident.fixed_ms,
        place=incident.place,
        counted=census.exposure().get(incident.policy_id, NEVER).events >= MIN_EVENTS,
        in_span=incident.onset_ms <= census.last_ms and census.first_ms <= incident.fixed_ms,
        found=not missed,
        trip=None if found.trip is None else place[found.trip],
        delay_s=found.delay_s,
        wrongful=found.wrongful,
        before=found.before,
        avoided=found.avoided,
        why=why.missed(incident, found, watch, census) if missed else "",
        peak_strength=watch.levels.incident_peaks[index],
        plot=of_trip.get(found.trip) if found.trip is not None and found.trip in of_trip else of_incident.get(index),
    )
