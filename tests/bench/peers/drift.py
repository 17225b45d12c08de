"""river's drift detectors on counts in steps of five minutes, fed as their documentation feeds them."""

from __future__ import annotations

import numpy as np
from river import drift

from tests.bench.peers.series import Ints, Peer, Series, counted
from tests.bench.peers.thresholds import STEP_MS


def adwin_steps(count: Ints, delta: float) -> Ints:
    """Steps at which the window was cut and its mean had risen: ADWIN itself is two-sided."""
    detector, before, found = drift.ADWIN(delta=delta), 0.0, list[int]()
    for step, number in enumerate(count.tolist()):
        before = detector.estimation
        detector.update(number)
        if detector.drift_detected and detector.estimation > before:
            found.append(step)
    return np.array(found, np.int64)


def page_hinkley_steps(count: Ints, threshold: float) -> Ints:
    """Steps at which the summed excess over the running mean passed `threshold`."""
    detector, found = drift.PageHinkley(threshold=threshold, mode="up"), list[int]()
    for step, number in enumerate(count.tolist()):
        detector.update(number)
        if detector.drift_detected:
            found.append(step)
    return np.array(found, np.int64)


def adwin(delta: float = 0.002) -> Peer:
    """With river's default confidence, if no other is given."""

    def trips(series: Series) -> Ints:
        counts = counted(series, STEP_MS)
        return counts.ends_ms(adwin_steps(counts.count, delta))

    return trips


def page_hinkley(threshold: float = 50.0) -> Peer:
    """With river's default threshold, if no other is given."""

    def trips(series: Series) -> Ints:
        counts = counted(series, STEP_MS)
        return counts.ends_ms(page_hinkley_steps(counts.count, threshold))

    return trips
