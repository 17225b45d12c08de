"""Events of one poll as columns: per log partition, the messages that intake sends.

Rows are packed as they come, with codes of a dictionary per log partition; numpy turns the packed rows of a partition
into columns at the end. Subjects enter as a keyed hash, so that nothing past this point can name a person.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import xxhash

from detector.events import KINDS, Action, Automated
from detector.wire import log
from detector.wire.decode import epoch_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from detector.events import AnyEvent, Event

MIN_KEY_BYTES: Final = 16
MAX_KEY_BYTES: Final = hashlib.blake2b.MAX_KEY_SIZE
_WIDE: Final = {"policy": "<u4", "origin": "<u4", "region": "<u4"}
"""While rows collect there may be more names than a message can hold; a message has its own, narrower codes."""
_ROW: Final = np.dtype([(name, _WIDE.get(name, dtype)) for name, dtype in log.COLUMNS.items()])
_pack: Final = struct.Struct("<IHqqBBII8sQ").pack
_KIND: Final[dict[type[Event], int]] = {kind: index for index, kind in enumerate(KINDS)}
_FULLY: Final = Automated.FULLY
_NO_SUBJECT: Final = bytes(8)
_event_hash: Final = xxhash.xxh3_64_intdigest


class Message(NamedTuple):
    """One record for the log. `ranges` is what its `Rows` carry: (source partition, prev, through] in source order."""

    partition: int
    ranges: list[tuple[int, int, int]]
    rows: int
    value: bytes


class _Codes(dict[str, int]):
    """Numbers names in order of first use."""

    def __missing__(self, name: str) -> int:
        self[name] = code = len(self)
        return code


class _Target(NamedTuple):
    """The packed rows of one log partition while they collect, and their dictionaries."""

    rows: bytearray
    policies: _Codes
    origins: _Codes
    regions: _Codes


class _Targets(dict[int, _Target]):
    """Targets by log partition, made when first used."""

    def __missing__(self, partition: int) -> _Target:
        self[partition] = target = _Target(bytearray(), _Codes(), _Codes(), _Codes())
        return target


class _Slots(dict[str | None, list[tuple[bytearray, int, _Codes, _Codes]]]):
    """Where rows of a policy go, and its code there: its log partition; without a policy all of them."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self.targets = _Targets()

    def __missing__(self, policy_id: str | None) -> list[tuple[bytearray, int, _Codes, _Codes]]:
        own = range(self._partitions) if policy_id is None else (log.partition_of(policy_id, self._partitions),)
        self[policy_id] = slots = []
        for partition in own:
            rows, policies, origins, regions = self.targets[partition]
            slots.append((rows, policies[policy_id or ""], origins, regions))
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
            kind = _KIND[type(event)]
            flags = _action_flags(event) if isinstance(event, Action) else 0
            origin, region = _origin(event), event.region or ""
            subject = _NO_SUBJECT
            subject_id: str | None = getattr(event, "subject_id", None)
            if subject_id is not None:
                subject_hash = keyed_hash()
                subject_hash.update(subject_id.encode())
                subject = subject_hash.digest()
            identity = _event_hash(event.id.encode()) or 1
            for rows, policy, origins, regions in slots[event.policy_id]:
                rows += _pack(  # noqa: PLW2901 - in place: the bytearray grows
                    policy, source, offset, time_ms, kind, flags, origins[origin], regions[region], subject, identity
                )

    def build(self, through: Mapping[int, int], prev: Callable[[int, int], int]) -> list[Message]:
        """The messages of all that was added, by log partition; pieces of one partition in the order to send.

        `through`: last offset of this poll, by source partition. `prev(partition, source)`: up to where that log
        partition was told of that source before. A message's ranges name the sources that it has rows of.
        """
        targets = sorted(self._slots.targets.items())
        self._slots = _Slots(self._partitions)
        return [message for partition, target in targets for message in _messages(partition, target, through, prev)]


def _action_flags(action: Action) -> int:
    flags = 0
    if action.automated_decision is _FULLY:
        flags = log.AUTOMATED
    if action.status == "held":
        flags |= log.HELD
    if action.reversible is False:
        flags |= log.IRREVERSIBLE
    return flags


def _origin(event: Event) -> str:
    """Who decided, `id@version`: the rule, or the model where no rule is named, "" where neither is."""
    name, version = event.rule_id, event.rule_version
    if name is None and version is None:
        name, version = event.model_id, event.model_version
    return (name or "") if version is None else f"{name or ''}@{version}"


def _messages(
    partition: int, target: _Target, through: Mapping[int, int], prev: Callable[[int, int], int]
) -> Iterator[Message]:
    rows = np.frombuffer(target.rows, _ROW)
    rows = rows[np.lexsort((rows["offset"], rows["source"]))]
    ranges = [(source, prev(partition, source), through[source]) for source in dict.fromkeys(rows["source"].tolist())]
    names = {"policy": list(target.policies), "origin": list(target.origins), "region": list(target.regions)}
    return _fitting(partition, ranges, rows, names)


def _fitting(
    partition: int, ranges: list[tuple[int, int, int]], rows: NDArray[np.void], names: dict[str, list[str]]
) -> Iterator[Message]:
    """One message, or as many as it takes to keep each within its limit.

    A message with more names than its codes can count is far beyond that limit, so a code that wrapped is never sent.
    """
    value = _encode(ranges, rows, names)
    if len(value) <= log.MAX_MESSAGE_BYTES:
        yield Message(partition, ranges, len(rows), value)
        return
    half = len(rows) // 2
    before, after = _cut(ranges, rows, half)
    yield from _fitting(partition, before, *_renumbered(rows[:half], names))
    yield from _fitting(partition, after, *_renumbered(rows[half:], names))


def _encode(ranges: list[tuple[int, int, int]], rows: NDArray[np.void], names: dict[str, list[str]]) -> bytes:
    columns = {name: rows[name].astype(dtype, copy=False).tobytes() for name, dtype in log.COLUMNS.items()}
    return log.encode(
        log.Rows(
            ranges=ranges, policies=names["policy"], origins=names["origin"], regions=names["region"], columns=columns
        )
    )


def _cut(
    ranges: list[tuple[int, int, int]], rows: NDArray[np.void], half: int
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
    """The ranges before and after row `half`. A source on both sides is cut at its last offset before."""
    source, offset = int(rows["source"][half - 1]), int(rows["offset"][half - 1])
    before = [span for span in ranges if span[0] <= source]
    after = [span for span in ranges if span[0] > source]
    if rows["source"][half] == source:
        _, low, high = before.pop()
        before.append((source, low, offset))
        after.insert(0, (source, offset, high))
    return before, after


def _renumbered(rows: NDArray[np.void], names: dict[str, list[str]]) -> tuple[NDArray[np.void], dict[str, list[str]]]:
    """Rows with dictionaries that hold only what these rows use."""
    rows, own = rows.copy(), {}
    for column, words in names.items():
        used, rows[column] = np.unique(rows[column], return_inverse=True)
        own[column] = [words[code] for code in used.tolist()]
    return rows, own
