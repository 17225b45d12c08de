"""What the page lists, in which order, and what it calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from detector.backtest import plots
from detector.backtest.pauses import NEVER_PAUSES
from detector.backtest.result import IncidentReport, TripReport
from detector.backtest.traces import MOST_INCIDENTS, MOST_OF_POLICY, MOST_PLOTS

if TYPE_CHECKING:
    from detector.backtest.result import Curve, PolicyReport, Quality, Result, Score

Report = TypeVar("Report", TripReport, IncidentReport)


class Words(NamedTuple):
    """How the page speaks of a label of trips."""

    badge: str
    title: str
    meaning: str


LABELS: Final = {
    "found": Words("found", "Incidents found", "The first trip in each labelled incident."),
    "inside": Words("inside", "More trips in incidents", "In an incident already found, or soon after its fix."),
    "other": Words("other trip", "Other trips", "Where no incident is labelled: false, or an incident nobody knew of."),
    "again": Words("again", "Repeated trips", "Soon after a counted trip of the same policy: listed, not counted."),
    "unlabelled": Words("trip", "Trips", "No incidents were given, so nobody says which of these were right."),
}
"""In the order in which the page lists them."""


class Kept(NamedTuple):
    """Why a trip or a miss has no plot."""

    trips: str
    misses: str
    nothing: str


KEPT: Final = Kept(
    f"No plot was kept of this one: there are at most {MOST_PLOTS} of trips, {MOST_OF_POLICY} of one policy.",
    f"Plots are kept of the {MOST_INCIDENTS} incidents with the most actions before a trip, found or not.",
    "There is no plot: the policy did nothing in this incident.",
)


class Entry(NamedTuple, Generic[Report]):
    """A trip or a miss with its plot, and its number: its place in the result."""

    number: int
    report: Report
    plot: plots.Drawn | None


class Group(NamedTuple):
    """The trips of one label, in order of time."""

    label: str
    trips: list[Entry[TripReport]]


class Swept(NamedTuple):
    """A sweep and how it is drawn."""

    curve: Curve
    plot: plots.Drawn


class Total(NamedTuple):
    """What the breakers of all policies held. `held_ratio`: of all automated actions.

    `tripped`: policies that would have been paused; `alerted`: those that tripped in a mode that never pauses.
    """

    tripped: int
    alerted: int
    paused_s: float
    held: float
    held_ratio: float | None


def groups(result: Result) -> list[Group]:
    """Trips by label; labels without a trip are left out."""
    entries = [Entry(i, each, _plot(result, each.plot)) for i, each in enumerate(result.trips)]
    found = [Group(label, [each for each in entries if each.report.label == label]) for label in LABELS]
    return [group for group in found if group.trips]


def misses(result: Result) -> list[Entry[IncidentReport]]:
    """Incidents within the events that nothing found, those with the most wrongful actions first."""
    missed = [(i, each) for i, each in enumerate(result.incidents) if each.in_span and not each.found]
    worst = sorted(missed, key=lambda one: (-one[1].wrongful, one[0]))
    return [Entry(i, each, _plot(result, each.plot)) for i, each in worst]


def undrawn(result: Result) -> int:
    """Misses in which the policy acted and of which there is no plot."""
    return sum(each.report.wrongful > 0 and each.plot is None for each in misses(result))


def sweeps(result: Result) -> list[Swept]:
    """Every sweep with its curve."""
    return [Swept(each, plots.curve(each, labelled=result.scores.labelled)) for each in result.curves]


def policies(result: Result) -> list[PolicyReport]:
    """All of them, those first of which most would have been held."""
    return sorted(result.policies, key=lambda p: (-p.paused.actions, -p.trips, -p.warnings, p.policy_id))


def total(result: Result) -> Total:
    """Sums over all policies."""
    held, automated = sum(each.paused.actions for each in result.policies), sum(p.automated for p in result.policies)
    modes = [each.mode for each in result.policies if each.trips]
    alerted = modes.count(NEVER_PAUSES)
    return Total(
        len(modes) - alerted,
        alerted,
        sum(map(paused_s, result.policies)),
        held,
        held / automated if automated else None,
    )


def paused_s(report: PolicyReport | TripReport) -> float:
    """Open and half-open time together."""
    return report.paused.open_s + report.paused.half_open_s


def trips_per_policy_year(score: Score) -> float | None:
    """All trips, where nobody says which are other ones."""
    return score.trips / score.policy_years if score.policy_years else None


def quality(read: Quality) -> list[tuple[str, int, str]]:
    """Rows of the table on what was read: name, count, meaning."""
    rows = [
        ("read", read.read, "lines, rows or records"),
        ("judged", read.events, "valid and in the time range"),
        ("outside", read.outside, "valid, outside the time range"),
        ("unusable", read.bad, "not an event of the contract"),
        *((f"unusable: {reason}", n, "") for reason, n in sorted(read.bad_reasons.items())),
        ("late", read.late, "out of order beyond the lateness: counted, no evidence of volume"),
        ("ahead", read.ahead, "too far ahead of the stream clock: no evidence"),
        ("duplicates", read.duplicates, "an id that was seen before"),
        ("refused", read.refused, "of policies beyond the cap on unlisted ones"),
        *((f"ignored: {reason}", n, "well-formed, but no event") for reason, n in sorted(read.ignored.items())),
        *((f"unmapped: {field}", n, "a field the contract has not") for field, n in sorted(read.unmapped.items())),
    ]
    return [row for row in rows if row[1] or row[0] in {"read", "judged"}]


def _plot(result: Result, index: int | None) -> plots.Drawn | None:
    return None if index is None else plots.drawn(result, index)
