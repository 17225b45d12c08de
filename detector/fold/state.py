"""State as bytes: what stands in the table, and what a restart begins with.

Every value starts with the log position that it includes, 8 bytes big-endian, so that readers can compare values of one
key without decoding them.
"""

from __future__ import annotations

import msgspec
import zstandard
from msgspec import Struct

from detector.breaker import HOLDING, BreakerState
from detector.engine import Engine
from detector.engine.columns import PROFILE
from detector.engine.policy_state import Key, PolicyState
from detector.engine.reinstated import Reinstated
from detector.errors import StateError
from detector.fold.clock import StreamClock

VERSION = 7
POSITION_BYTES = 8


class PolicyValue(Struct, array_like=True):
    """Everything of one policy at one position."""

    version: int
    bucket_ms: int
    rows: list[tuple[str, str, bytes, bytes]]
    """Dimension, value, numbers, and those of its channels (none: empty)."""
    profile: bytes
    breakers: list[tuple[str, str, BreakerState]]
    deploys: dict[str, int]
    dropped_values: int
    reinstated: bytes


class Seal(Struct, array_like=True):
    """Everything of one partition that is no policy's, at one position: the proof that its policies are complete."""

    version: int
    applied: dict[int, int]
    clock: StreamClock
    settings_version: str
    counters: dict[str, int]
    deploys: dict[str, int]
    refreshed: int
    started: int | None
    """Bucket in which the partition's stream began; None before its first record, or action with `clock: events`."""


_compressor = zstandard.ZstdCompressor(level=1)
_encoder = msgspec.msgpack.Encoder()
_policies = msgspec.msgpack.Decoder(PolicyValue)
_seals = msgspec.msgpack.Decoder(Seal)


def pack(position: int, body: bytes) -> bytes:
    """A table value: the position as it is, the rest compressed, since most windows of most scopes are empty."""
    return position.to_bytes(POSITION_BYTES, "big", signed=True) + _compressor.compress(body)


def body_of(value: bytes) -> bytes:
    """What `pack` took. Raises StateError."""
    try:
        return zstandard.decompress(value[POSITION_BYTES:])
    except zstandard.ZstdError as error:
        raise StateError(f"a table value can't be read: {error}") from error


def position_of(value: bytes) -> int:
    """The log position that a table value includes. Raises StateError."""
    if len(value) < POSITION_BYTES:
        raise StateError(f"a table value has {len(value)} bytes, at least {POSITION_BYTES} are needed")
    return int.from_bytes(value[:POSITION_BYTES], "big", signed=True)


def pack_policy(position: int, value: PolicyValue) -> bytes:
    """Table value of a policy."""
    return pack(position, _encoder.encode(value))


def pack_seal(position: int, seal: Seal) -> bytes:
    """Table value of a partition."""
    return pack(position, _encoder.encode(seal))


def read_seal(value: bytes) -> tuple[int, Seal]:
    """Position and seal. Raises StateError."""
    try:
        seal = _seals.decode(body_of(value))
    except msgspec.DecodeError as error:
        raise StateError(f"a partition's seal can't be read: {error}") from error
    if seal.version != VERSION:
        raise StateError(f"a partition's seal has version {seal.version}, this program reads {VERSION}")
    return position_of(value), seal


def held_of(value: bytes) -> dict[Key, BreakerState]:
    """The breakers of a policy's parts that hold something, as far as a value that can't be used still tells them."""
    try:
        stored = _policies.decode(body_of(value))
    except (StateError, msgspec.DecodeError):
        return {}
    return {(where, name): each for where, name, each in stored.breakers if where and each.state in HOLDING}


def load_policy(engine: Engine, policy: PolicyState, value: bytes) -> None:
    """Fill a policy just adopted from its table value. Raises StateError; the policy is then without rows."""
    try:
        stored = _policies.decode(body_of(value))
    except msgspec.DecodeError as error:
        raise StateError(f"the state of policy {policy.id!r} can't be read: {error}") from error
    if (stored.version, stored.bucket_ms) != (VERSION, engine.bucket_ms):
        raise StateError(
            f"the state of policy {policy.id!r} has version {stored.version} and buckets of {stored.bucket_ms} ms, "
            f"this program needs {VERSION} and {engine.bucket_ms} ms"
        )
    scopes = engine.scopes
    for dimension, name, raw, channel in stored.rows:
        scopes.load_row(policy, (dimension, name), raw, channel)
    if len(stored.profile) != PROFILE.itemsize:
        raise StateError(f"the profile of policy {policy.id!r} has {len(stored.profile)} bytes")
    scopes.profiles.read(policy.profile, stored.profile)
    policy.breakers = {(dimension, name): state for dimension, name, state in stored.breakers}
    policy.deploys = stored.deploys
    policy.dropped_values = stored.dropped_values
    policy.reinstated = Reinstated.from_bytes(stored.reinstated)


def freeze_policy(engine: Engine, policy: PolicyState) -> PolicyValue:
    """A policy's state now, independent of what the engine does next."""
    keys: list[Key] = sorted(policy.rows)
    scopes = engine.scopes
    return PolicyValue(
        version=VERSION,
        bucket_ms=engine.bucket_ms,
        rows=[(*key, *scopes.stored(policy.rows[key])) for key in keys],
        profile=scopes.profiles.rows[policy.profile].tobytes(),
        breakers=[(*key, policy.breakers[key]) for key in sorted(policy.breakers)],
        deploys=dict(policy.deploys),
        dropped_values=policy.dropped_values,
        reinstated=policy.reinstated.to_bytes(),
    )
