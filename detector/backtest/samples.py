"""Figures of policies as they were seen in passing, and what they say of the steps of a plot: no more than was seen.

A look after a tick tells how evidence stands then, and how high it was in the hour that it settled; nobody knows where
in that hour. A closer look goes there minute by minute.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.backtest.part import Ints
from detector.fold.figures import Figures
from detector.units import HOUR_MS

Floats = NDArray[np.float64]


class Sample(NamedTuple):
    """Figures at `at_ms`, with peaks since `from_ms`; for some or all policies."""

    from_ms: int
    at_ms: int
    figures: Figures
    is_close: bool
    """Whether it says where evidence was, not only how high."""


class Columns(NamedTuple):
    """A figure a step. Rate and over-dispersion are known everywhere; unknown evidence is NaN."""

    rate_per_h: Floats
    phi: Floats
    strength: Floats
    hourly: Floats
    """Where `strength` is not known: the highest in some longer time in which the step lies, mostly an hour."""


class Samples:
    """Samples in order of time, and the evidence of single moments: that of alerts."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()
        self._points: deque[tuple[int, str, float]] = deque()

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def last_ms(self) -> int:
        """Time of the newest sample, 0 without any."""
        return self._samples[-1].at_ms if self._samples else 0

    def add(self, sample: Sample) -> None:
        """No older than those before it."""
        self._samples.append(sample)

    def point(self, at_ms: int, policy_id: str, strength: float) -> None:
        """An alert of a policy, with its strongest signal."""
        self._points.append((at_ms, policy_id, strength))

    def forget(self, before_ms: int) -> None:
        """No plot will show what was before."""
        while self._samples and self._samples[0].at_ms < before_ms:
            self._samples.popleft()
        while self._points and self._points[0][0] < before_ms:
            self._points.popleft()

    def columns(self, policy_id: str, edges_ms: Ints) -> Columns:
        """What is known of a policy in the steps between edges."""
        steps = len(edges_ms) - 1
        rate, phi, close, wide = (np.full(steps, np.nan) for _ in range(4))
        hour = edges_ms[:-1] // HOUR_MS
        for sample in self._samples:
            if policy_id not in sample.figures.ids:
                continue
            own, figures = sample.figures.ids.index(policy_id), sample.figures
            now = hour == (sample.at_ms - 1) // HOUR_MS
            rate[now], phi[now] = figures.expected_per_h[own], figures.phi[own]
            _raise(close if sample.is_close else wide, edges_ms, sample.from_ms, sample.at_ms, figures.peak[own])
        for at_ms, who, strength in self._points:
            if who == policy_id:
                _raise(close, edges_ms, at_ms, at_ms + 1, strength)
        return Columns(_filled(rate), _filled(phi, 1.0), close, np.where(np.isnan(close), wide, np.nan))


def _raise(column: Floats, edges_ms: Ints, from_ms: int, to_ms: int, value: float) -> None:
    """Lift the steps that meet [from, to) to at least a value."""
    first = max(0, int(np.searchsorted(edges_ms, from_ms, side="right")) - 1)
    end = int(np.searchsorted(edges_ms, to_ms, side="left"))
    column[first:end] = np.fmax(column[first:end], value)


def _filled(values: Floats, empty: float = 0.0) -> Floats:
    """Values with each gap filled by what came before it, and the first by what comes next."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return np.full(len(values), empty)
    places = np.maximum(np.searchsorted(known, np.arange(len(values)), side="right") - 1, 0)
    return values[known[places]]
