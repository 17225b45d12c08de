r"""What rate is normal for a scope at this hour of the week?

Level: discounted gamma-Poisson, :math:`a \leftarrow a\,e^{-1/\tau} + n`, :math:`b \leftarrow b\,e^{-1/\tau} + s_h` per
learned hour, :math:`\lambda_h = \max(\text{floor}, s_h (a + a_0)/(b + b_0))`: exact for low counts (conjugate
posterior mean; Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.6, with a forgetting factor).

Profile: :math:`s_h = (N_h + k\varphi)/(E_h + k\varphi)`, counts over expected counts of hour-of-week `h`, shrunk to 1
by `k` pseudo-counts, so that a quiet policy keeps a flat profile and a busy one learns its own.

Over-dispersion: :math:`\varphi` = discounted mean of :math:`(n-\mu)^2/\mu` (Pearson), winsorised, at least 1.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.stats.evidence import Floats

HOURS_PER_WEEK: Final = 168
MEMORY_H: Final = 14 * 24.0
"""Two weeks: long enough for a rhythm, short enough to follow a platform that grows."""
TRAINED_H: Final = 24.0
"""Exposure from which a level is trusted enough to freeze learning while evidence is high."""
KNOWN_H: Final = 6.0
"""Exposure from which a level is known well enough to measure dispersion around it."""
WARNED_PER_H: Final = 6.0
"""Rates below this are not worth a warning: a handful of actions in a quiet hour."""
PRIOR_H: Final = 1.0
"""Weight of the floor rate before anything was learned."""
PROFILE_PRIOR: Final = 20.0
PROFILE_MEMORY_WEEKS: Final = 6.0
PHI_PRIOR: Final = 2.0
PHI_PRIOR_H: Final = 24.0
PHI_MAX_SAMPLE: Final = 50.0

_FADE: Final = float(np.exp(-1.0 / MEMORY_H))
_PROFILE_FADE: Final = float(np.exp(-1.0 / PROFILE_MEMORY_WEEKS))

Profiles = NDArray[np.float32]


def hour_of_week(hour: int) -> int:
    """0..167 of an hour number since the epoch; 0 is Thursday 00:00 UTC."""
    return hour % HOURS_PER_WEEK


def seasonal(counts: Profiles, expected: Profiles, phi: Floats) -> Floats:
    """Factor of one hour of the week for each row, mean about 1; both arrays have shape (rows,)."""
    prior = PROFILE_PRIOR * phi
    return (counts + prior) / (expected + prior)


def rate_per_h(a: Floats, b: Floats, season: Floats, floor_per_h: Floats) -> Floats:
    """Expected rate, never below the rate that is material."""
    level = (a + floor_per_h * PRIOR_H) / (b + PRIOR_H)
    return np.maximum(floor_per_h, level * season)


def learn_level(a: Floats, b: Floats, count: Floats, season: Floats) -> tuple[Floats, Floats]:
    """Level after one more learned hour."""
    return a * _FADE + count, b * _FADE + season


def learn_profile(counts: Profiles, expected: Profiles, count: Floats, level: Floats) -> tuple[Profiles, Profiles]:
    """Profile of one hour of the week after one more such hour with `count` events where `level` is the flat rate."""
    return (counts * _PROFILE_FADE + count).astype(np.float32), (expected * _PROFILE_FADE + level).astype(np.float32)


def phi(total: Floats, hours: Floats) -> Floats:
    """Variance over mean, at least 1, drawn to a cautious 2 while few hours are known."""
    return np.maximum(1.0, (total + PHI_PRIOR * PHI_PRIOR_H) / (hours + PHI_PRIOR_H))


def learn_phi(total: Floats, hours: Floats, count: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """Dispersion sums after one more hour with `count` where `expected` (> 0) were due."""
    sample = np.minimum((count - expected) ** 2 / np.maximum(expected, 1.0), PHI_MAX_SAMPLE)
    return total * _FADE + sample, hours * _FADE + 1.0
