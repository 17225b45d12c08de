"""From the dictionaries of a log record to rows: Python only per distinct scope, numpy per event."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.engine.policy_state import WHOLE, Key, PolicyState
from detector.engine.scopes import Scopes
from detector.engine.tallies import REVIEW
from detector.engine.transition import Batch
from detector.policy import Dimension

Ints = NDArray[np.int64]
_NONE: Final = dict[Key, int]()


def intern(scopes: Scopes, batch: Batch, settled: list[int]) -> tuple[Ints, Ints]:
    """Rows that the batch's events count for, and for each the event that it stands for (index into the batch).

    An event counts for its policy and for its value of each watched dimension; unseen scopes get a row, all before the
    bucket in `settled` (per record) being final for them.
    """
    events = np.flatnonzero(batch.kind <= REVIEW)
    codes = batch.policy[events]
    policies = {code: _policy(scopes, batch, code, settled) for code in np.flatnonzero(np.bincount(codes)).tolist()}
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
    keys: list[Key] = [(dimension, name) for name in names]
    pair = batch.policy[events] * len(names) + values[events]
    there = np.zeros(len(batch.policies) * len(names), bool)
    there[pair] = True
    pairs = np.flatnonzero(there)
    codes, chosen = (each.tolist() for each in np.divmod(pairs, len(names)))
    known = _known(policies, keys, codes, chosen)
    for i in [i for i, row in enumerate(known) if row is None]:
        policy, home = policies[codes[i]], int(batch.homes[codes[i]])
        if policy and names[chosen[i]]:
            known[i] = scopes.row(policy, keys[chosen[i]], settled[home], int(batch.offsets[home]))
    if scopes.freed:  # a later value may have taken an earlier one's row
        known = _known(policies, keys, codes, chosen)
    rows = np.full(len(there), -1, np.int64)
    rows[pairs] = [-1 if row is None else row for row in known]
    found: Ints = rows[pair]
    return found


def _known(
    policies: dict[int, PolicyState | None], keys: list[Key], codes: list[int], chosen: list[int]
) -> list[int | None]:
    """The rows of pairs of a policy and a value, given by their codes; None where there is none."""
    books = {code: policy.rows if policy else _NONE for code, policy in policies.items()}
    return list(map(dict.get, map(books.__getitem__, codes), map(keys.__getitem__, chosen)))
