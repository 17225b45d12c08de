"""What a fold knows of each policy now, read off its tables: for plots, reports and pages. Nothing is changed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.engine.policy_state import WHOLE
from detector.fold.core import Fold
from detector.stats import baseline, evidence

Floats = NDArray[np.float64]


class Figures(NamedTuple):
    """One entry a policy, in order of their ids."""

    ids: list[str]
    settled_ms: NDArray[np.int64]
    """Event time up to which the numbers reach."""
    expected_per_h: Floats
    """Expected rate of the whole policy in the hour that settles now."""
    phi: Floats
    """Its variance over mean."""
    strength: Floats
    """Evidence over its trip line, highest of the policy's scopes with enough history; 0 where none is judged."""
    peak: Floats
    """The same, highest in the running hour."""


def figures(fold: Fold) -> Figures:
    """All policies that have a row."""
    scopes = fold.engine.scopes
    policies = [policy for policy in fold.policies() if WHOLE in policy.rows]
    whole = np.array([policy.rows[WHOLE] for policy in policies], np.int64)
    table, links = scopes.table.rows, scopes.links.rows
    rows = np.array(sorted(scopes.owner), np.int64)
    rows = rows[table["level_b"][rows] >= baseline.KNOWN_H]
    line_h, of_policy = links["trip_h"][rows], links["profile"][rows]
    now = np.zeros(len(scopes.profiles.rows))
    peak = np.zeros(len(scopes.profiles.rows))
    np.maximum.at(now, of_policy, evidence.strength(table["evidence"][rows], line_h))
    np.maximum.at(peak, of_policy, table["peak"][rows] / line_h)
    mine = links["profile"][whole]
    return Figures(
        [policy.id for policy in policies],
        (table["settled"][whole] + 1) * fold.engine.bucket_ms,
        table["rate"][whole],
        table["phi"][whole],
        now[mine],
        np.maximum(peak, now)[mine],
    )
