"""What the channels of a scope learn of hours that have waited long enough, and from when on they know something."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.engine import channel_moves as moves
from detector.engine.channel_state import (
    COUNTS,
    DAY,
    FILLING,
    LEARNED,
    MIXES,
    SHARES,
    SUMS,
    TESTS,
    WAITING,
    YESTERDAY,
    Rows,
    index,
    part,
)
from detector.stats import ages, baseline, shares
from detector.stats.evidence import Floats

GROWN_H: Final = 72
"""Hours from which a scope learns a day late: what goes wrong for hours must not become what is usual."""
KNOWN_APPEALS: Final = 10.0
"""Appeals from which their rate is known; until then none may be filed because none are sent."""
ROW_PHI: Final = 2.0
"""Least dispersion of reversals: who undoes ten in a row has decided once or twice."""
MIX_PHI: Final = 1.5
"""What the mix of a small scope is taken to vary by: people, each once an hour, do so 0.9 to 1.2 times as a binomial
where filters of Wikipedia meet up to fifty of them a day (share of those known for a month; nine filters of ten)."""
REBAN_PHI: Final = 1.0
"""The reinstated are people who have nothing to do with each other, and too few of them are met again to learn more."""
_MOST: Final = np.where(np.arange(len(TESTS)) < len(SHARES), shares.PHI_MOST, baseline.PHI_MAX_SAMPLE)
_OVERTURNS, _REJECTIONS, _REVERSALS, _REBANS = (index(n) for n in ("overturns", "rejections", "reversals", "rebans"))


def fade(view: Rows, chosen: NDArray[np.bool_]) -> None:
    """Let what the chosen rows, shape (rows,), have learned fade by an hour, in place."""
    left = np.where(chosen, shares.FADE, 1.0)
    view["dispersion"] *= left[:, None, None]
    view["sums"][:, LEARNED] *= left[:, None]


def learn(view: Rows, hour: int, guard_h: int) -> None:
    """Learn what waited, in place, as `hour` (since the epoch) ends; grown rows, once a day, whom they met a day ago.

    How far counts vary is learned at once, around what was expected before: a day of hours that each deviate by chance
    is not a day that deviates.
    """
    trials, deviations, variance = _dispersion(view)
    view["dispersion"][..., 0] += np.where(view["known"], deviations, 0.0)
    view["dispersion"][..., 1] += np.where(view["known"], variance, 0.0)
    first = (trials > 0) & (view["begun"] == 0)
    view["begun"] = np.where(first, view["at"][:, None], view["begun"])
    sums = view["sums"]
    sums[:, DAY] += sums[:, WAITING]
    sums[:, WAITING], sums[:, FILLING] = sums[:, FILLING], 0.0
    grown = _grown(view)
    sums[~grown, LEARNED] += sums[~grown, DAY]
    sums[~grown, DAY] = 0.0
    if hour % baseline.DAY_H < guard_h:
        sums[grown, LEARNED] += sums[grown, YESTERDAY]
        sums[grown, YESTERDAY], sums[grown, DAY] = sums[grown, DAY], 0.0


def conclude(view: Rows) -> None:
    """Note, in place, how dispersed each test is, and which have the history to speak."""
    total, due = np.moveaxis(view["dispersion"].astype(np.float64), -1, 0)
    prior = np.full(len(TESTS), shares.PHI_PRIOR)
    prior[:MIXES], prior[_REBANS] = MIX_PHI, REBAN_PHI
    found = shares.phi(total, due, prior)
    found[:, _REVERSALS] = np.maximum(found[:, _REVERSALS], ROW_PHI)
    view["phi"], view["known"] = found, _known(view)


def _grown(view: Rows) -> NDArray[np.bool_]:
    """Rows that have learned for `GROWN_H`."""
    first = np.where(view["begun"] > 0, view["begun"], np.iinfo(np.int32).max).min(axis=1)
    grown: NDArray[np.bool_] = view["at"] - first >= 60 * GROWN_H
    return grown


def _known(view: Rows) -> NDArray[np.bool_]:
    """Trials enough, over a day at least."""
    trials = np.empty((len(view), len(TESTS)))
    trials[:, :MIXES] = part(view, LEARNED, "trials")
    trials[:, [_OVERTURNS, _REJECTIONS]] = part(view, LEARNED, "decided").sum(axis=1, keepdims=True)
    appeals = part(view, LEARNED, "appeals").sum(axis=1, keepdims=True)
    trials[:, [index("appeals"), index("quiet")]] = appeals * (shares.KNOWN_TRIALS / KNOWN_APPEALS)
    trials[:, index("reversals")] = part(view, LEARNED, "passages")[:, 0]
    trials[:, index("rebans")] = part(view, LEARNED, "reinstated")[:, 0]
    trials[:, index("share")] = part(view, LEARNED, "acted")[:, 0]
    old = (view["begun"] > 0) & (view["at"][:, None] - view["begun"] >= 60 * shares.KNOWN_H)
    known: NDArray[np.bool_] = old & (trials >= shares.KNOWN_TRIALS)
    return known


def _dispersion(view: Rows) -> tuple[Floats, Floats, Floats]:
    """Of what waits, for each test, shape (rows, 9): trials, squared deviation from what was due, and its variance."""
    trials, count, due, variance = (np.zeros((len(view), len(TESTS))) for _ in range(4))
    seen = {name: part(view, WAITING, name) for name in SUMS}
    share = _mean(part(view, LEARNED, "successes"), part(view, LEARNED, "trials"))
    trials[:, :MIXES], count[:, :MIXES] = seen["trials"], seen["successes"]
    due[:, :MIXES], variance[:, :MIXES] = seen["trials"] * share, seen["trials"] * share * (1 - share)
    decided = seen["decided"]
    share = ages.mean(part(view, LEARNED, "overturned"), part(view, LEARNED, "decided"))
    count[:, _OVERTURNS], due[:, _OVERTURNS] = seen["overturned"].sum(axis=1), (decided * share).sum(axis=1)
    variance[:, _OVERTURNS] = (decided * share * (1 - share)).sum(axis=1)
    trials[:, _OVERTURNS] = trials[:, _REJECTIONS] = total = decided.sum(axis=1)
    rejected = _mean(part(view, LEARNED, "rejections")[:, 0], part(view, LEARNED, "decided").sum(axis=1))
    count[:, _REJECTIONS], due[:, _REJECTIONS] = seen["rejections"][:, 0], total * rejected
    variance[:, _REJECTIONS] = total * rejected * (1 - rejected)
    counts = slice(index(COUNTS[0]), index(COUNTS[-1]) + 1)
    counted = (*COUNTS[:-1], "acted")
    count[:, counts] = trials[:, counts] = np.stack([seen[name].sum(axis=1) for name in counted], axis=1)
    exposed = seen["passages"], seen["reinstated"][:, 0], seen["evaluated"][:, 0]
    due[:, counts] = variance[:, counts] = moves.expected(view, *exposed, 0.0)
    trials[:, _REVERSALS], trials[:, _REBANS] = seen["passages"][:, 0], seen["reinstated"][:, 0]
    for column in (trials, count, due, variance):
        column[:, index("quiet")] = column[:, index("appeals")]
    return trials, shares.deviation(count, due, variance, _MOST), variance


def _mean(successes: Floats, trials: Floats) -> Floats:
    mean: Floats = (successes + 0.5) / (trials + 1.0)
    return mean
