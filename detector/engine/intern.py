"""From the dictionaries of a log record to rows: Python only per distinct scope, numpy per event."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.engine.policy_state import WHOLE, Key, PolicyState
from detector.engine.scopes import Scopes
from detector.engine.tallies import REVIEW
from detector.engine.transition import Batch
from detector.policy import Dimension

Ints = NDArray[np.int64]


def intern(scopes: Scopes, batch: Batch, settled: list[int]) -> tuple[Ints, Ints]:
    """Rows that the batch's events count for, and for each the event that it stands for (index into the batch).

    An event counts for its policy and for its value of each watched dimension; unseen scopes get a row, all before the
    bucket in `settled` (per record) being final for them.
    """
    events = np.flatnonzero(batch.kind <= REVIEW)
    codes = batch.policy[events]
    policies = {code: _policy(scopes, batch, code, settled) for code in np.unique(codes).tolist()}
    whole = np.full(len(batch.policies), -1, np.int64)
    for code, policy in policies.items():
        whole[code] = policy.rows[WHOLE] if policy else -1
    parts = [whole[codes]]
    parts += [_values(scopes, batch, policies, events, dimension, settled) for dimension in batch.values]
    rows, source = np.concatenate(parts), np.tile(events, len(parts))
    return rows[rows >= 0], source[rows >= 0]


def _policy(scopes: Scopes, batch: Batch, code: int, settled: list[int]) -> PolicyState | None:
    home, name = int(batch.homes[code]), batch.policies[code]
    if batch.refills[home]:
        return scopes.policies.get(name)
    return scopes.policy(name, int(batch.partitions[home]), settled[home], int(batch.offsets[home]))


def _values(
    scopes: Scopes,
    batch: Batch,
    policies: dict[int, PolicyState | None],
    events: Ints,
    dimension: Dimension,
    settled: list[int],
) -> Ints:
    """Table rows of the events' values of a dimension, -1 where they have none or it is not watched."""
    names, values = batch.values[dimension]
    pair = batch.policy[events] * len(names) + values[events]
    rows = np.full(len(batch.policies) * len(names), -1, np.int64)
    there = np.zeros(len(rows), bool)
    there[pair] = True
    keys = list[tuple[int, PolicyState, Key]]()
    for at in np.flatnonzero(there).tolist():
        code, value = divmod(at, len(names))
        policy = policies[code]
        key: Key = (dimension, names[value])
        if policy is None or not key[1]:
            continue
        known = policy.rows.get(key)
        if known is None:
            home = int(batch.homes[code])
            known = scopes.row(policy, key, settled[home], int(batch.offsets[home]))
        rows[at] = known
        keys.append((at, policy, key))
    if scopes.freed:  # a later value may have taken an earlier one's row
        for at, policy, key in keys:
            rows[at] = policy.rows.get(key, -1)
    found: Ints = rows[pair]
    return found
