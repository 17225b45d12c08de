"""Poisson-FOCuS: the likelihood ratio of a raised rate over all windows that end now, exactly, in one pass.

Ward, Dilillo, Eckley & Fearnhead 2023 (JASA, doi 10.1080/01621459.2023.2235059). For a window with X actions where
M were due the statistic is X ln(X / M) - X + M. The window that is best for any rate begins at a vertex of the lower
convex hull of the points (due so far, seen so far), so only those are kept; a step without an action can't raise it.
"""

from __future__ import annotations

from math import log

import numpy as np

from tests.bench.peers.series import Floats, Ints, Peer, Series, counted, trailing
from tests.bench.peers.thresholds import STEP_MS, WEEK_STEPS

LEAST_RATE_PER_STEP = 0.01
GUARD_STEPS = 12


def trips(count: Ints, due: Floats, threshold: float) -> Ints:
    """Steps at which the statistic passes `threshold`; there everything seen is forgotten, as after a repair."""
    found: list[int] = []
    busy = np.flatnonzero(count)
    before = np.concatenate([[0.0], np.cumsum(due)])
    starts: list[tuple[float, int]] = []
    seen = 0
    for step, number, begin, end in zip(
        busy.tolist(), count[busy].tolist(), before[busy].tolist(), before[busy + 1].tolist(), strict=True
    ):
        _extend(starts, begin, seen)
        seen += number
        if statistic(starts, end, seen) > threshold:
            found.append(step)
            starts.clear()
    return np.array(found, np.int64)


def statistic(starts: list[tuple[float, int]], due: float, seen: int) -> float:
    """The highest over windows that begin at one of `starts` and end at (`due`, `seen`); 0 where none is raised."""
    best = 0.0
    for begin, had in starts:
        x, m = seen - had, due - begin
        if x > m:
            best = max(best, x * log(x / m) - x + m)
    return best


def _extend(starts: list[tuple[float, int]], due: float, seen: int) -> None:
    """Add a place where a window may begin; drop those that are no vertex of the lower hull any more."""
    while starts and starts[-1][0] >= due:
        starts.pop()
    while len(starts) > 1:
        (x0, y0), (x1, y1) = starts[-2:]
        if (y1 - y0) * (due - x0) < (seen - y0) * (x1 - x0):
            break
        starts.pop()
    starts.append((due, seen))
    while len(starts) > 1 and starts[1][1] - starts[0][1] <= starts[1][0] - starts[0][0]:
        del starts[0]  # a window from here holds no more than was due: a later one is better


def steps(count: Ints, threshold: float) -> Ints:
    """Counts of five minutes against the mean of the week before the last hour; silent in the first week."""
    mean, _, known = trailing(count, WEEK_STEPS, GUARD_STEPS)
    due = np.maximum(mean, LEAST_RATE_PER_STEP)
    return trips(np.where(known >= WEEK_STEPS, count, 0), np.where(known >= WEEK_STEPS, due, 0), threshold)


def peer(threshold: float) -> Peer:
    """Of a policy's actions."""

    def of(series: Series) -> Ints:
        counts = counted(series, STEP_MS)
        return counts.ends_ms(steps(counts.count, threshold))

    return of
