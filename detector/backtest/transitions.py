"""The transitions file: one line of JSON an alert, written as it is said; the same history gives the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import IO, Final

import msgspec
from msgspec import Struct

from detector.events import Alert, Contributor, Evidence, State

_encode: Final = msgspec.json.Encoder().encode


class Line(Struct, frozen=True, kw_only=True):
    """A transition, or what is said from a state to itself: breaker.warned, breaker.upheld. Times: RFC 3339, UTC."""

    detected_at: str
    policy_id: str
    scope: str
    """`policy` or `policy|dimension=value`, with `%`, `|` and `/` of the policy percent-encoded."""
    from_state: State
    to_state: State
    generation: int
    enforced: bool
    """Whether a directive would have been issued."""
    type: str
    mode: str
    onset: str
    reason: str
    signals: tuple[Evidence, ...]
    contributors: tuple[Contributor, ...]
    alert_id: str
    config_version: str


def line(alert: Alert) -> Line:
    """The line of an alert."""
    return Line(
        detected_at=rfc3339(alert.detected_at),
        policy_id=alert.scope.policy_id,
        scope=alert.scope.id,
        from_state=alert.from_state,
        to_state=alert.to_state,
        generation=alert.generation,
        enforced=alert.enforced,
        type=alert.type,
        mode=alert.mode,
        onset=rfc3339(alert.onset),
        reason=alert.reason,
        signals=alert.evidence,
        contributors=alert.contributors,
        alert_id=alert.alert_id,
        config_version=alert.config_version,
    )


def write(out: IO[bytes], alert: Alert) -> None:
    """Append an alert's line, and let readers see it at once."""
    out.write(_encode(line(alert)) + b"\n")
    out.flush()


def rfc3339(moment: datetime | int) -> str:
    """A time (or epoch ms) as `2026-01-05T12:00:00.000Z`."""
    when = datetime.fromtimestamp(moment / 1000, UTC) if isinstance(moment, int) else moment.astimezone(UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
