"""Events that came when their minute was final: of whom they speak is counted in the next one, where it can be told.

How much a scope acts is not: nobody knows any more which of these events are repetitions. But whom its actions met, and
what follows them, counts each person once an hour, and the bitmap of that hour is there (`crowds`). While a breaker of
the policy is not closed, whom actions met is not heard late: they may be of before, which was judged.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.engine import crowds
from detector.engine.channel_state import CROWDS
from detector.engine.columns import put, taken
from detector.engine.policy_state import PolicyState
from detector.engine.scopes import Scopes
from detector.engine.tallies import Tallies
from detector.engine.touched import Touched
from detector.engine.transition import Batch
from detector.events import State
from detector.units import HOUR_MS, MINUTE_MS

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
LATEST_H: Final = 24
"""Hours that an event may be behind what is final and still be heard."""


def chosen(scopes: Scopes, batch: Batch, touched: Touched, bucket_ms: int) -> Mask:
    """Where in `touched.rows` events with a subject are not too late for it, and were not heard before a restart."""
    known = batch.subject[touched.events] != 0
    offset, bucket = batch.offsets[batch.slot[touched.events]], batch.time_ms[touched.events] // bucket_ms
    position = scopes.links.rows["position"][touched.distinct]
    past = touched.settled - LATEST_H * HOUR_MS // bucket_ms
    found: Mask = known & touched.beyond(position, offset) & touched.beyond(past, bucket)
    return found


def hear(scopes: Scopes, late: Tallies, bucket_ms: int) -> None:
    """Keep what came late in its scopes' channels, until their next minute counts it."""
    for minute, rows, found in late.each():
        final = (scopes.table.rows["settled"][rows] + 1) * bucket_ms // MINUTE_MS - 1
        at = np.array([scopes.channel(*each) for each in zip(rows.tolist(), final.tolist(), strict=True)])
        found.counts[[_is_judged(scopes.owner[row][0]) for row in rows.tolist()], :CROWDS] = 0
        view = taken(scopes.channels.rows, at)
        view["late"] += crowds.latecomers(view, found.counts, (found.met, found.followed), minute)
        put(scopes.channels.rows, at, view)
        scopes.mark_changed(rows, parts=True)


def _is_judged(policy: PolicyState) -> bool:
    return any(breaker.state is not State.CLOSED for breaker in policy.breakers.values())


def waiting(scopes: Scopes, rows: Ints) -> Mask:
    """Which of some table rows have channels that keep something."""
    at = scopes.links.rows["channel"][rows]
    found = at >= 0
    found[found] = scopes.channels.rows["late"][at[found]].any(axis=1)
    return found
