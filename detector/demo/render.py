"""The words and lines of the demo, as pure functions. Styles are marked by name and painted by whoever prints."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from detector.demo.scenario import BAD_POLICY, SPEED, WAVE_FACTOR, WAVE_POLICY, bad_origin
from detector.events import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.demo.run import Demo
    from detector.demo.scene import Row
    from detector.events import Alert, Breaker, Evidence

BAR_CELLS: Final = 10
WIDTH: Final = 100
_STYLES: Final = {State.OPEN: "red", State.HALF_OPEN: "yellow", State.CLOSED: "green", State.FAULT: "red"}


class Line(NamedTuple):
    """A line of text and how to paint it: "", "dim", "bold", "red", "yellow" or "green"."""

    text: str
    style: str = ""


def table(rows: Sequence[Row]) -> list[Line]:
    """What each policy does, what that says, and where its breaker stands."""
    head = f"{'policy':<15}{'per min':>8}{'usual':>8}  {'':<{BAR_CELLS}}  {'evidence':<34}breaker"
    return [Line(head, "dim"), *map(_row, rows)]


def _row(row: Row) -> Line:
    ratio = row.per_min / row.usual_per_min
    bar = "#" * min(BAR_CELLS, int(ratio)) if ratio >= 2 else ""  # noqa: PLR2004 - twice is worth a look
    said = evidence(row.evidence) if row.evidence else ""
    text = f"{row.policy_id:<15}{row.per_min:>8.1f}{row.usual_per_min:>8.1f}  {bar:<{BAR_CELLS}}  {said:<34}{_breaker(row)}"
    style = _STYLES[row.breaker] if row.breaker is not State.CLOSED else "yellow" if row.warned else ""
    return Line(text.rstrip(), style)


def _breaker(row: Row) -> str:
    if row.breaker is not State.CLOSED:
        return f"{row.breaker.value} {row.scope}, {row.held} held"
    return "closed, warned" if row.warned else "closed"


def evidence(found: Evidence) -> str:
    """Figures of one signal."""
    return f"{found.ratio:.1f}x: {found.observed:.0f} seen, {found.expected:.1f} due"


def clock(time_ms: int) -> str:
    """The platform's time."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%a %d %b %H:%M")


def rates(rows: Sequence[Row]) -> str:
    """One line of rates, the busiest policies by what is usual for them first."""
    busiest = sorted(rows, key=lambda row: -row.per_min / row.usual_per_min)[:4]
    shown = ", ".join(f"{row.policy_id} {row.per_min:.1f} (usual {row.usual_per_min:.1f})" for row in busiest)
    return f"actions a minute: {shown}, ..."


def alert(said: Alert) -> Line:
    """One line on an alert."""
    figures = "; ".join(evidence(each) for each in said.evidence)
    if said.type == "breaker.warned":
        return Line(f"warning   {said.scope.id}: {figures}. Nothing is paused.", "yellow")
    word = f"{said.from_state.value} -> {said.to_state.value}"
    return Line(f"BREAKER   {said.scope.id}: {word}. {said.reason}", _STYLES[said.to_state])


def record(said: Alert) -> list[Line]:
    """The alert record, a field a line."""
    fields = msgspec.to_builtins(said)
    lines = [Line("{")]
    for name, value in fields.items():
        if isinstance(value, list | tuple) and value:
            lines += [Line(f'  "{name}": ['), *(Line(f"    {json.dumps(each)},") for each in value), Line("  ],")]
        else:
            lines.append(Line(f'  "{name}": {json.dumps(value)},'))
    for i in (*(i for i in range(1, len(lines)) if lines[i].text.strip() == "],"), len(lines)):
        lines[i - 1] = Line(lines[i - 1].text.removesuffix(","))
    return [*lines, Line("}")]


def summary(demo: Demo) -> list[Line]:
    """How it went, in five lines."""
    ledger, failures = demo.service.ledger, demo.failures()
    others = sum(ledger.executed.values()) - ledger.wrongful_executed
    tripped_s = demo.tripped_s - demo.deployed_s
    lines = [
        f"Learned   {demo.history:,} actions of 28 days gave the usual rate of 12 policies at each hour of the week.",
        f"Wave      {WAVE_POLICY} acted {WAVE_FACTOR} times as often as usual: warned, and {ledger.held[WAVE_POLICY]} actions held.",
        f"Trip      {bad_origin()} was stopped {tripped_s:.1f} s ({tripped_s * SPEED / 60:.0f} of the platform's minutes) after "
        f"it went live: {ledger.wrongful_executed} people were wrongly suspended.",
        f"Spared    {ledger.wrongful_held} people whom it also wanted; {ledger.held[BAD_POLICY]} actions wait for review, "
        f"{others:,} others ran on.",
    ]
    found = [Line(text) for text in lines] if demo.tripped_s else [Line(lines[0])]
    return [*found, Line(f"Failed    {'; '.join(failures)}.", "red") if failures else Line(_after(demo), "green")]


def _after(demo: Demo) -> str:
    last = [each.state for each in demo.watched.breakers.values() if each.scope.value == bad_origin()]
    if State.CLOSED in last:
        return "After     rolled back; the breaker cooled down, probed, and closed by itself."
    return "After     the breaker stands open: its automated actions are held until it has cooled down."
