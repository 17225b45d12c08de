"""Events of one poll as columns: per log partition, the messages that intake sends (`wire.pieces` cuts them to size).

Rows are packed as they come, with codes of a dictionary per log partition; numpy turns the packed rows of a partition
into columns at the end. Subjects enter as a keyed hash, so that nothing past this point can name a person.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import xxhash

from detector.events import (
    KINDS,
    Action,
    Appeal,
    AppealDecision,
    Automated,
    Deploy,
    Evaluated,
    Reversal,
    Review,
)
from detector.wire import log, pieces
from detector.wire.decode import epoch_ms
from detector.wire.pieces import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from detector.events import AnyEvent, Event

MIN_KEY_BYTES: Final = 16
MAX_KEY_BYTES: Final = hashlib.blake2b.MAX_KEY_SIZE
_PACKED: Final = {
    "policy": "<u4",
    "who": "<u4",
    **{name: dtype for name, dtype in log.COLUMNS.items() if name != "policy" and name not in log.DIMENSIONS},
}
"""While rows collect there may be more names than a message can hold; a message has its own, narrower codes."""
_ROW: Final = np.dtype(list(_PACKED.items()))
_pack: Final = struct.Struct("<IIHqqBB8sQIIIIQI").pack
_MOST: Final = 2**32 - 1
_HOUR_MS: Final = 3_600_000
_NOTHING: Final = (0, 0, 0, 0, 0, 0)
Who = tuple[str | None, str | None, str | None, str | None, str | None, str | None, str | None, str | None]
"""Rule and version, model and version, signal, region, client, action type."""
Read = tuple[str | None, int, tuple[int, int, int, int, int, int]]
"""Action type, flags, and the columns from `subject_age_h` on."""
_KIND: Final[dict[type[Event], int]] = {kind: index for index, kind in enumerate(KINDS)}
_FULLY: Final = Automated.FULLY
_NO_SUBJECT: Final = bytes(8)
_event_hash: Final = xxhash.xxh3_64_intdigest


class _Codes(dict[str, int]):
    """Numbers names in order of first use."""

    def __missing__(self, name: str) -> int:
        self[name] = code = len(self)
        return code


class _Whos(dict["Who", int]):
    """Numbers combinations of who and where in order of first use."""

    def __missing__(self, who: Who) -> int:
        self[who] = code = len(self)
        return code


class _Target(NamedTuple):
    """The packed rows of one log partition while they collect, and their dictionaries."""

    rows: bytearray
    policies: _Codes
    whos: _Whos


class _Targets(dict[int, _Target]):
    """Targets by log partition, made when first used."""

    def __missing__(self, partition: int) -> _Target:
        self[partition] = target = _Target(bytearray(), _Codes(), _Whos())
        return target


class _Slots(dict[str | None, list[tuple[bytearray, int, _Whos]]]):
    """Where rows of a policy go, and its code there: its log partition; without a policy all of them."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self.targets = _Targets()

    def __missing__(self, policy_id: str | None) -> list[tuple[bytearray, int, _Whos]]:
        own = range(self._partitions) if policy_id is None else (log.partition_of(policy_id, self._partitions),)
        self[policy_id] = slots = []
        for partition in own:
            rows, policies, whos = self.targets[partition]
            slots.append((rows, policies[policy_id or ""], whos))
        return slots


class RowsBuilder:
    """Collects the events of a poll, then gives the messages for the log and is empty again.

    `partitions`: of the log, for life. `subject_key`: secret of the subjects' hash, 16 to 64 bytes, else ValueError.
    """

    def __init__(self, partitions: int, subject_key: bytes) -> None:
        if not MIN_KEY_BYTES <= len(subject_key) <= MAX_KEY_BYTES:
            raise ValueError(f"the subject key has {len(subject_key)} bytes: give {MIN_KEY_BYTES} to {MAX_KEY_BYTES}")
        self._keyed_hash = hashlib.blake2b(key=subject_key, digest_size=8).copy
        self._partitions = partitions
        self._slots = _Slots(partitions)

    def add(self, source: int, offset: int, event: AnyEvent) -> None:
        """Takes one event, read at `offset` of source partition `source`."""
        self.add_all(source, (offset,), (event,))

    def add_all(self, source: int, offsets: Iterable[int], events: Iterable[AnyEvent]) -> None:
        """Takes events, read at `offsets` of source partition `source`."""
        slots, keyed_hash = self._slots, self._keyed_hash
        for offset, event in zip(offsets, events, strict=True):
            time = event.time
            time_ms = time if type(time) is int else epoch_ms(time)
            kind = type(event)
            action_type, flags, details = _READERS[kind](event, time_ms)
            who = (
                event.rule_id, event.rule_version, event.model_id, event.model_version, event.signal_id, event.region,
                event.client, action_type,
            )  # fmt: skip
            subject = _NO_SUBJECT
            subject_id: str | None = getattr(event, "subject_id", None)
            if subject_id is not None:
                subject_hash = keyed_hash()
                subject_hash.update(subject_id.encode())
                subject = subject_hash.digest()
            identity = _event_hash(event.id.encode()) or 1
            for rows, policy, whos in slots[event.policy_id]:
                rows += _pack(  # noqa: PLW2901 - in place: the bytearray grows
                    policy, whos[who], source, offset, time_ms, _KIND[kind], flags, subject, identity, *details
                )

    def build(self, through: Mapping[int, int], prev: Callable[[int, int], int]) -> list[Message]:
        """The messages of all that was added, by log partition; pieces of one partition in the order to send.

        `through`: last offset of this poll, by source partition. `prev(partition, source)`: up to where that log
        partition was told of that source before. A message's ranges name the sources that it has rows of.
        """
        targets = sorted(self._slots.targets.items())
        self._slots = _Slots(self._partitions)
        return [message for partition, target in targets for message in _messages(partition, target, through, prev)]


