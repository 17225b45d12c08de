"""MediaWiki's own breaker for its rule engine: a rule's actions stop when it matches too much soon after an edit.

AbuseFilter's EmergencyWatcher trips when, since the rule's last edit, matches > 2 and matches / all edits > threshold
and the edit is younger than 24 h; the counts begin anew with each edit, and a tripped rule stays off until the next
one. The number of all edits is not in the data: it is taken as 4,000 an hour, an assumption.
"""

from __future__ import annotations

import numpy as np

from tests.bench.peers.series import Ints, Peer, Series

EDITS_PER_H = 4000
MOST_MATCHES = 2
AGE_MS = 86_400_000


def peer(threshold: float, edits_per_h: float = EDITS_PER_H) -> Peer:
    """`threshold`: share of all edits, 0..1; MediaWiki's default is 0.05."""

    def trips(series: Series) -> Ints:
        edit = np.searchsorted(series.deploy_ms, series.time_ms, "right") - 1
        own = np.flatnonzero(edit >= 0)
        time_ms, edit = series.time_ms[own], edit[own]
        edited_ms = series.deploy_ms[edit]
        matches = own - np.searchsorted(series.time_ms, edited_ms) + 1
        age_ms = time_ms - edited_ms
        edits = np.maximum(edits_per_h * age_ms / 3_600_000, matches)
        over = (matches > MOST_MATCHES) & (age_ms < AGE_MS) & (matches > threshold * edits)
        _, first = np.unique(edit[over], return_index=True)
        return time_ms[over][first]

    return trips
