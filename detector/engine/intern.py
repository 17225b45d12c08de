"""From the dictionaries of a log record to rows: Python only per distinct scope, numpy per event."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.engine.scopes import WHOLE, Key, PolicyState, Scopes
from detector.engine.transition import Batch

Ints = NDArray[np.int64]


def intern(scopes: Scopes, batch: Batch, settled: int) -> tuple[Ints, Ints]:
    """Rows that the batch's actions count for, and for each the event that it stands for (index into the batch).

    An action counts for its policy, its rule version and its region; unseen scopes get a row, all before bucket
    `settled` being final for them.
    """
    events = np.flatnonzero(batch.kind == 0)
    codes = batch.policy[events]
    policies: dict[int, PolicyState | None] = {
        code: scopes.policies.get(batch.policies[code])
        if batch.is_refill
        else scopes.policy(batch.policies[code], batch.partition, settled, batch.offset)
        for code in np.unique(codes).tolist()
    }
    whole = np.full(len(batch.policies), -1, np.int64)
    for code, policy in policies.items():
        whole[code] = policy.rows[WHOLE] if policy else -1
    parts = [
        whole[codes],
        _values(scopes, policies, codes, batch.origin[events], "rule_version", batch.origins, settled, batch.offset),
        _values(scopes, policies, codes, batch.region[events], "region", batch.regions, settled, batch.offset),
    ]
    rows, source = np.concatenate(parts), np.tile(events, len(parts))
    return rows[rows >= 0], source[rows >= 0]


def _values(
    scopes: Scopes,
    policies: dict[int, PolicyState | None],
    codes: Ints,
    values: Ints,
    dimension: str,
    names: list[str],
    settled: int,
    offset: int,
) -> Ints:
    pairs, inverse = np.unique(codes * len(names) + values, return_inverse=True)
    rows, keys = np.full(len(pairs), -1, np.int64), list[tuple[int, PolicyState, Key]]()
    for i, pair in enumerate(pairs.tolist()):
        code, value = divmod(pair, len(names))
        policy, name = policies[code], names[value]
        if policy is not None and name:
            rows[i] = scopes.row(policy, (dimension, name), settled, offset)
            keys.append((i, policy, (dimension, name)))
    if scopes.freed:  # a later value may have taken an earlier one's row
        for i, policy, key in keys:
            rows[i] = policy.rows.get(key, -1)
    return rows[inverse]