def _action(event: Action, time_ms: int) -> Read:
    flags = log.AUTOMATED if event.automated_decision is _FULLY else 0
    if event.status == "held":
        flags |= log.HELD
    if event.reversible is False:
        flags |= log.IRREVERSIBLE
    born, made, prior = event.subject_created_at, event.content_created_at, event.prior_actions
    if born is None and made is None and prior is None:
        return event.action_type, flags, _NOTHING
    prior = 0 if prior is None else prior + 1
    return event.action_type, flags, (_age_h(born, time_ms), _age_h(made, time_ms), prior, 0, 0, 0)


def _follow_up(event: Appeal | AppealDecision | Reversal | Review, time_ms: int) -> Read:
    acted_s = min(max(0, (time_ms - _ms(event.acted_at)) // 1000), _MOST)
    return None, _verdict(event), (0, 0, 0, acted_s, 0, 0)


def _verdict(event: Appeal | AppealDecision | Reversal | Review) -> int:
    match event:
        case AppealDecision(outcome=outcome, decided_by=decided_by):
            return (outcome == "overturned") * log.WRONG | (decided_by == "automated") * log.AUTOMATED
        case Reversal(reason=reason):
            return log.NO_ERROR if reason in {"expiry", "legal"} else log.WRONG
        case Review(verdict=verdict):
            return (verdict == "disagree") * log.WRONG
        case _:
            return 0


def _evaluated(event: Evaluated, _time_ms: int) -> Read:
    return None, 0, (0, 0, 0, 0, event.count, int(event.interval_s * 1000))


def _nothing(_event: Deploy, _time_ms: int) -> Read:
    return None, 0, _NOTHING


_READERS: Final[dict[type[Event], Callable[[Any, int], Read]]] = {
    Action: _action, Appeal: _follow_up, AppealDecision: _follow_up, Reversal: _follow_up, Review: _follow_up,
    Deploy: _nothing, Evaluated: _evaluated,
}  # fmt: skip


def _ms(time: datetime | int) -> int:
    return time if isinstance(time, int) else epoch_ms(time)


def _age_h(born: datetime | int | None, time_ms: int) -> int:
    """Whole hours plus 1; what is dated after the action counts as new."""
    return 0 if born is None else 1 + max(0, (time_ms - _ms(born)) // _HOUR_MS)


def _names(who: Who) -> tuple[str, ...]:
    """The names of `log.DIMENSIONS`, "" where there is none."""
    rule_id, rule_version, model_id, model_version, signal, region, client, action_type = who
    rule, model = log.versioned(rule_id, rule_version), log.versioned(model_id, model_version)
    return rule, model, signal or "", region or "", client or "", action_type or ""


def _messages(
    partition: int, target: _Target, through: Mapping[int, int], prev: Callable[[int, int], int]
) -> Iterator[Message]:
    rows = np.frombuffer(target.rows, _ROW)
    rows = rows[np.lexsort((rows["offset"], rows["source"]))]
    ranges = [(source, prev(partition, source), through[source]) for source in dict.fromkeys(rows["source"].tolist())]
    columns = {name: rows[name] for name in log.COLUMNS if name in _PACKED}
    names = {"policy": list(target.policies)}
    for dimension, of_who in zip(log.DIMENSIONS, zip(*map(_names, target.whos), strict=True), strict=True):
        codes = _Codes()
        columns[dimension] = np.array([codes[name] for name in of_who], np.uint32)[rows["who"]]
        names[dimension] = list(codes)
    yield from pieces.fitting(partition, ranges, columns, names)
