"""From the dictionaries of a log record to rows: Python only per distinct scope, numpy per event."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.engine.scopes import WHOLE, PolicyState, Scopes
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
        code: scopes.policy(batch.policies[code], batch.partition, settled) for code in np.unique(codes).tolist()
    }
    whole = np.full(len(batch.policies), -1, np.int64)
    for code, policy in policies.items():
        whole[code] = policy.rows[WHOLE] if policy else -1
    parts = [
        whole[codes],
        _values(scopes, policies, codes, batch.origin[events], "rule_version", batch.origins, settled),
        _values(scopes, policies, codes, batch.region[events], "region", batch.regions, settled),
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
) -> Ints:
    pairs, inverse = np.unique(codes * len(names) + values, return_inverse=True)
    rows = np.full(len(pairs), -1, np.int64)
    for i, pair in enumerate(pairs.tolist()):
        code, value = divmod(pair, len(names))
        policy, name = policies[code], names[value]
        if policy is not None and name:
            rows[i] = scopes.row(policy, (dimension, name), settled)
    return rows[inverse]
