"""From the dictionaries of a log record to rows: Python only per distinct scope, numpy per event."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.engine import scan
from detector.engine.cases import REVIEW
from detector.engine.policy_state import WHOLE, Key, PolicyState
from detector.engine.scopes import Scopes
from detector.engine.touched import Touched
from detector.engine.transition import Batch

Ints = NDArray[np.int64]


def intern(scopes: Scopes, batch: Batch, settled: list[int]) -> Touched:
    """The rows that the batch's events count for.

    Unseen scopes get a row, all before the bucket in `settled` (per record) being final for them.
    """
    events = np.flatnonzero(batch.kind <= REVIEW)
    codes = batch.policy[events]
    policies = [scopes.policies.get(name) for name in batch.policies]
    for code in np.flatnonzero(np.bincount(codes)).tolist():
        policies[code] = policies[code] or _policy(scopes, batch, code, settled)
    whole = np.array([policy.rows[WHOLE] if policy else -1 for policy in policies], np.int64)
    profile = np.array([policy.profile if policy else -1 for policy in policies], np.int64)
    values = _values(scopes, batch, policies, profile, events, settled)
    return Touched.of(events, np.concatenate([whole[codes][None], values]), scopes.table.rows)


def _policy(scopes: Scopes, batch: Batch, code: int, settled: list[int]) -> PolicyState | None:
    home, name = int(batch.homes[code]), batch.policies[code]
    if batch.refills[home]:
        return None
    return scopes.policy(name, int(batch.partitions[home]), settled[home], int(batch.offsets[home]))


def _values(
    scopes: Scopes,
    batch: Batch,
    policies: list[PolicyState | None],
    profile: Ints,
    events: Ints,
    settled: list[int],
) -> Ints:
    """Table rows of the events' values of each dimension, -1 where they have none or it is not watched."""
    keys: list[Key] = [(dimension, name) for dimension, (names, _) in batch.values.items() for name in names]
    if not keys:
        return np.empty((0, len(events)), np.int64)
    sizes = [len(names) for names, _ in batch.values.values()]
    first = np.cumsum([0, *sizes[:-1]])[:, None]
    value = first + np.stack([values[events] for _, values in batch.values.values()])
    pairs, place = scan.places(batch.policy[events] * len(keys) + value, len(batch.policies) * len(keys))
    codes, chosen = np.divmod(pairs, len(keys))
    found = scopes.book.find(profile[codes], keys, chosen)
    named = (profile[codes] >= 0) & np.array([name != "" for _, name in keys])[chosen]
    for i in np.flatnonzero(named & (found < 0)).tolist():
        home = int(batch.homes[codes[i]])
        if (policy := policies[codes[i]]) is not None:
            found[i] = scopes.row(policy, keys[chosen[i]], settled[home], int(batch.offsets[home]))
    if scopes.freed:  # a later value may have taken an earlier one's row
        rows = [policy.rows if policy else {} for policy in policies]
        found = np.array([rows[code].get(keys[key], -1) for code, key in zip(codes, chosen, strict=True)], np.int64)
    return found[place]
