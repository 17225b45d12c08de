"""Thresholds on counts in steps of five minutes: EARS C2, and the trailing week's mean plus z standard deviations.

Both take a deviation below half an action for half an action: with a smaller one the first count after silence is
infinitely many of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.bench.peers.series import Ints, Peer, Series, counted, trailing

STEP_MS = 300_000
WEEK_STEPS = 2016
LEAST_DEVIATION = 0.5


def beyond(count: Ints, length: int, lag: int, z: float) -> Ints:
    """Steps whose count is more than `z` deviations above the `length` steps that end `lag` before them."""
    mean, deviation, known = trailing(count, length, lag)
    over = (known >= length) & (count > mean + z * np.maximum(deviation, LEAST_DEVIATION))
    return np.flatnonzero(over)


def trailing_week_steps(count: Ints, z: float) -> Ints:
    """Steps beyond the week before them."""
    return beyond(count, WEEK_STEPS, 1, z)


def ears_c2_steps(count: Ints, z: float) -> Ints:
    """Steps beyond steps t-9 to t-3 (Hutwagner et al. 2003, as R's surveillance has it)."""
    return beyond(count, 7, 3, z)


def trailing_week(z: float) -> Peer:
    """Mean and deviation of the seven days before the step; silent in a policy's first week."""
    return _peer(trailing_week_steps, z)


def ears_c2(z: float) -> Peer:
    """Mean and deviation of three quarters of an hour before the step."""
    return _peer(ears_c2_steps, z)


def _peer(steps: Callable[[Ints, float], Ints], z: float) -> Peer:
    def trips(series: Series) -> Ints:
        counts = counted(series, STEP_MS)
        return counts.ends_ms(steps(counts.count, z))

    return trips
