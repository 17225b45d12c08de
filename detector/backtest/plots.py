"""What the page's plots are drawn from: compact JSON, and the words that say the same to who can't see it."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from detector.backtest.spell import figure, utc
from detector.events import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from detector.backtest.result import (
        Curve,
        IncidentReport,
        Mark,
        Plot,
        Result,
        SweepPoint,
        TripReport,
        WarningReport,
    )

DIGITS: Final = 4
HOUR_S: Final = 3600.0


class Drawn(NamedTuple):
    """A plot or curve as the page holds it. `json` may stand in a script element: it has no `<`, `>` or `&`."""

    json: str
    label: str


class Span(NamedTuple):
    """A scope's breaker was not closed from `from_ms` up to `until_ms`."""

    from_ms: int
    until_ms: int
    state: str
    scope: str


def drawn(result: Result, index: int) -> Drawn:
    """A plot with the trips, warnings and incidents of its policy that fall into its window."""
    plot = result.plots[index]
    begin_ms, end_ms = window(plot)

    def shown(each: TripReport | WarningReport) -> bool:
        return each.policy_id == plot.policy_id and begin_ms <= each.detected_ms < end_ms

    trips, warnings = list(filter(shown, result.trips)), list(filter(shown, result.warnings))
    incidents = [
        each
        for each in result.incidents
        if each.policy_id == plot.policy_id and each.onset_ms < end_ms and each.fixed_ms >= begin_ms
    ]
    payload = {
        "start": begin_ms,
        "step": int(plot.step_s * 1000),
        "steps": runs([later - earlier for earlier, later in pairwise(plot.time_ms)]),
        "count": plot.count,
        **{name: runs([rounded(each) for each in getattr(plot, name)]) for name in ("expected", "low", "high")},
        **{name: runs([_rounded(each) for each in getattr(plot, name)]) for name in ("strength", "hourly")},
        "spans": spans(plot.states, end_ms),
        "deploys": [(each.at_ms, each.name, each.detail) for each in plot.deploys],
        "trips": [(each.detected_ms, each.scope) for each in trips],
        "warnings": [(each.detected_ms, each.scope) for each in warnings],
        "incidents": [(each.onset_ms, each.fixed_ms) for each in incidents],
    }
    return Drawn(embedded(payload), _words(plot, trips, warnings, incidents))


def window(plot: Plot) -> tuple[int, int]:
    """Begin and end of what a plot shows."""
    return plot.time_ms[0], plot.time_ms[-1] + int(plot.step_s * 1000)


def spans(states: Iterable[Mark], end_ms: int) -> list[Span]:
    """Times in which a scope was not closed, from the marks of all scopes in order of time."""
    now: dict[str, Mark] = {}
    found: list[Span] = []
    for mark in states:
        before = now.get(mark.detail)
        if before and before.name != State.CLOSED:
            found.append(Span(before.at_ms, mark.at_ms, before.name, before.detail))
        now[mark.detail] = mark
    found += [Span(each.at_ms, end_ms, each.name, each.detail) for each in now.values() if each.name != State.CLOSED]
    return sorted(each for each in found if each.from_ms < each.until_ms)


def curve(swept: Curve, *, labelled: bool) -> Drawn:
    """A sweep as points: actions avoided by other trips a policy-year; without labels trips by the setting."""
    axes = ("other trips per policy-year", "wrongful actions avoided") if labelled else (swept.setting, "trips")
    points = sorted(_point(each, labelled=labelled) for each in swept.points)
    payload = {
        "x": [each.x for each in points],
        "y": [each.y for each in points],
        "names": [figure(each.value) for each in points],
        "most": max((each.score.wrongful for each in swept.points), default=0) if labelled else 0,
        "xLabel": axes[0],
        "yLabel": axes[1],
    }
    said = "; ".join(f"at {figure(value)} {figure(y)} {axes[1]}, {figure(x)} {axes[0]}" for x, y, value in points)
    return Drawn(embedded(payload), f"Sweep over {swept.setting}: {said}")


class _Point(NamedTuple):
    x: float
    y: int
    value: float


def _point(swept: SweepPoint, *, labelled: bool) -> _Point:
    score = swept.score
    if labelled:
        return _Point(score.other_trips_per_policy_year or 0.0, score.avoided, swept.value)
    return _Point(swept.value, score.trips, swept.value)


def runs(values: Sequence[float | None]) -> list[float | None]:
    """Run lengths: value, how often, value, how often. Expected rates change once an hour, evidence rests at 0."""
    return [part for value, same in groupby(values) for part in (value, sum(1 for _ in same))]


def rounded(value: float) -> float:
    """Four significant digits, whole where it is whole: enough for a plot, and short."""
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() else short


def _rounded(value: float | None) -> float | None:
    return None if value is None else rounded(value)


def embedded(payload: object) -> str:
    r"""JSON that can't end the script element around it: `<`, `>` and `&` are `\u003c`, `\u003e` and `\u0026`."""
    text = msgspec.json.encode(payload).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _words(
    plot: Plot,
    trips: Sequence[TripReport],
    warnings: Sequence[WarningReport],
    incidents: Sequence[IncidentReport],
) -> str:
    per_h = HOUR_S / plot.step_s
    top = max(range(len(plot.count)), key=lambda i: plot.count[i])
    said = [
        f"Plot of policy {plot.policy_id} from {utc(plot.time_ms[0])} to {utc(window(plot)[1])}",
        f"at most {figure(plot.count[top] * per_h)} actions per hour, at {utc(plot.time_ms[top])}",
        f"expected then: {figure(plot.expected[top] * per_h)}",
        f"evidence up to {figure(max(filter(None, (*plot.strength, *plot.hourly)), default=0.0))} of its trip line",
        *(f"trip of {each.scope} at {utc(each.detected_ms)}" for each in trips),
        *(f"warning of {each.scope} at {utc(each.detected_ms)}" for each in warnings),
        *(f"labelled incident from {utc(each.onset_ms)} to {utc(each.fixed_ms)}" for each in incidents),
        f"{len(plot.deploys)} deploys",
    ]
    return "; ".join(said)
