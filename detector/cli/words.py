"""Output records as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detector.config.scalars import spell_seconds
from detector.events import Alert, Breaker, Heartbeat
from detector.logs import clean

if TYPE_CHECKING:
    from datetime import datetime

    from detector.events import Evidence

MAX_LINE_CHARS = 1000


def line(record: Alert | Breaker | Heartbeat) -> str:
    """One line, safe for a terminal whatever the record holds."""
    match record:
        case Alert():
            text = _alert(record)
        case Breaker():
            text = _breaker(record)
        case Heartbeat():
            text = _heartbeat(record)
    return clean(text, MAX_LINE_CHARS)


def _alert(alert: Alert) -> str:
    states = f"{alert.from_state.value} -> {alert.to_state.value}"
    if alert.from_state is alert.to_state:  # a warning, or upheld
        states = alert.type.removeprefix("breaker.").upper()
    return "  ".join(
        [
            _time(alert.detected_at),
            alert.scope.id,
            states,
            _directive(alert.directive.value, alert.mode, enforced=alert.enforced, catching_up=alert.catching_up),
            alert.reason,
            *([f"[{'; '.join(map(_evidence, alert.evidence))}]"] if alert.evidence else []),
        ]
    )


def _breaker(breaker: Breaker) -> str:
    enforced = breaker.mode == "enforce"
    parts = [
        _time(breaker.since),
        breaker.scope.id,
        breaker.state.value,
        _directive(breaker.directive.value, breaker.mode, enforced=enforced, catching_up=breaker.catching_up),
    ]
    if breaker.hold_until is not None:
        parts.append(f"held until {_time(breaker.hold_until)}")
    if breaker.probe_ratio:
        parts.append(f"probes {breaker.probe_ratio:.3g} of subjects")
    return "  ".join(parts)


def _heartbeat(heartbeat: Heartbeat) -> str:
    where = f"partition {heartbeat.partition} at {heartbeat.position}"
    return f"{_time(heartbeat.log_time)}  heartbeat  {where}  {heartbeat.lag_s:.3g} s behind"


def _evidence(evidence: Evidence) -> str:
    figures = f"{evidence.observed:.6g} seen, {evidence.expected:.3g} expected, x{evidence.ratio:.3g}"
    detail = f", {evidence.detail}" if evidence.detail else ""
    return f"{evidence.signal} {spell_seconds(evidence.window_s)}: {figures}, strength {evidence.strength:.3g}{detail}"


def _directive(directive: str, mode: str, *, enforced: bool, catching_up: bool) -> str:
    """The directive, and why none may have been issued."""
    notes = [] if enforced else [mode]
    return ", ".join([directive, *notes, *(["catching up"] if catching_up else [])])


def _time(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
