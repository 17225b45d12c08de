"""Records of the log topic, `enforcement.intake`: all that can change a policy's state, in one order per partition.

Values are MessagePack. `Rows` is columnar, so that the reader works in numpy without touching a row; a column that a
reader does not know is ignored, and one it misses reads as zeros, so columns can be added without a new topic.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
import xxhash
from msgspec import Struct, field
from numpy.typing import NDArray

MAX_MESSAGE_BYTES: Final = 512 * 1024

COLUMNS: Final[dict[str, str]] = {
    "policy": "<u2",  # code into `policies`; "" there: every policy (deploys, denominators)
    "source": "<u2",  # source partition
    "offset": "<i8",  # source offset
    "time": "<i8",  # event time, epoch ms
    "kind": "u1",  # index into events.KINDS
    "flags": "u1",  # AUTOMATED | HELD | IRREVERSIBLE | WRONG | NO_ERROR
    "origin": "<u2",  # code into `origins`: "rule_id@rule_version", "" unknown; so the next ones
    "model": "<u2",  # "model_id@model_version"
    "signal": "<u2",
    "region": "<u2",
    "client": "<u2",
    "type": "<u2",  # action type
    "subject": "<u8",  # keyed hash of subject_id, 0 none
    "event": "<u8",  # hash of the event id
    "subject_age_h": "<u4",  # whole hours from its creation to the action, plus 1; 0 unknown; so the next one
    "content_age_h": "<u4",
    "prior": "<u4",  # earlier actions against the subject, plus 1; 0 unknown
    "acted_s": "<u4",  # seconds since the action that it refers to
    "count": "<u8",  # items evaluated
    "interval_ms": "<u4",  # in so long
}
_DTYPES: Final = {name: np.dtype(text) for name, text in COLUMNS.items()}
DIMENSIONS: Final = {
    "origin": "origins", "model": "models", "signal": "signals", "region": "regions", "client": "clients",
    "type": "types",
}  # fmt: skip
"""Columns of codes that say who or where, and the list of `Rows` that they point into."""
AUTOMATED: Final = 1
HELD: Final = 2
IRREVERSIBLE: Final = 4
WRONG: Final = 8
"""The action that it refers to was a mistake: overturned, reversed, or a reviewer disagreed."""
NO_ERROR: Final = 16
"""A reversal by expiry or law, which says nothing about the action."""


class Rows(Struct, tag="rows", kw_only=True):
    """Events of one poll for one log partition. `ranges`: (source partition, prev, through] that it covers.

    A column of zeros alone may be absent.
    """

    ranges: list[tuple[int, int, int]]
    policies: list[str]
    origins: list[str]
    regions: list[str]
    columns: dict[str, bytes]
    models: list[str] = field(default_factory=lambda: [""])
    signals: list[str] = field(default_factory=lambda: [""])
    clients: list[str] = field(default_factory=lambda: [""])
    types: list[str] = field(default_factory=lambda: [""])

    def column(self, name: str) -> NDArray[Any]:
        """One column as a read-only array; zeros when the writer did not know it."""
        dtype = _DTYPES[name]
        raw = self.columns.get(name)
        if raw is None:
            return np.zeros(len(self.columns["time"]) // 8, dtype)
        return np.frombuffer(raw, dtype)


class SourceReport(Struct, array_like=True):
    """What a worker knows of a source partition that it owns.

    `through`: last offset whose rows were acknowledged by the log (-1 none). `end`: end offset of the partition.
    `newest_ms`: newest event time seen in it so far (0 none). `stalled`: stopped, for instance on bad records.
    """

    source: int
    through: int
    end: int
    newest_ms: int
    stalled: bool = False


class Tick(Struct, tag="tick", kw_only=True):
    """Once a second, to every log partition, by every worker: the only thing that moves the stream clock."""

    worker: str
    sources: list[SourceReport]


class Settings(Struct, tag="settings", kw_only=True):
    """The policy file in force from here on: JSON of `policy.Ruleset`. The version it already has is ignored."""

    version: str
    ruleset: bytes


Record = Rows | Tick | Settings
_decoder = msgspec.msgpack.Decoder(Record)
_encoder = msgspec.msgpack.Encoder()


def encode(record: Record) -> bytes:
    """The record as a Kafka value."""
    return _encoder.encode(record)


def decode(value: bytes) -> Record:
    """The record behind a Kafka value. Raises `msgspec.DecodeError` (only this project writes the topic)."""
    record: Record = _decoder.decode(value)
    return record


def partition_of(policy_id: str, partitions: int) -> int:
    """Log partition of a policy, for life: xxh64 of its UTF-8 bytes modulo the configured count."""
    return xxhash.xxh64_intdigest(policy_id.encode()) % partitions


def versioned(name: str | None, version: str | None) -> str:
    """How the log spells a rule or a model: `id`, `id@version`, `@version`, or "" where neither is known."""
    return (name or "") if version is None else f"{name or ''}@{version}"
