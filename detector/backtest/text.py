"""A result as tables for a terminal: what tripped, what it found and missed, what would have been paused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from detector.backtest import unjudged
from detector.backtest.outline import paused_s
from detector.backtest.pauses import NEVER_PAUSES
from detector.backtest.result import Curve, IncidentReport, PolicyReport, Result, Score, TripReport
from detector.backtest.spell import MOST_ROWS, UNKNOWN, count, figure, share, span, utc

MAX_CELL: Final = 100
"""Characters of a cell; the last column, which is no wider for its neighbours, is never cut."""
CUT: Final = "…"
LABELS: Final = {
    "found": "found an incident", "inside": "in an incident", "again": "again", "other": "other trip", "unlabelled": "",
}  # fmt: skip

Rows = list[Sequence[str]]


def text(result: Result) -> str:
    """All tables that have rows."""
    parts = [
        _head(result),
        unjudged.text(result.quality),
        _titled("Trips", _trips(result.trips, labelled=result.scores.labelled)),
        _titled("Incidents", _incidents(result.incidents)),
        _titled("Policies that tripped, warned or came near", _policies(result.policies, result.scores.labelled)),
        _titled("Score", _score(result)),
        *(
            _titled(f"Sweep of {each.setting}, counted policies", _curve(each, labelled=result.scores.labelled))
            for each in result.curves
        ),
        _titled("Thresholds", _checks(result)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows of equal length as aligned columns; the first is the head."""
    cut = [[*map(_cut, row[:-1]), row[-1]] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cut, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cut)


def _cut(cell: str) -> str:
    return cell if len(cell) <= MAX_CELL else cell[: MAX_CELL - 1] + CUT


def _titled(title: str, rows: Rows) -> str:
    """A table under its title; nothing without rows beside the head."""
    if len(rows) < 2:  # noqa: PLR2004 - the head alone
        return ""
    more = len(rows) - 1 - MOST_ROWS
    left = f"\n({more} more: see --json)" if more > 0 else ""
    return f"{title}\n{table(rows[: MOST_ROWS + 1])}{left}"


def _head(result: Result) -> str:
    policies = sum(1 for each in result.policies)
    return (
        f"{utc(result.from_ms)} to {utc(result.to_ms)} UTC: {count(result.quality.events)} events of {count(policies)} "
        f"policies, judged by policy file {result.config_version} on their own event time"
    )


def _trips(trips: Sequence[TripReport], *, labelled: bool) -> Rows:
    head = [
        "detected",
        "scope",
        "since",
        "open for",
        "held",
        "enforced",
        *(["counts as"] if labelled else []),
        "reason",
    ]
    return [
        head,
        *(
            [
                utc(each.detected_ms),
                each.scope,
                utc(each.onset_ms),
                *_held(each),
                "yes" if each.enforced else each.mode.replace("_", " "),
                *([LABELS[each.label]] if labelled else []),
                each.reason,
            ]
            for each in trips
        ),
    ]


def _held(trip: TripReport) -> tuple[str, str]:
    """Paused time and actions; dashes where the mode pauses nothing, whatever trips."""
    if trip.mode == NEVER_PAUSES:
        return UNKNOWN, UNKNOWN
    return span(paused_s(trip)), count(trip.paused.actions)


def _incidents(incidents: Sequence[IncidentReport]) -> Rows:
    return [
        ["policy", "onset", "fixed", "found after", "wrongful", "before", "avoided", "why not"],
        *(
            [
                each.policy_id,
                utc(each.onset_ms),
                utc(each.fixed_ms),
                span(each.delay_s) if each.found else "MISSED",
                count(each.wrongful),
                count(each.before),
                count(each.avoided),
                each.why,
            ]
            for each in incidents
        ),
    ]


def _policies(policies: Sequence[PolicyReport], labelled: bool) -> Rows:
    near = [each for each in policies if each.trips or each.warnings or each.peak_strength >= NEAR]
    near.sort(key=lambda each: (-each.trips, -each.warnings, -each.peak_strength, each.policy_id))
    return [
        [
            "policy", "mode", "actions", "trips", *(["other"] if labelled else []), "warnings", "peak", "paused for",
            "actions held", "of automated",
        ],
        *(
            [
                each.policy_id,
                each.mode,
                count(each.actions),
                count(each.trips),
                *([count(each.other_trips)] if labelled else []),
                count(each.warnings),
                figure(each.peak_strength),
                span(paused_s(each)),
                count(each.paused.actions),
                share(each.paused.actions / each.automated if each.automated else None),
            ]
            for each in near
        ),
    ]  # fmt: skip


NEAR: Final = 0.1
"""Evidence over the trip line from which a policy is listed."""


def _score(result: Result) -> Rows:
    counted, everything, known = result.scores.counted, result.scores.all, result.scores.labelled
    head = ["", f"policies with {result.scores.min_events} actions or more", "all"]
    return [
        head,
        *(
            [name, one, other]
            for (name, one), (_, other) in zip(_said(counted, known=known), _said(everything, known=known), strict=True)
        ),
    ]


def _said(score: Score, *, known: bool) -> list[tuple[str, str]]:
    labelled = [
        ("incidents found", f"{score.found} of {score.incidents}"),
        ("median delay", span(score.median_delay_s)),
        ("wrongful actions before the trip, median", figure(score.median_before)),
        ("wrongful actions avoided", f"{count(score.avoided)} of {count(score.wrongful)}"),
        ("other trips", count(score.other_trips)),
        ("other trips per policy-year", figure(score.other_trips_per_policy_year)),
    ]
    return [
        ("policies", count(score.policies)),
        ("policy-years", figure(score.policy_years)),
        *(labelled if known else []),
        ("trips", count(score.trips)),
        ("trips per policy-year", figure(score.trips_per_policy_year)),
        ("warnings", count(score.warnings)),
        ("warnings per policy-year", figure(score.warnings_per_policy_year)),
    ]


def _curve(curve: Curve, *, labelled: bool) -> Rows:
    judged = ["found", "avoided", "other trips per policy-year"] if labelled else []
    return [
        [curve.setting, "trips", "trips per policy-year", *judged, "warnings per policy-year"],
        *([f"{each.value:.12g}", *_point(each.score, labelled=labelled)] for each in curve.points),
    ]


def _point(score: Score, *, labelled: bool) -> list[str]:
    judged = [
        f"{score.found} of {score.incidents}",
        f"{count(score.avoided)} of {count(score.wrongful)}",
        figure(score.other_trips_per_policy_year),
    ]
    return [
        count(score.trips),
        figure(score.trips_per_policy_year),
        *(judged if labelled else []),
        figure(score.warnings_per_policy_year),
    ]


def _checks(result: Result) -> Rows:
    return [
        ["figure", "is", "must not be", "result"],
        *(
            [each.name, figure(each.value), f"{each.kind} {each.limit:.12g}", "FAILED" if each.failed else "ok"]
            for each in result.checks
        ),
    ]
