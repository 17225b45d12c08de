"""What there is to see at one moment: put together from the ledger and the detector's own records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from detector.demo.platform import POLICIES
from detector.events import Alert, Breaker, Evidence, Heartbeat, State
from detector.wire import log

if TYPE_CHECKING:
    from detector.demo.platform import Platform
    from detector.demo.service import Ledger

EVIDENCE_MS = 15 * 60_000
"""How long an alert's evidence stays on show, in the platform's time."""


class Row(NamedTuple):
    """One policy. `breaker`: the worst one of its scopes, `scope` which; `executed`, `held`: since the demo is live."""

    policy_id: str
    per_min: float
    usual_per_min: float
    evidence: Evidence | None
    breaker: State
    scope: str
    warned: bool
    executed: int
    held: int


@dataclass(slots=True)
class Watched:
    """What the detector has said so far, in the platform's time.

    `live_ms`: when learning ended (0: not yet). `told_ms`: newest event that the log is told of. `beating`: log
    partitions with a heartbeat.
    """

    live_ms: int = 0
    told_ms: int = 0
    beating: set[int] = field(default_factory=set)
    breakers: dict[str, Breaker] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)

    def learn(self, said: Alert | Breaker | Heartbeat | log.Record) -> None:
        """Take in a record."""
        if isinstance(said, Heartbeat):
            self.beating.add(said.partition)
        elif isinstance(said, log.Tick):
            self.told_ms = max(self.told_ms, *(source.newest_ms for source in said.sources))
        elif isinstance(said, Breaker):
            self.breakers[said.scope.id] = said
        elif isinstance(said, Alert) and self.live_ms:
            self.alerts.append(said)

    def opened(self) -> list[Alert]:
        """The trips since it is live."""
        return [alert for alert in self.alerts if alert.to_state is State.OPEN and alert.enforced]

    def evidence(self, policy_id: str, now_ms: int) -> Alert | None:
        """The newest alert of a policy that rests on evidence, if it is recent."""
        for alert in reversed(self.alerts):
            if alert.scope.policy_id == policy_id and alert.evidence:
                return alert if alert.detected_at.timestamp() * 1000 > now_ms - EVIDENCE_MS else None
        return None


def rows(watched: Watched, ledger: Ledger, platform: Platform, now_ms: int) -> list[Row]:
    """The table, policies in their usual order."""
    rates = ledger.per_min(now_ms)
    found = []
    for policy_id in POLICIES:
        alert = watched.evidence(policy_id, now_ms)
        mine = [each for each in watched.breakers.values() if each.scope.policy_id == policy_id]
        worst = max(mine, key=lambda each: _WORSE.index(each.state), default=None)
        found.append(
            Row(
                policy_id=policy_id,
                per_min=rates[policy_id],
                usual_per_min=platform.usual_per_h(policy_id, now_ms) / 60,
                evidence=alert.evidence[0] if alert else None,
                breaker=worst.state if worst else State.CLOSED,
                scope=(worst.scope.value or "") if worst and worst.state is not State.CLOSED else "",
                warned=bool(alert),
                executed=ledger.executed[policy_id],
                held=ledger.held[policy_id],
            )
        )
    return found


_WORSE = (State.CLOSED, State.FAULT, State.HALF_OPEN, State.OPEN)
