"""The reader's rules, as one pure function of what was read, what is asked and the reader's monotonic clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import xxhash

from detector.events import Automated, Scope, State
from detector.gate.memory import WHOLE
from detector.gate.rules import SEVERITY, Decision, Reason
from detector.gate.word import Demand
from detector.wire.log import partition_of, versioned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from detector.gate.memory import Beat, Known, Memory, Narrowing
    from detector.gate.rules import Asked, Rules

_FULLY: Final = (Automated.FULLY, Automated.FULLY.value)
_HASHES: Final = 2.0**64


def decide(memory: Memory, rules: Rules, asked: Asked, *, now_s: float) -> Decision:
    """Judge an action by the breakers of its policy and of all that narrows it: the severest finding wins."""
    known = memory.of(asked.policy_id)
    beat = memory.beat(_log_partition(asked.policy_id, known, rules))
    stale_s = now_s - beat.received_s
    if asked.automated_decision not in _FULLY:
        return Decision(True, Reason.NOT_AUTOMATED, None, None, 0, None, stale_s)  # noqa: FBT003 - a named tuple's field
    is_leased = stale_s <= rules.silent_s
    reason, by = _freshness(beat, rules, is_leased=is_leased), None
    if memory.unreadable and not memory.unreadable.isdisjoint(_scope_ids(asked)):
        reason = Reason.UNKNOWN
    for narrowing in _narrowings(asked):
        candidate = known.get(narrowing)
        if candidate is None:
            continue
        finding = _finding(candidate, asked.subject_id, is_leased=is_leased, now_s=now_s)
        if (by is None and finding is reason) or SEVERITY[finding] > SEVERITY[reason]:
            reason, by = finding, candidate.word
    allow = rules.allows(reason, asked)
    if by is None:
        return Decision(allow, reason, None, None, 0, None, stale_s)
    return Decision(allow, reason, by.scope.id, by.state, by.generation, None if allow else by.hold_until, stale_s)


def passes_probe(subject_id: str | None, generation: int, probe_ratio: float) -> bool:
    """Whether a half-open breaker lets this subject through: the same ones in every service, others next time."""
    if subject_id is None:
        return False
    return xxhash.xxh64_intdigest(f"{generation}/{subject_id}".encode()) < probe_ratio * _HASHES


def _freshness(beat: Beat, rules: Rules, *, is_leased: bool) -> Reason:
    if not is_leased:
        return Reason.SILENT
    return Reason.LAGGING if beat.lag_s > rules.lag_s else Reason.CLOSED


def _finding(known: Known, subject_id: str | None, *, is_leased: bool, now_s: float) -> Reason:
    word, demand, release_s = known
    if demand is Demand.NOTHING:
        return Reason.CLOSED if word.state == State.CLOSED.value else Reason.NOT_ENFORCED
    if demand is Demand.UNKNOWN:
        return Reason.UNKNOWN
    if not is_leased:
        return Reason.LEASE_EXPIRED if now_s < release_s else Reason.HOLD_EXPIRED
    if demand is Demand.PROBE:
        return Reason.PROBE if passes_probe(subject_id, word.generation, word.probe_ratio) else Reason.HALF_OPEN
    return Reason.OPEN


def _log_partition(policy_id: str, known: Mapping[Narrowing, Known], rules: Rules) -> int:
    for one in known.values():
        return one.word.partition
    return partition_of(policy_id, rules.log_partitions)


def _narrowings(asked: Asked) -> tuple[Narrowing, ...]:
    return (
        WHOLE,
        ("rule_version", versioned(asked.rule_id, asked.rule_version)),
        ("model_version", versioned(asked.model_id, asked.model_version)),
        ("signal", asked.signal_id),
        ("region", asked.region),
        ("client", asked.client),
        ("action_type", asked.action_type),
    )


def _scope_ids(asked: Asked) -> Iterator[str]:
    for dimension, value in _narrowings(asked):
        yield Scope(policy_id=asked.policy_id, dimension=dimension, value=value).id
