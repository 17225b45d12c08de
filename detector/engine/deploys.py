"""What a change does, a told deploy above all: evidence gets mass, in its bucket, or at once where that is past."""

from __future__ import annotations

import numpy as np

from detector.engine.columns import NEVER
from detector.engine.policy_state import PolicyState, concerns, note_deploy
from detector.engine.scopes import Scopes
from detector.stats import surge
from detector.units import HOUR_MS


def told(scopes: Scopes, policy: PolicyState, origin: str, time_ms: int, bucket_ms: int) -> None:
    """An origin ("" unknown) of a policy was changed at `time_ms`."""
    note_deploy(policy.deploys, origin, time_ms)
    policy.changed = True
    for key, row in policy.rows.items():
        if concerns(origin, key):
            suspect(scopes, row, time_ms // bucket_ms, bucket_ms)
        scopes.expect(policy, key)


def suspect(scopes: Scopes, row: int, bucket: int, bucket_ms: int) -> None:
    """A scope was changed in a bucket: deployed, or let go again."""
    view, link = scopes.table.rows[row : row + 1], scopes.links.rows[row]
    if bucket <= view["at"][0] and view["met_hour"][0] != NEVER:
        view["change"] += surge.AT_ONCE
        view["changed"] = 0
    view["deployed"] = np.maximum(view["deployed"], bucket)
    seen_h = (bucket - scopes.started.get(int(link["partition"]), bucket)) * bucket_ms / HOUR_MS
    if view["bar"][0] == surge.NO_NEWS_PER_H and seen_h >= surge.GLIMPSE_H:
        glimpse = surge.GLIMPSE_TIMES * float(view["total"][0]) / seen_h
        view["bar"] = view["next_bar"] = max(glimpse, float(link["newborn"]))
