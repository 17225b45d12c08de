"""What starts afresh when a breaker moves: what led to a move must not count twice."""

from __future__ import annotations

import numpy as np

from detector.engine import channels, deploys
from detector.engine.columns import NEVER
from detector.engine.policy_state import WHOLE, Key, PolicyState
from detector.engine.scopes import Scopes


def spend(scopes: Scopes, policy: PolicyState, moved: Key) -> None:
    """Evidence of channels has moved a scope; what other values of its dimension did is another matter."""
    for row in policy.met_by(moved):
        channels.forget(scopes.channels_of(row))


def rest(scopes: Scopes, policy: PolicyState, moved: Key, opened_ms: int, now_ms: int, bucket_ms: int) -> None:
    """Evidence of what a policy does starts again from nothing, in every scope that a move without evidence meets.

    What became of its actions since the trip stays: undone by people while held, it must not simply go on. So does
    what was changed, or let go, since it opened: that is as suspect as before.
    """
    rows, table, bucket = np.array(policy.met_by(moved), np.int64), scopes.table.rows, now_ms // bucket_ms
    later = _changed_since(scopes, policy, moved, opened_ms, bucket_ms)
    for name in ("evidence", "cusum", "since", "change", "surge", "changed", "crowd"):
        table[name][rows] = 0
    table["deployed"][rows] = NEVER  # a trip spends what a deploy brought
    table["at"][rows] = np.maximum(table["at"][rows], bucket)
    table["onset"][rows] = table["at"][rows]
    for row in rows.tolist():
        channels.forget_mix(scopes.channels_of(row))
    for key, changed in later.items():
        deploys.suspect(scopes, policy, key, changed)


def _changed_since(scopes: Scopes, policy: PolicyState, moved: Key, opened_ms: int, bucket_ms: int) -> dict[Key, int]:
    """Buckets in which parts of a policy were changed or let go since a time, but for the scope that moves."""
    deployed, mine = scopes.table.rows["deployed"], set(policy.met_by(moved))
    met = {key: int(deployed[row]) for key, row in policy.rows.items() if row in mine and key not in (moved, WHOLE)}
    return {key: changed for key, changed in sorted(met.items()) if changed * bucket_ms > opened_ms}
