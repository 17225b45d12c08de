"""Events of a platform with 200 policies whose sizes follow Zipf's law: about 370 bytes of JSON each."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICIES = 200
SOURCES = 8
THE_END = "the-end"
REGIONS = ("EU", "US", "BR", "IN", "JP")
AUTOMATED = ("FULLY", "PARTIALLY", "NOT_AUTOMATED", "NOT_AUTOMATED")
BURSTS = (20, 35, 50, 65, 80)
"""Policies of which a version goes wrong."""
BURST_S = 10
BURST_FACTOR = 6

encode = msgspec.json.Encoder().encode


class Record(NamedTuple):
    """A value and the partition that it belongs on: each policy stays on one."""

    partition: int
    value: bytes


def name(policy: int) -> str:
    """The id of policy number `policy`."""
    return f"policy-{policy:05}"


def shares(policies: int = POLICIES) -> list[float]:
    """Each policy's share of the stream; they add up to 1."""
    total = sum(1 / (1 + i) for i in range(policies))
    return [1 / (1 + i) / total for i in range(policies)]


def action(policy_id: str, number: int, time_ms: int, version: str, chance: random.Random) -> bytes:
    """One decision, as a producer would write it that leaves out what it does not know."""
    return encode(
        {
            "kind": "action",
            "id": f"event-{number:016}",
            "time": time_ms,
            "policy_id": policy_id,
            "rule_id": f"{policy_id}-rule",
            "rule_version": version,
            "region": REGIONS[number % 5],
            "client": "android-26.11.0",
            "subject_id": f"account-{chance.randrange(10**7):012}",
            "subject_type": "account",
            "action_id": f"action-{number:016}",
            "action_type": "suspend",
            "automated_decision": AUTOMATED[number % 4],
            "reversible": True,
        }
    )


def history(count: int, per_s: int, end_ms: int, *, seed: int = 1) -> Iterator[Record]:
    """`count` events at an even `per_s` that end at `end_ms`; midway five versions go wrong, each after a deploy.

    The last event of each partition is of the policy `THE_END`: whoever has counted all of them has seen all events.
    """
    chance = random.Random(seed)
    chosen = chance.choices(range(POLICIES), shares(), k=count)
    start_ms = end_ms - count * 1000 // per_s
    burst_from = count // 2
    burst_through = burst_from + BURST_S * per_s
    for number, policy in enumerate(chosen):
        time_ms = start_ms + number * 1000 // per_s
        if number == burst_from:
            for each in BURSTS:
                yield Record(each % SOURCES, _deploy(each, time_ms))
        bad = policy in BURSTS and burst_from <= number < burst_through
        for repeat in range(BURST_FACTOR if bad else 1):
            value = action(name(policy), number + repeat * 10**9, time_ms, "2" if bad else "1", chance)
            yield Record(policy % SOURCES, value)
    yield from _the_end(end_ms, chance)


def even(count: int, policies: int, end_ms: int, *, seed: int = 1) -> Iterator[Record]:
    """`count` events in the minute up to `end_ms`, shared evenly by `policies`; `THE_END` as in `history`."""
    chance = random.Random(seed)
    for number in range(count):
        policy = number % policies
        value = action(name(policy), number, end_ms - 60_000 + number * 60_000 // count, "1", chance)
        yield Record(policy % SOURCES, value)
    yield from _the_end(end_ms, chance)


def the_end_policy() -> str:
    """The entry of a policy file that trips when all partitions have ended."""
    return f"  - {{id: {THE_END}, mode: enforce, hard_limit: {{max: {SOURCES - 1}, per: 1m}}}}"


def policy_file(per_s: int) -> str:
    """Policies of `history`: each knows its rate, as after weeks of learning; `THE_END` trips when all have ended."""
    listed = [
        f"  - {{id: {name(i)}, mode: enforce, min_rate_per_h: {share * per_s * 3600:.0f}}}"
        for i, share in enumerate(shares())
    ]
    return "\n".join(["policies:", *listed, the_end_policy()]) + "\n"


def _the_end(end_ms: int, chance: random.Random) -> Iterator[Record]:
    for source in range(SOURCES):
        yield Record(source, action(THE_END, 10**12 + source, end_ms, "1", chance))


def _deploy(policy: int, time_ms: int) -> bytes:
    return encode(
        {
            "kind": "deploy",
            "id": f"deploy-{policy}",
            "time": time_ms,
            "policy_id": name(policy),
            "rule_id": f"{name(policy)}-rule",
            "rule_version": "2",
            "change": "acts on many",
        }
    )
