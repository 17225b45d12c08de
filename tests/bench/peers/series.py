"""What a peer sees, and what it gives: one policy's history in, the times of its trips out.

A peer judges each moment by what lies before it. How long a trip silences the next one is the scorer's rule
(`tests/bench/scoring.py`), not the peer's, unless the peer latches by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Series(NamedTuple):
    """One policy: `time_ms` and `subject` of its actions, `deploy_ms` of its rules' edits; ascending, epoch ms."""

    time_ms: Ints
    subject: NDArray[np.uint64]
    deploy_ms: Ints


Peer = Callable[[Series], Ints]
"""Times of trips, ascending, epoch ms."""


class Counts(NamedTuple):
    """Actions in equal steps of `width_ms`, from the step of the first action to that of the last."""

    start_ms: int
    width_ms: int
    count: Ints

    def ends_ms(self, steps: Ints) -> Ints:
        """When a step is over: no peer that counts in steps can speak earlier."""
        ends: Ints = self.start_ms + (steps + 1) * self.width_ms
        return ends


def counted(series: Series, width_ms: int) -> Counts:
    """The actions of a policy in steps; the steps lie on multiples of their width since the epoch."""
    step = series.time_ms // width_ms
    if not len(step):
        return Counts(0, width_ms, np.zeros(0, np.int64))
    return Counts(int(step[0]) * width_ms, width_ms, np.bincount(step - step[0]).astype(np.int64))


def trailing(count: Ints, length: int, lag: int) -> tuple[Floats, Floats, Ints]:
    """Mean and standard deviation of the `length` steps that end `lag` before each step, and how many there were."""
    sums, squares = (np.concatenate([[0.0], np.cumsum(count.astype(float) ** power)]) for power in (1, 2))
    end = np.clip(np.arange(len(count)) - lag + 1, 0, None)
    begin = np.clip(end - length, 0, None)
    known = end - begin
    mean = (sums[end] - sums[begin]) / np.maximum(known, 1)
    variance = (squares[end] - squares[begin] - known * mean**2) / np.maximum(known - 1, 1)
    return mean, np.sqrt(np.maximum(variance, 0)), known
