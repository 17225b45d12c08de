"""Records of the log topic, `enforcement.intake`: all that can change a policy's state, in one order per partition.

Values are MessagePack. `Rows` is columnar, so that the reader works in numpy without touching a row; a column that a
reader does not know is ignored, and one it misses reads as zeros, so columns can be added without a new topic.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
import xxhash
from msgspec import Struct
from numpy.typing import NDArray

MAX_MESSAGE_BYTES: Final = 512 * 1024

COLUMNS: Final[dict[str, str]] = {
    "policy": "<u2",  # code into `policies`; "" there: every policy (deploys, denominators)
    "source": "<u2",  # source partition
    "offset": "<i8",  # source offset
    "time": "<i8",  # event time, epoch ms
    "kind": "u1",  # index into events.KINDS
    "flags": "u1",  # AUTOMATED | HELD | IRREVERSIBLE
    "origin": "<u2",  # code into `origins`: "rule_id@rule_version", "" unknown
    "region": "<u2",  # code into `regions`, "" unknown
    "subject": "<u8",  # keyed hash of subject_id, 0 none
    "event": "<u8",  # hash of the event id
}
_DTYPES: Final = {name: np.dtype(text) for name, text in COLUMNS.items()}
AUTOMATED: Final = 1
HELD: Final = 2
IRREVERSIBLE: Final = 4


class Rows(Struct, tag="rows", kw_only=True):
    """Events of one poll for one log partition. `ranges`: (source partition, prev, through] that it covers."""

    ranges: list[tuple[int, int, int]]
    policies: list[str]
    origins: list[str]
    regions: list[str]
    columns: dict[str, bytes]

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
