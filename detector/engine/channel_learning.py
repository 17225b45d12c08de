"""What the channels of a scope learn of an hour that has waited long enough."""

from __future__ import annotations

import numpy as np

from detector.engine import channel_moves as moves
from detector.engine.channel_state import LEARNED, MIXES, SUMS, TESTS, WAITING, Rows, index
from detector.stats import ages, shares
from detector.stats.evidence import Floats


def learn(view: Rows) -> None:
    """Learn what waits: dispersion around what was expected before it, then shares and hazards, in place."""
    seen = {name: view["sums"][:, WAITING, columns].astype(np.float64) for name, columns in SUMS.items()}
    trials, deviations, variance = _dispersion(view, seen)
    sure = moves.known(view)
    view["phi"] = shares.fade(view["phi"])
    view["phi"][..., 0] += np.where(sure, deviations, 0.0)
    view["phi"][..., 1] += np.where(sure, variance, 0.0)
    first = (trials > 0) & (view["begun"] == 0)
    view["begun"] = np.where(first, view["at"][:, None], view["begun"])
    view["sums"][:, LEARNED] += view["sums"][:, WAITING]


def _dispersion(view: Rows, seen: dict[str, Floats]) -> tuple[Floats, Floats, Floats]:
    """Of each test, shape (rows, 9): trials, squared deviation from what was expected, and the variance due."""
    trials, count, mean, variance = (np.zeros((len(view), len(TESTS))) for _ in range(4))
    share = _mean(moves.learned(view, "successes"), moves.learned(view, "trials"))
    trials[:, :MIXES], count[:, :MIXES] = seen["trials"], seen["successes"]
    mean[:, :MIXES], variance[:, :MIXES] = seen["trials"] * share, seen["trials"] * share * (1 - share)
    at = index("overturns")
    share = ages.mean(moves.learned(view, "overturned"), moves.learned(view, "decided"))
    trials[:, at], count[:, at] = seen["decided"].sum(axis=1), seen["overturned"].sum(axis=1)
    mean[:, at] = (seen["decided"] * share).sum(axis=1)
    variance[:, at] = (seen["decided"] * share * (1 - share)).sum(axis=1)
    share = _mean(moves.learned(view, "rejections")[:, 0], moves.learned(view, "decided").sum(axis=1))
    quick = index("rejections")
    trials[:, quick], count[:, quick] = trials[:, at], seen["rejections"][:, 0]
    mean[:, quick], variance[:, quick] = trials[:, quick] * share, trials[:, quick] * share * (1 - share)
    due = moves.due(view, seen["passages"], seen["reinstated"][:, 0], 0.0)
    for i, name in enumerate(("appeals", "reversals", "rebans")):
        trials[:, index(name)] = count[:, index(name)] = seen[name].sum(axis=1)
        mean[:, index(name)] = variance[:, index(name)] = due[:, i]
    trials[:, index("reversals")] = seen["passages"][:, 0]
    trials[:, index("rebans")] = seen["reinstated"][:, 0]
    for column in (trials, count, mean, variance):
        column[:, index("quiet")] = column[:, index("appeals")]
    return trials, shares.deviation(count, mean, variance), variance


def _mean(successes: Floats, trials: Floats) -> Floats:
    mean: Floats = (successes + 0.5) / (trials + 1.0)
    return mean
