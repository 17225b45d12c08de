"""The words and lines of the demo, as pure functions. Styles are marked by name and painted by whoever prints."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from detector.demo.platform import YEAR_MS
from detector.demo.scenario import BAD_POLICY, WAVE_FACTOR, WAVE_POLICY, bad_origin
from detector.events import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detector.demo.platform import Proposal
    from detector.demo.run import Demo
    from detector.demo.scene import Row
    from detector.events import Alert, Evidence
    from detector.gate import Decision

BAR_CELLS: Final = 10
SAID_CELLS: Final = 28
MANY_PER_MIN: Final = 1.0
"""Below this, times the usual is mostly chance."""
_STYLES: Final = {State.OPEN: "red", State.HALF_OPEN: "yellow", State.CLOSED: "green", State.FAULT: "red"}


class Line(NamedTuple):
    """A line of text and how to paint it: "", "dim", "bold", "red", "yellow" or "green"."""

    text: str
    style: str = ""


def table(rows: Sequence[Row]) -> list[Line]:
    """What each policy does, what that says, and where its breaker stands."""
    head = f"{'policy':<15}{'per min':>8}{'usual':>8}  {'':<{BAR_CELLS}}  {'evidence':<{SAID_CELLS}}breaker"
    return [Line(head, "dim"), *map(_row, rows)]


def _row(row: Row) -> Line:
    ratio = row.per_min / row.usual_per_min
    bar = "#" * min(BAR_CELLS, int(ratio)) if row.per_min >= MANY_PER_MIN else ""
    said = evidence(row.evidence) if row.evidence else ""
    figures = f"{row.policy_id:<15}{row.per_min:>8.1f}{row.usual_per_min:>8.1f}  {bar:<{BAR_CELLS}}"
    text = f"{figures}  {said:<{SAID_CELLS}}{_breaker(row)}"
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


def status(rows: Sequence[Row]) -> Line:
    """The two policies that the story is about, and all others together, in one line."""
    shown = [_rate(row.policy_id, [row]) for row in rows if row.policy_id in (WAVE_POLICY, BAD_POLICY)]
    others = [row for row in rows if row.policy_id not in (WAVE_POLICY, BAD_POLICY)]
    held = sum(row.held for row in rows)
    return Line(f"per minute: {', '.join(shown)}, {_rate('the ten others', others)}; {held} held", "dim")


def _rate(name: str, rows: Sequence[Row]) -> str:
    return f"{name} {sum(row.per_min for row in rows):.1f} (usual {sum(row.usual_per_min for row in rows):.1f})"


def alert(said: Alert) -> Line:
    """One line on an alert."""
    figures = "; ".join(evidence(each) for each in said.evidence)
    if said.type == "breaker.warned":
        return Line(f"  warning  {said.scope.id}: {figures}", "yellow")
    moved = f"{said.from_state.value} -> {said.to_state.value}"
    return Line(f"  BREAKER  {said.scope.id}: {moved} ({figures or said.reason})", _STYLES[said.to_state])


def fate(proposal: Proposal, decision: Decision) -> Line:
    """What became of one wrongful action."""
    action = proposal.action
    who = f"{action.action_type} {action.subject_id}, here for {proposal.age_ms / YEAR_MS:.1f} years"
    if decision.allow:
        return Line(f"  executed {who}: wrongful, and nobody knows it yet")
    return Line(f"  held     {who}: for review, because {decision.scope} is {decision.state}", "green")


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
    failures = demo.failures()
    learned = Line(f"Learned  what is usual for 12 policies at each hour of the week, from {demo.history:,} actions.")
    ending = Line(f"Failed   {'; '.join(failures)}.", "red") if failures else Line(_after(demo), "green")
    return [learned, *(_story(demo) if demo.tripped_s else ()), ending]


def _story(demo: Demo) -> list[Line]:
    ledger, after_s = demo.service.ledger, demo.tripped_s - demo.deployed_s
    ran_on = sum(ledger.executed.values()) - ledger.wrongful_executed
    wrong, spared, held = ledger.wrongful_executed, ledger.wrongful_held, ledger.held[BAD_POLICY]
    return [
        Line(f"Wave     {WAVE_FACTOR} times the usual {WAVE_POLICY}: a warning, and nothing was paused."),
        Line(
            f"Trip     {bad_origin()} was stopped {after_s:.1f} s after it went live: {wrong} people wrongly suspended."
        ),
        Line(f"Spared   {spared} more. {held} actions wait for review; {ran_on:,} of other rules and policies ran on."),
    ]


def _after(demo: Demo) -> str:
    if demo.watched.breakers[f"{BAD_POLICY}|rule_version={bad_origin()}"].state is State.CLOSED:
        return "After    the rollback the breaker cooled down, probed, and closed by itself."
    return "After    the rollback the breaker is still cooling down; it would close by itself."
