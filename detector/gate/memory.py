"""What a gate has read: per scope the record to believe, per log partition the last live heartbeat. No clock, no I/O.

`now_s` is the reader's own monotonic clock, `wall_s` its wall clock in epoch seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from detector.events import Heartbeat
from detector.gate.word import Demand, Word, parse_word
from detector.wire.cloudevents import HEARTBEAT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

Narrowing = tuple[str | None, str | None]
"""Dimension and value of a scope."""
WHOLE: Final[Narrowing] = (None, None)


class Known(NamedTuple):
    """A believed record, what it demands, and when its hold runs out should the detector fall silent."""

    word: Word
    demand: Demand
    release_s: float


class Beat(NamedTuple):
    """A live heartbeat: when it was received, and how far the detector said that it trails the stream."""

    received_s: float
    lag_s: float


NEVER: Final = Beat(-math.inf, 0.0)
_NOTHING: Final[Mapping[Narrowing, Known]] = {}


@dataclass(slots=True)
class Counts:
    """What was read so far."""

    records: int = 0
    heartbeats: int = 0
    unknown_words: int = 0
    unreadable_records: int = 0
    older_generations: int = 0
    same_generation_conflicts: int = 0


class Memory:
    """One thread applies records, any number read: what they look at is replaced, never changed in place."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.unreadable: frozenset[str] = frozenset()
        """Keys whose newest record could not be read."""
        self._policies: dict[str, dict[Narrowing, Known]] = {}
        self._beats: dict[int, Beat] = {}

    def of(self, policy_id: str) -> Mapping[Narrowing, Known]:
        """The believed records of a policy's scopes."""
        return self._policies.get(policy_id, _NOTHING)

    def beat(self, partition: int) -> Beat:
        """The last live heartbeat of a log partition, or `NEVER`."""
        return self._beats.get(partition, NEVER)

    def scopes(self) -> int:
        """Number of scopes with a record."""
        return sum(map(len, list(self._policies.values())))

    def forget_leases(self) -> None:
        """The reader stopped or lost its place: everything counts as expired until heard again."""
        self._beats.clear()

    def apply(self, key: bytes | None, value: bytes | None, *, now_s: float, wall_s: float, live: bool) -> None:
        """Take one record of the breakers topic, in the order of its partition. No content of it raises.

        `live`: written after this reader started; an older heartbeat proves nothing about now.
        """
        self.counts.records += 1
        key = key or b""
        name = key.decode(errors="replace")
        try:
            if value is None:
                self._retire(name)
            elif key.startswith(HEARTBEAT_PREFIX):
                self._hear(msgspec.json.decode(value, type=Heartbeat), now_s if live else None)
            else:
                self._learn(parse_word(value), now_s=now_s, wall_s=wall_s)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.counts.unreadable_records += 1
            self.unreadable |= {name}
        else:
            if name in self.unreadable:
                self.unreadable -= {name}

    def _hear(self, heartbeat: Heartbeat, received_s: float | None) -> None:
        self.counts.heartbeats += 1
        if received_s is not None:
            self._beats[heartbeat.partition] = Beat(received_s, heartbeat.lag_s)

    def _learn(self, word: Word, *, now_s: float, wall_s: float) -> None:
        self.counts.unknown_words += not word.is_fully_understood
        policy_id = word.scope.policy_id
        scopes = self.of(policy_id)
        narrowing = word.scope.dimension, word.scope.value
        if narrowing in scopes:
            before = scopes[narrowing].word
            self.counts.older_generations += word.generation < before.generation
            self.counts.same_generation_conflicts += (
                word.generation == before.generation and word.content != before.content
            )
            if word.rank <= before.rank:
                return
        known = Known(word, word.demand, word.release_s(now_s=now_s, wall_s=wall_s))
        self._policies[policy_id] = {**scopes, narrowing: known}

    def _retire(self, name: str) -> None:
        """A tombstone: somebody removed the scope, and a gate that starts now would not know it either."""
        policy_id, _, narrowed = name.partition("|")
        dimension, _, value = narrowed.partition("=")
        retired = (dimension, value) if narrowed else WHOLE
        self._policies[policy_id] = {key: known for key, known in self.of(policy_id).items() if key != retired}
