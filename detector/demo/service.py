"""The platform's enforcement service: asks the gate before each action, and tells the detector what it did."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from detector.demo.platform import Proposal
    from detector.events import Event
    from detector.gate import Decision, Gate

RECENT_MS: Final = 5 * 60_000
"""Rates are shown over this much of the platform's time."""


class Ledger:
    """What became of the proposals, by policy; only the demo knows which were wrongful."""

    def __init__(self) -> None:
        self.executed: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.wrongful_executed = 0
        self.wrongful_held = 0
        self._recent: deque[tuple[int, str]] = deque()

    def note(self, proposal: Proposal, *, executed: bool) -> None:
        """Count one that the gate was asked about."""
        (self.executed if executed else self.held)[proposal.action.policy_id] += 1
        self.saw(proposal)
        if proposal.is_wrongful:
            self.wrongful_executed += executed
            self.wrongful_held += not executed

    def saw(self, proposal: Proposal) -> None:
        """Count it towards the rates only; proposals come in order of their time."""
        self._recent.append((proposal.time_ms, proposal.action.policy_id))

    def per_min(self, now_ms: int) -> Counter[str]:
        """Actions a minute, executed and held, over the last five minutes of the platform's time."""
        while self._recent and self._recent[0][0] <= now_ms - RECENT_MS:
            self._recent.popleft()
        counts = Counter(policy_id for _, policy_id in self._recent)
        return Counter({policy_id: count * 60_000 / RECENT_MS for policy_id, count in counts.items()})


class Service:
    """`send` puts an event on the events topic."""

    def __init__(self, gate: Gate, send: Callable[[bytes], None]) -> None:
        self.ledger = Ledger()
        self._gate = gate
        self._send = send
        self._encode = msgspec.json.Encoder().encode

    def enforce(self, proposal: Proposal) -> Decision:
        """Execute the action, or hold it for review, as the returned decision says; either way it is an event."""
        action = proposal.action
        decision = self._gate.decide(
            policy_id=action.policy_id,
            action_type=action.action_type,
            automated_decision=action.automated_decision,
            rule_id=action.rule_id,
            rule_version=action.rule_version,
            region=action.region,
            subject_id=action.subject_id,
            reversible=action.reversible is not False,
        )
        self.tell(action if decision.allow else replace(action, status="held"))
        self.ledger.note(proposal, executed=decision.allow)
        return decision

    def tell(self, event: Event) -> None:
        """Send an event as it is."""
        self._send(self._encode(event))
