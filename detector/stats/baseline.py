r"""What rate is normal for a scope at this hour of the week?

Level: discounted gamma-Poisson, :math:`a \leftarrow a\,e^{-1/\tau} + n`, :math:`b \leftarrow b\,e^{-1/\tau} + s_h` per
learned hour, :math:`\lambda_h = \max(\text{floor}, s_h (a + a_0)/(b + b_0))`: exact for low counts (conjugate
posterior mean; Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.6, with a forgetting factor).

Profile: counts over expected counts, `N/E`, each shrunk to what is known with less data by pseudo-counts (a hierarchy
of conjugate posterior means; Gelman et al., section 5): the hour of the week, :math:`s_h = (N_h + 20\varphi d_h)/(E_h
+ 20\varphi)`, to that hour of any day, :math:`d_h = (N_d + 10\varphi q_h)/(E_d + 10\varphi)`, and that to the pool of
all policies, :math:`q_h`. So a rhythm is known after days, a quiet policy has the others', and a busy one its own.

Over-dispersion: :math:`\varphi` = discounted mean of :math:`(n-\mu)^2/\mu` (Pearson; McCullagh & Nelder (1989),
Generalized Linear Models, section 4.5), winsorised, at least 1. :math:`\mu` is what is expected, be it material or
not. An hour in which less than one action is due has only that part of a say: a mean of such ratios would be shaken by
single actions.
"""

from __future__ import annotations

from typing import Final, NamedTuple

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
DAY_PRIOR: Final = 10.0
"""Pseudo-counts per unit of dispersion: hours of a week differ from that hour of any day less than that from flat."""
POOL_PRIOR: Final = 200.0
POOL_MOST: Final = 200.0
"""Pseudo-counts of the pool, and the expected actions beyond which a policy has no more say in it."""
DAY_H: Final = 24
PROFILE_MEMORY_WEEKS: Final = 6.0
PHI_PRIOR: Final = 2.0
PHI_PRIOR_H: Final = 24.0
"""Hours, or expected actions of a scope with less than one an hour, that a cautious `PHI_PRIOR` weighs."""
PHI_MAX_SAMPLE: Final = 50.0

_FADE: Final = float(np.exp(-1.0 / MEMORY_H))
_PROFILE_FADE: Final = float(np.exp(-1.0 / PROFILE_MEMORY_WEEKS))

Profiles = NDArray[np.float32]


def hour_of_week(hour: int) -> int:
    """0..167 of an hour number since the epoch; 0 is Thursday 00:00 UTC."""
    return hour % HOURS_PER_WEEK


class Counted(NamedTuple):
    """Actions, and how many were expected without a profile, in some hours of the week; both of shape (rows,)."""

    counts: Floats
    expected: Floats


def scale(counts: Profiles, expected: Profiles) -> Floats:
    """By how much more came than was expected in all, shape (rows,), from profiles of shape (rows, 168).

    A level that is learned late is no rhythm: `counted` takes this out.
    """
    total, due = (np.sum(each, axis=1, dtype=np.float64) for each in (counts, expected))
    return np.divide(total, due, out=np.ones_like(total), where=(total > 0) & (due > 0))


def counted(counts: Profiles, expected: Profiles, scaled: Floats, hour: int) -> tuple[Counted, Counted]:
    """An hour (since the epoch) of the week, and of any day, from profiles of shape (rows, 168) and their `scale`."""
    week, day = slice(hour_of_week(hour), hour_of_week(hour) + 1), slice(hour % DAY_H, None, DAY_H)
    found = (
        Counted(counts[:, at].sum(axis=1, dtype=np.float64), expected[:, at].sum(axis=1, dtype=np.float64) * scaled)
        for at in (week, day)
    )
    return next(found), next(found)


def seasonal(week: Counted, day: Counted, pooled: Floats, phi: Floats) -> Floats:
    """Factor of an hour for each row, mean about 1. `pooled`: that of all policies, 0 where it is not known."""
    prior = DAY_PRIOR * phi
    any_day = (day.counts + prior * np.where(pooled > 0, pooled, 1.0)) / (day.expected + prior)
    prior = PROFILE_PRIOR * phi
    return (week.counts + prior * any_day) / (week.expected + prior)


def pool(counts: Profiles, expected: Profiles) -> float:
    """Factor of an hour over all policies, shape (policies,), each of them with a limited say; whatever their order."""
    say = 1.0 / np.maximum(1.0, expected.astype(np.float64) / POOL_MOST)
    came, due = (float(np.sort(say * each).sum()) + POOL_PRIOR for each in (counts, expected))
    return came / due


def due_per_h(a: Floats, b: Floats, season: Floats, floor_per_h: Floats) -> Floats:
    """Expected rate; that which is material before anything was learned."""
    due: Floats = (a + floor_per_h * PRIOR_H) / (b + PRIOR_H) * season
    return due


def rate_per_h(a: Floats, b: Floats, season: Floats, floor_per_h: Floats) -> Floats:
    """Rate to be judged by: the expected one, never below the one that is material."""
    return np.maximum(floor_per_h, due_per_h(a, b, season, floor_per_h))


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
    sample, say = pearson(count, expected, PHI_MAX_SAMPLE)
    return total * _FADE + sample, hours * _FADE + say


def pearson(count: Floats, expected: Floats, most: float) -> tuple[Floats, Floats]:
    """A sample of the dispersion, at most `most`, and its say: both of them smaller where less than one is expected."""
    return np.minimum((count - expected) ** 2 / np.maximum(expected, 1.0), most), np.minimum(expected, 1.0)
