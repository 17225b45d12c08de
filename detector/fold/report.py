"""From what the engine says to what leaves: alerts and breaker records, the same bytes for the same log."""

from __future__ import annotations

from datetime import UTC, datetime

from detector.breaker import HOLDING, BreakerState
from detector.engine import Transition
from detector.engine.policy_state import Key, PolicyState
from detector.events import Alert, Breaker, DataQuality, Directive, State


def alert(said: Transition, quality: DataQuality, config_version: str) -> Alert:
    """The alert of a transition or a warning."""
    state, policy = said.after, said.policy
    return Alert(
        alert_id=str(state.alert_id),
        type=said.type,
        scope=policy.scope(said.key),
        from_state=said.before,
        to_state=state.state,
        mode=policy.settings.mode,
        directive=directive(policy, state),
        generation=state.generation,
        onset=moment(said.onset_ms),
        detected_at=moment(said.detected_ms),
        reason=said.reason,
        evidence=said.evidence,
        contributors=said.contributors,
        impact=said.impact,
        data_quality=quality,
        config_version=config_version,
        enforced=directive(policy, state) is not Directive.NONE,
        catching_up=said.now.catching_up,
        runbook_url=policy.settings.runbook_url,
    )


def breaker(policy: PolicyState, key: Key, log_ms: int, config_version: str) -> Breaker:
    """The current word on a scope. A hold outlives a silent detector until `hold_until`, counted from this word."""
    state, settings = policy.breaker(key), policy.settings
    said = directive(policy, state)
    held = said is not Directive.NONE
    return Breaker(
        scope=policy.scope(key),
        state=state.state,
        mode=settings.mode,
        directive=said,
        generation=state.generation,
        partition=policy.partition,
        since=moment(state.since_ms),
        config_version=config_version,
        hold_until=moment(log_ms + int(settings.breaker.hold_s * 1000)) if held else None,
        probe_ratio=settings.breaker.probe_ratio if state.state is State.HALF_OPEN else 0.0,
        alert_id=state.alert_id,
        catching_up=not state.issued,
    )


def directive(policy: PolicyState, state: BreakerState) -> Directive:
    """What readers must do: only an enforcing policy's breaker holds, and only once its state was issued."""
    if state.state in HOLDING and policy.settings.mode == "enforce" and state.issued:
        return Directive(policy.settings.breaker.directive)
    return Directive.NONE


def moment(ms: int) -> datetime:
    """UTC time of epoch milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC)
