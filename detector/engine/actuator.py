"""Moves breakers: on a verdict, on a timer, on a fault. Visits only scopes that have something to decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from detector import breaker as machine
from detector.breaker import BreakerState, Moment
from detector.engine import afresh, deploys, explain, narrow, topics
from detector.engine import judge as rule
from detector.engine.blame import Blame
from detector.engine.buckets import OpenBuckets
from detector.engine.judge import Verdict
from detector.engine.policy_state import WHOLE, Key, PolicyState
from detector.engine.scopes import Scopes
from detector.engine.transition import Transition
from detector.engine.unrest import Unrest
from detector.events import AlertType, Evidence, State

Rows = NDArray[np.void]
MOVABLE = (State.CLOSED, State.HALF_OPEN)
"""States that evidence can move."""

TYPES: dict[tuple[State, State], AlertType] = {
    (State.CLOSED, State.OPEN): "breaker.opened",
    (State.HALF_OPEN, State.OPEN): "breaker.reopened",
    (State.OPEN, State.HALF_OPEN): "breaker.half_opened",
    (State.HALF_OPEN, State.CLOSED): "breaker.closed",
    (State.OPEN, State.CLOSED): "breaker.closed",
    (State.FAULT, State.CLOSED): "breaker.closed",
}


class Actuator:
    """All breakers that are not at rest, by log partition."""

    def __init__(self, scopes: Scopes, cells: OpenBuckets, bucket_ms: int, *, event_clock: bool) -> None:
        self._scopes = scopes
        self._cells = cells
        self._bucket_ms = bucket_ms
        self._event_clock = event_clock
        self._blame = Blame(scopes, cells, bucket_ms)
        self._unrest = Unrest()

    def adopt(self, policy: PolicyState) -> None:
        """Take over the breakers of a policy whose state was loaded."""
        for key in policy.breakers:
            self._file(policy, key)
        for key in policy.rows:
            self._scopes.expect(policy, key)

    def forget(self, partition: int) -> None:
        """The partition went to another worker."""
        self._unrest.forget(partition)

    def moving(self) -> Iterator[tuple[PolicyState, Key]]:
        """Every scope whose breaker is not closed."""
        return self._unrest.everywhere()

    def timers(self, partitions: Iterable[int], after: int) -> list[int]:
        """Buckets beyond `after` at which a breaker of these partitions moves by itself."""
        due = [policy.breaker(key).timer_ms for policy, key in self.moving() if policy.partition in partitions]
        return [max(after + 1, -(-timer // self._bucket_ms)) for timer in due if timer]

    def run_timers(self, partitions: Iterable[int], bucket: int, moments: Mapping[int, Moment]) -> list[Transition]:
        """Move the breakers whose timer has come by the start of `bucket`."""
        found: list[Transition] = []
        for partition in partitions:
            for policy, key in self._unrest.moving(partition):
                found += self._run_timer(policy, key, bucket * self._bucket_ms, moments[partition])
        return found

    def judge(self, row: int, view: Rows, bucket: int, now: Moment) -> list[Transition]:
        """Warn or trip the scope of a row by its numbers after `bucket`. A failure moves that policy alone to FAULT."""
        policy, key = self._scopes.owner[row]
        before, end_ms = policy.breaker(key), (bucket + 1) * self._bucket_ms
        may_uphold = before.state is State.OPEN and not before.upheld_ms
        if policy.position >= now.offset or not (before.state in MOVABLE or may_uphold):
            return []
        if end_ms <= before.since_ms:  # what led to the last move must not count twice
            return []
        now = now._replace(stream_ms=end_ms)
        try:
            return (self._uphold if may_uphold else self._judge)(policy, key, view, end_ms, now)
        except Exception as error:  # noqa: BLE001 - one policy's fault must not stop the others; it is paged
            return self.fault(policy, key, f"{type(error).__name__}: {error}", now)

    def _judge(self, policy: PolicyState, key: Key, view: Rows, end_ms: int, now: Moment) -> list[Transition]:
        found = self._blame.evidence(policy, policy.rows[key], view, end_ms)
        verdict = self._blame.verdict(policy, key, found, probing=policy.is_probing)
        if verdict != "trip":
            found = topics.unsaid(found, policy.told)
        if verdict is None or not found:
            return []
        target, parts = self._blame.target(policy, key, view, found, end_ms)
        if target is None or policy.breaker(target).state not in MOVABLE:
            return []
        verdict = self._blame.verdict(policy, key, found, probing=policy.is_probed(target))
        if verdict != "trip":
            found = topics.unsaid(found, policy.told)
        if verdict is None or not found:
            return []
        before, after = policy.breaker(target), self._after(policy, target, verdict, found, now)
        harm = self._blame.harm(policy, key, target, view, found, end_ms)
        told = explain.told(policy, target, key, found, parts, harm, end_ms)
        if verdict == "trip":
            afresh.spend(self._scopes, policy, target)
        kind = "breaker.warned" if verdict == "warn" else TYPES[before.state, after.state]
        return [self._set(policy, target, after, kind, now, end_ms, told)]

    def _uphold(self, policy: PolicyState, key: Key, view: Rows, end_ms: int, now: Moment) -> list[Transition]:
        """An open breaker is proven right by what became of the scope's actions: it cools down anew, and for longer."""
        proof = self._blame.upholds(policy, policy.rows[key])
        if not proof:
            return []
        parts = narrow.parts_of(self._scopes, policy, rule.foremost(proof))
        harm = self._blame.harm(policy, key, key, view, proof, end_ms)
        told = explain.told(policy, key, key, proof, parts, harm, end_ms)
        afresh.spend(self._scopes, policy, key)
        after = machine.move(policy.breaker(key), policy.scope(key).id, State.OPEN, policy.settings.breaker, now)
        return [self._set(policy, key, after, "breaker.upheld", now, end_ms, told)]

    def fault(self, policy: PolicyState, key: Key, reason: str, now: Moment) -> list[Transition]:
        """Move a scope to FAULT: visible and paged, not paused."""
        if policy.breaker(key).state is State.FAULT:
            return []
        after = machine.move(policy.breaker(key), policy.scope(key).id, State.FAULT, policy.settings.breaker, now)
        told = explain.Told(now.stream_ms, reason)
        return [self._set(policy, key, after, "breaker.faulted", now, now.stream_ms, told)]

    def lost(self, policy: PolicyState, reason: str, now: Moment) -> list[Transition]:
        """A policy's state can't be read: it moves to FAULT, and nothing of it is held that nobody would let go."""
        held = sorted(key for key, each in policy.breakers.items() if each.state in machine.HOLDING)
        told = [self._move(policy, key, State.CLOSED, "its state can't be read; no longer held", now) for key in held]
        return told + self.fault(policy, WHOLE, reason, now)

    def configured(self, policy: PolicyState, now: Moment, *, is_new: bool) -> list[Transition]:
        """A new policy file: a fault starts afresh, a disabled policy lets go, `is_new` ones get a new generation."""
        found: list[Transition] = []
        for key in sorted(policy.breakers):
            before = policy.breaker(key)
            if before.state is State.FAULT:
                found.append(self._move(policy, key, State.CLOSED, "new settings; starts afresh", now))
            elif before.state is not State.CLOSED and policy.settings.mode == "disabled":
                found.append(self._move(policy, key, State.CLOSED, "the policy was disabled; closed", now))
            elif is_new:
                policy.breakers[key] = machine.restate(before, policy.settings.breaker, now)
                policy.changed = True
        return found

    def issue(self, partition: int, now: Moment) -> list[tuple[PolicyState, Key]]:
        """The stream has caught up: readers are now told what it came to. Returns the scopes concerned."""
        waiting = [
            (policy, key)
            for policy, key in self._unrest.moving(partition)
            if not policy.breaker(key).issued and policy.position < now.offset
        ]
        for policy, key in waiting:
            policy.breakers[key] = machine.issue(policy.breaker(key), now.log_ms)
            policy.changed = True
        return waiting

    def calm(self, moments: Mapping[int, Moment], through: int) -> None:
        """Let scopes warn again of what has died down by bucket `through`, all before it being final."""
        for partition, now in moments.items():
            for policy, key in self._unrest.warned(partition):
                if policy.position < now.offset:
                    self._calm(policy, key, through)

    def acted(self, moments: Mapping[int, Moment]) -> None:
        """Let policies that have acted since they were said to be silent fall silent again, however soon."""
        for partition, now in moments.items():
            for policy, key in self._unrest.warned(partition):
                said_ms = policy.breaker(key).warned.get("silence")
                if said_ms is not None and policy.position < now.offset and self._blame.acted_ms(policy) > said_ms:
                    self._drop(policy, key, {"silence"})

    def _calm(self, policy: PolicyState, key: Key, through: int) -> None:
        began_ms = through * self._bucket_ms
        calm = self._blame.calm(policy, key, began_ms + self._bucket_ms)
        self._drop(policy, key, {topic for topic in calm if policy.breaker(key).warned.get(topic, began_ms) < began_ms})

    def _drop(self, policy: PolicyState, key: Key, topics_: set[str]) -> None:
        """Warnings of these topics stand no more."""
        state = policy.breaker(key)
        warned = {topic: at_ms for topic, at_ms in state.warned.items() if topic not in topics_}
        if warned != state.warned:
            policy.breakers[key] = replace(state, warned=warned)
            policy.changed = True
            self._file(policy, key)

    def _after(
        self, policy: PolicyState, key: Key, verdict: Verdict, found: tuple[Evidence, ...], now: Moment
    ) -> BreakerState:
        before, scope = policy.breaker(key), policy.scope(key).id
        if verdict == "trip":
            return machine.move(before, scope, State.OPEN, policy.settings.breaker, now)
        generation = max(before.generation + 1, now.log_ms)
        warned = topics.noted(before.warned, found, now.stream_ms)
        return replace(before, warned=warned, generation=generation, alert_id=f"{scope}#{generation}")

    def _run_timer(self, policy: PolicyState, key: Key, stream_ms: int, now: Moment) -> list[Transition]:
        before, on_trip = policy.breaker(key), policy.settings.breaker
        to = machine.due(before, on_trip, stream_ms)
        if to is None or policy.position >= now.offset:
            return []
        word = "cooled down; probing" if to is State.HALF_OPEN else "quiet for a whole probe; closed"
        return [self._move(policy, key, to, word, now._replace(stream_ms=before.timer_ms))]

    def _move(self, policy: PolicyState, key: Key, to: State, word: str, now: Moment) -> Transition:
        """Move without evidence. It starts again from nothing, but what a probe has seen stays when that ends well."""
        before = policy.breaker(key)
        after = machine.move(before, policy.scope(key).id, to, policy.settings.breaker, now)
        if before.state is not State.HALF_OPEN:
            afresh.rest(self._scopes, policy, key, before.since_ms, now.stream_ms, self._bucket_ms)
        if to is State.HALF_OPEN and key in policy.rows:
            deploys.suspect(self._scopes, policy, key, now.stream_ms // self._bucket_ms + 1)
        told = explain.Told(before.since_ms, word)
        return self._set(policy, key, after, TYPES[before.state, to], now, now.stream_ms, told)

    def _set(
        self,
        policy: PolicyState,
        key: Key,
        after: BreakerState,
        kind: AlertType,
        now: Moment,
        end_ms: int,
        told: explain.Told,
    ) -> Transition:
        before = policy.breaker(key).state
        policy.breakers[key] = after
        policy.changed = True
        self._file(policy, key)
        detected_ms = end_ms if self._event_clock else now.log_ms
        return Transition(
            kind, policy, key, before, after, now, told.onset_ms, detected_ms, told.reason,
            told.evidence, told.contributors, told.impact,
        )  # fmt: skip

    def _file(self, policy: PolicyState, key: Key) -> None:
        for each in policy.rows:
            self._scopes.expect(policy, each)
        self._unrest.file(policy, key)
