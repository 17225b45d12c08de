"""What a fold knows of each policy now, read off its tables: for plots, reports and pages. Nothing is changed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.engine import judge
from detector.engine.policy_state import WHOLE, PolicyState
from detector.fold.core import Fold
from detector.stats import baseline

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
    """Evidence of volume, a change or a surge over its trip line, highest of its scopes with enough history."""
    peak: Floats
    """The same, or that of volume at its highest in the running hour."""


def figures(fold: Fold) -> Figures:
    """All policies that have a row."""
    scopes = fold.engine.scopes
    policies = [policy for policy in fold.policies() if WHOLE in policy.rows]
    whole = np.array([policy.rows[WHOLE] for policy in policies], np.int64)
    table, links = scopes.table.rows, scopes.links.rows
    rows = np.array(sorted(scopes.owner), np.int64)
    rows = rows[table["level_b"][rows] >= baseline.KNOWN_H]
    view, link = table[rows], links[rows]
    of_policy = link["profile"]
    now = np.zeros(len(scopes.profiles.rows))
    peak = np.zeros(len(scopes.profiles.rows))
    np.maximum.at(now, of_policy, judge.strength(view, link))
    np.maximum.at(peak, of_policy, view["peak"] / link["trip_h"])
    mine = links["profile"][whole]
    return Figures(
        [policy.id for policy in policies],
        (table["settled"][whole] + 1) * fold.engine.bucket_ms,
        table["rate"][whole],
        table["phi"][whole],
        now[mine],
        np.maximum(peak, now)[mine],
    )


def learning(fold: Fold) -> list[PolicyState]:
    """Policies too new for their volume, or a surge without a deploy, to be judged: what is usual is unknown."""
    unknown = judge.unknown(fold.engine.scopes.table.rows)
    return [policy for policy in fold.policies() if WHOLE in policy.rows and unknown[policy.rows[WHOLE]]]
