"""From the values of a table to a partition's state, and to that of its policies."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from detector.engine import Engine
from detector.errors import StateError
from detector.fold import state
from detector.fold.partition import Partition
from detector.fold.snapshot import settings_key
from detector.policy import Ruleset


def load(engine: Engine, mine: Partition, table: Mapping[bytes, bytes]) -> int | None:
    """Take over a new partition with its table values; returns the sealed position (None: nothing was ever sealed).

    Raises StateError when the partition's own values can't be read; a policy's unreadable value moves that policy alone
    to FAULT, which is told with the next records.
    """
    sealed = table.get(b"seal/%d" % mine.number)
    if sealed is not None:
        _unseal(engine, mine, sealed, table)
    for key, value in table.items():
        if key.startswith(b"policy/"):
            _policy(engine, mine, key.removeprefix(b"policy/").decode(), value)
    return None if sealed is None else mine.position


def _unseal(engine: Engine, mine: Partition, sealed: bytes, table: Mapping[bytes, bytes]) -> None:
    """What is the partition's own, and the policy file that it goes by."""
    mine.position, seal = state.read_seal(sealed)
    mine.load(seal)
    if mine.clock.stream_ms:
        engine.stream[mine.number] = mine.clock.stream_ms // engine.bucket_ms
    engine.scopes.deploys[mine.number] = dict(seal.deploys)
    if seal.started is not None:
        engine.scopes.glimpses.begin(mine.number, seal.started)
    if not seal.settings_version:
        return
    stored = table.get(settings_key(mine.number, seal.settings_version))
    if stored is None:
        raise StateError(f"the policy file {mine.config_version} of partition {mine.number} is not in the table")
    mine.ruleset = state.body_of(stored)
    engine.scopes.configure(mine.number, msgspec.json.decode(mine.ruleset, type=Ruleset))


def _policy(engine: Engine, mine: Partition, policy_id: str, value: bytes) -> None:
    settled = engine.settled(mine.number)
    policy = engine.scopes.adopt(policy_id, mine.number)
    policy.position = max(state.position_of(value), mine.position)
    try:
        state.load_policy(engine, policy, value)
    except StateError as error:
        engine.scopes.forget(policy)
        fresh = engine.scopes.policy(policy_id, mine.number, settled, mine.position)
        if fresh is None:
            return
        policy = fresh
        policy.position = mine.position
        policy.breakers.update(state.held_of(value))
        mine.lost.append((policy, str(error)))
    else:
        policy.changed = False
    rows = np.array(sorted(policy.rows.values()), np.int64)
    engine.scopes.table.rows["settled"][rows] = np.maximum(engine.scopes.table.rows["settled"][rows], settled)
    engine.scopes.links.rows["position"][rows] = policy.position
    engine.scopes.glimpses.resume(policy)
    engine.actuator.adopt(policy)
