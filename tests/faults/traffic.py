"""A platform's enforcement decisions, seeded: many policies at their own pace, and one rule version that goes wrong."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec

from detector.events import Action, Appeal, AppealDecision, Automated, Deploy, Evaluated, Reversal, Review

if TYPE_CHECKING:
    from detector.events import AnyEvent

REGIONS = ("EU", "US", "BR", "IN", "JP", None)
AUTOMATED = (*[Automated.FULLY] * 8, Automated.PARTIALLY, Automated.NOT_AUTOMATED)
DISORDER_MS = 3000
BAD_POLICY = 3
BURST_SHARE = 0.4


class Traffic:
    """Endless valid events of `policies` policies. From number `bad_from` on, a new version of one policy acts on all.

    Actions are ~88 % of them; 0.5 % of all events are sent twice, with the same id.
    """

    def __init__(self, seed: int, *, policies: int, bad_from: int) -> None:
        self._random = random.Random(seed)
        self._seed = seed
        self._policies = [f"policy-{i:03}" for i in range(policies)]
        self._weights = [1 / (1 + i) for i in range(policies)]
        self._bad_from = bad_from
        self._count = 0
        self._encode = msgspec.json.Encoder().encode

    def values(self, count: int, now_ms: int) -> list[bytes]:
        """The next events, encoded; their times lie up to `DISORDER_MS` before `now_ms`, in no order."""
        chosen = self._random.choices(range(len(self._policies)), self._weights, k=count)
        encoded = []
        for policy in chosen:
            value = self._encode(self._event(policy, now_ms - self._random.randrange(DISORDER_MS)))
            encoded += [value] * (2 if self._random.random() < 0.005 else 1)
        return encoded

    def _event(self, policy: int, time_ms: int) -> AnyEvent:
        self._count += 1
        if self._count == self._bad_from:
            return self._deploy(time_ms)
        is_bad = self._count > self._bad_from and self._random.random() < BURST_SHARE
        name = self._policies[BAD_POLICY if is_bad else policy]
        if self._random.random() < 0.12:
            return self._other(name, time_ms)
        return Action(
            id=self._id(),
            time=time_ms,
            policy_id=name,
            rule_id=f"{name}-rule",
            rule_version="2" if is_bad else "1",
            region=self._random.choice(REGIONS),
            subject_id=f"u{self._random.randrange(10**6)}",
            action_id=f"a{self._count}",
            action_type="suspend",
            automated_decision=self._random.choice(AUTOMATED),
            status="held" if self._random.random() < 0.02 else "executed",
        )

    def _other(self, name: str, time_ms: int) -> AnyEvent:
        about = {"id": self._id(), "time": time_ms, "policy_id": name}
        what = about | {"action_id": f"a{self._count - 9}", "acted_at": time_ms - 60_000}
        return self._random.choice(
            (
                Appeal(**what, subject_id="u1"),
                AppealDecision(**what, outcome="overturned", decided_by="human"),
                Reversal(**what, reason="expiry"),
                Review(**what, verdict="agree", reviewer_id="r1"),
                Evaluated(**about, count=1000, interval_s=60.0),
            )
        )

    def _deploy(self, time_ms: int) -> Deploy:
        name = self._policies[BAD_POLICY]
        origin = {"rule_id": f"{name}-rule", "rule_version": "2"}
        return Deploy(id=self._id(), time=time_ms, policy_id=name, change="acts on everybody", **origin)

    def _id(self) -> str:
        return f"{self._seed}-{self._count}"
