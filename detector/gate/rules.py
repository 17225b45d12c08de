"""What a gate is asked, what it answers, and how it judges what it can't know for sure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from detector.events import Automated

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Reason(StrEnum):
    """Why an action may run or not, mildest first; `ALLOWING`, `IN_DOUBT` and `HOLDING` say which is which."""

    NOT_AUTOMATED = "not_automated"  # a person took part: never held
    CLOSED = "closed"  # nothing is wrong, and the detector said so lately
    NOT_ENFORCED = "not_enforced"  # the breaker isn't closed, but no directive is in force
    PROBE = "probe"  # half-open, and this subject is one of those let through
    LAGGING = "lagging"  # the detector says itself that it trails the stream: page
    SILENT = "silent"  # no heartbeat lately, or none yet: page
    HOLD_EXPIRED = "hold_expired"  # the detector fell silent during a hold, and the hold has run out: page
    UNKNOWN = "unknown"  # a record that this version can't read or doesn't understand: page, upgrade
    HALF_OPEN = "half_open"  # and this subject isn't let through
    LEASE_EXPIRED = "lease_expired"  # still held; the detector has been silent since: page
    OPEN = "open"


ALLOWING: Final = frozenset({Reason.NOT_AUTOMATED, Reason.CLOSED, Reason.NOT_ENFORCED, Reason.PROBE})
IN_DOUBT: Final = frozenset({Reason.LAGGING, Reason.SILENT, Reason.HOLD_EXPIRED, Reason.UNKNOWN})
"""Runs or is held as `Rules.in_doubt` says."""
HOLDING: Final = frozenset({Reason.HALF_OPEN, Reason.LEASE_EXPIRED, Reason.OPEN})
SEVERITY: Final = {reason: severity for severity, reason in enumerate(Reason)}


class Asked(NamedTuple):
    """An action that wants to run; fields as in `events.Action`."""

    policy_id: str
    action_type: str
    automated_decision: str | Automated = Automated.FULLY
    rule_id: str | None = None
    rule_version: str | None = None
    model_id: str | None = None
    model_version: str | None = None
    signal_id: str | None = None
    region: str | None = None
    client: str | None = None
    subject_id: str | None = None
    reversible: bool = True


class Decision(NamedTuple):
    """The answer, and the breaker behind it: `scope`, `state`, `generation` are None, None, 0 when there is none.

    `until`: end of a hold should the detector stay silent. `stale_s`: age of the last live heartbeat, infinity if none.
    """

    allow: bool
    reason: Reason
    scope: str | None
    state: str | None
    generation: int
    until: datetime | None
    stale_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The reader's settings.

    `silent_s`: age of the last heartbeat at which a lease expires; they come every 5 s.
    `lag_s`: how far the detector may trail the stream before its CLOSED is no longer believed.
    `log_partitions`: of the topic enforcement.intake; tells which heartbeat covers a policy that has no record yet.
    `in_doubt`: by action type, what becomes of it in doubt. By default the irreversible is held and the rest runs.
    """

    silent_s: float = 120.0
    lag_s: float = 120.0
    log_partitions: int = 32
    in_doubt: Mapping[str, Literal["hold", "allow"]] = field(default_factory=dict)

    def allows(self, reason: Reason, asked: Asked) -> bool:
        """Whether the action runs, for this reason."""
        if reason not in IN_DOUBT:
            return reason in ALLOWING
        choice = self.in_doubt.get(asked.action_type)
        return asked.reversible if choice is None else choice == "allow"
