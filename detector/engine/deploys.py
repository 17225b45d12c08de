"""What a change does, a told deploy above all: evidence gets mass, in its bucket, or at once where that is past."""

from __future__ import annotations

import numpy as np

from detector.engine.columns import NEVER
from detector.engine.policy_state import Key, PolicyState, concerns, note_deploy
from detector.engine.scopes import Scopes
from detector.stats import surge


def told(scopes: Scopes, policy: PolicyState, origin: str, time_ms: int, bucket_ms: int) -> None:
    """An origin ("" unknown) of a policy was changed at `time_ms`."""
    note_deploy(policy.deploys, origin, time_ms)
    policy.changed = True
    for key in policy.rows:
        if concerns(origin, key):
            suspect(scopes, policy, key, time_ms // bucket_ms)
        scopes.expect(policy, key)


def suspect(scopes: Scopes, policy: PolicyState, key: Key, bucket: int) -> None:
    """A scope was changed in a bucket: deployed, or let go again."""
    row = policy.rows[key]
    view = scopes.table.rows[row : row + 1]
    if bucket <= view["at"][0] and view["met_hour"][0] != NEVER:
        view["change"] += surge.AT_ONCE
        view["changed"] = 0
    view["deployed"] = np.maximum(view["deployed"], bucket)
    scopes.glimpses.changed(policy, key, bucket)
