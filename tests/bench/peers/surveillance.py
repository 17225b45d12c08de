"""EARS and the Bayesian thresholds of infection surveillance, on weekly counts, as R's package surveillance has them.

EARS C1, C2, C3: Hutwagner et al. 2003. Bayes 1 to 3: Riebler 2004, `algo.bayes`: the quantile of a gamma-Poisson
predictive distribution with prior Gamma(1/2, 0).
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import stats

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
BASE = 7
Z, Z3 = stats.norm.isf(0.001), stats.norm.isf(0.025)
WEEKS_A_YEAR = 52


def _normal(counts: Ints, first: int, lag: int) -> tuple[Floats, Floats]:
    """Mean and deviation of the seven weeks that end `lag` weeks before each week from `first` on."""
    base = sliding_window_view(counts, BASE, axis=1)[:, first - lag - BASE + 1 : counts.shape[1] - lag - BASE + 1]
    return base.mean(axis=2), base.std(axis=2, ddof=1)


def ears_c1(counts: Ints, first: int) -> Flags:
    mean, deviation = _normal(counts, first, 1)
    return counts[:, first:] > mean + Z * deviation


def ears_c2(counts: Ints, first: int) -> Flags:
    mean, deviation = _normal(counts, first, 3)
    return counts[:, first:] > mean + Z * deviation


def ears_c3(counts: Ints, first: int) -> Flags:
    """What this week and the two before it had above one deviation, together; endless where the deviation is 0."""
    mean, deviation = _normal(counts, first - 2, 3)
    above = counts[:, first - 2 :] - mean
    score = np.divide(above, deviation, out=np.where(above > 0, np.inf, 0.0), where=deviation > 0)
    over = np.maximum(0.0, score - 1.0)
    return over[:, 2:] + over[:, 1:-1] + over[:, :-2] > Z3


def bayes(counts: Ints, first: int, *, recent: int, years: int, half_window: int, alpha: float = 0.05) -> Flags:
    """Counts beyond the predictive quantile from the `recent` weeks and those around the same week of past `years`."""
    lags = [*range(1, recent + 1)]
    lags += [year * WEEKS_A_YEAR + i for year in range(1, years + 1) for i in range(-half_window, half_window + 1)]
    weeks = np.arange(first, counts.shape[1])
    total = sum(counts[:, weeks - lag] for lag in lags)
    return counts[:, first:] > stats.nbinom.ppf(1 - alpha, total + 0.5, len(lags) / (len(lags) + 1))
