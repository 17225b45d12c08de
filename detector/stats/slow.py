r"""Is a scope's day too busy for its last two months? The slow twin of `evidence`, for ramps of 1 to 5 % a day.

Every baseline that adapts swallows a ramp slower than its memory. This one looks back six weeks and learns a day only
two weeks after it, so that a ramp is held against what was normal before it and can't feed itself.

Level: discounted gamma-Poisson over days as in `baseline`, :math:`a \leftarrow a f + n`,
:math:`b \leftarrow b f + s_w`, with :math:`f = e^{-1/42}` and :math:`s_w` the factor of weekday `w`, shrunk to 1.
Judged is not its mean :math:`\lambda` but the upper end of what the level may be, the gamma posterior's `CAUTION`
normal deviate (Wilson & Hilferty 1931): :math:`\lambda^+ = \lambda (1 - \frac1{9k} + \frac z{3\sqrt k})^3` of shape
:math:`k = (1 + f) a / \varphi`; the factor :math:`1 + f` because a discounted sum is as exact as that many times its
weight in days. The dispersion judged exceeds its estimate by as many standard errors of :math:`\sqrt{2/\text{days}}`.

Evidence: a day with count `n`, due :math:`\mu = \lambda^+ s_w`, moves ratio :math:`\rho` by

.. math:: R \leftarrow (R + 24) \min(100, e^{\theta n - \psi\mu}), \quad
          \theta = \ln\frac{\rho\varphi}{1 + \rho(\varphi - 1)}, \quad
          \psi = \frac{1}{\varphi - 1}\ln\frac{1 + \rho(\varphi - 1)}{\varphi}

the likelihood ratio of gamma-Poisson counts of mean :math:`\rho\mu` and :math:`\mu` and one shape (Hoehle & Paul
2008), :math:`\varphi` being variance over mean. Its mean is at most 1 while the true level is at most
:math:`\lambda^+`, so the mean of the four `R`, less the hours passed, is a supermartingale, and :math:`R \ge A` comes
by chance once in `A` hours or less often (Shiryaev 1963, Roberts 1966; Shin, Ramdas & Rinaldo 2022, arXiv 2203.03532,
sections 2 and 4). That is exact
for a level and dispersion no larger than those judged. With estimated ones it was measured for lines up to 1,000 years,
and the margin shrinks as the line grows: for longer ones nothing is shown.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.stats import baseline
from detector.stats.evidence import Floats

RATIOS: Final = np.array([1.1, 1.25, 1.5, 2.0])
"""Alternatives bet on. Lower ones would find the platform's own growth, higher ones `evidence` finds in hours."""
LAG_D: Final = 14
"""Days after which a day is learned: a ramp of 1 % a day stands 15 % higher by then, and is found."""
MEMORY_D: Final = 42.0
KNOWN_D: Final = 14.0
"""Days learned before the twin has a voice: it speaks from the 32nd day or so of a scope."""
MEASURED_D: Final = 7.0
"""Days learned before weekdays and dispersion are measured against the level."""
CAUTION: Final = 2.0
"""Standard errors by which the level and the dispersion judged exceed their means: a misjudged one is no evidence."""
WEEKDAY_PRIOR: Final = 20.0
WEEKDAY_MEMORY_W: Final = 12.0
PHI_PRIOR: Final = 2.0
PHI_PRIOR_D: Final = 7.0
PHI_MAX_SAMPLE: Final = 200.0
MOST_A_DAY: Final = 100.0
"""A ramp shows on several days: the largest factor of one. A single wild day is for `evidence` to judge."""
CEILING_H: Final = 1e15
"""Far beyond any line, and near enough for evidence to fall again in days once a rise has ended."""
DAY_H: Final = 24.0

_FADE: Final = float(np.exp(-1.0 / MEMORY_D))
_WEEKDAY_FADE: Final = float(np.exp(-1.0 / WEEKDAY_MEMORY_W))
_POISSON: Final = 1e-9

TWIN: Final = np.dtype(
    [
        ("evidence", "<f8", (len(RATIOS),)),  # hours
        ("a", "<f8"),  # discounted count of the days learned
        ("b", "<f8"),  # and their number, weekdays weighed by their factor
        ("phi_total", "<f8"),
        ("phi_days", "<f8"),
        ("counts", "<f4", (7,)),  # by weekday: counted and expected, for its factor
        ("expected", "<f4", (7,)),
        ("waiting", "<f4", (LAG_D,)),  # counts of the last days, learned when overwritten; NaN: never to be learned
    ]
)
"""State of one scope, 176 bytes."""

Twins = NDArray[np.void]


class Due(NamedTuple):
    """What a day should bring, each of shape (rows,)."""

    level: Floats
    """Mean level per day, weekday apart."""
    season: Floats
    """Factor of the weekday."""
    most: Floats
    """Most that the day's expected count may be, >= the floor."""
    phi: Floats
    """Variance over mean of a day's count, >= 1."""


def blank(rows: int) -> Twins:
    """Twins of scopes of which nothing is known."""
    twins = np.zeros(rows, TWIN)
    twins["waiting"] = np.nan
    return twins


def due(twins: Twins, day: int, floor_per_day: Floats) -> Due:
    """What `day` (any count of days; its remainder by 7 is the weekday) should bring, from days learned before it.

    `floor_per_day`, shape (rows,), > 0: counts below it are not material.
    """
    phi = np.maximum(1.0, _phi(twins))
    phi *= 1.0 + CAUTION * np.sqrt(2.0 / ((1.0 + _FADE) * twins["phi_days"] + PHI_PRIOR_D))
    prior = WEEKDAY_PRIOR * phi[:, None]
    factors = (twins["counts"] + prior) / (twins["expected"] + prior)
    season = factors[:, day % 7] / factors.mean(axis=1)  # of mean 1, or a level could hide in its factors
    total = twins["a"] + floor_per_day
    level = total / (twins["b"] + 1.0)
    shape = (1.0 + _FADE) * total / phi
    spread = np.maximum(0.0, CAUTION / (3.0 * np.sqrt(shape)) - 1.0 / (9.0 * shape))
    most = level * (1.0 + spread) ** 3
    return Due(level, season, np.maximum(most * season, floor_per_day), phi)


def _phi(twins: Twins) -> Floats:
    found: Floats = (twins["phi_total"] + PHI_PRIOR * PHI_PRIOR_D) / (twins["phi_days"] + PHI_PRIOR_D)
    return found


def step(twins: Twins, day: int, count: Floats, floor_per_day: Floats) -> Twins:
    """Twins whose evidence has heard the whole of `day`; nothing is learned.

    `count`: shape (rows,), the day's actions, NaN where the day was not (wholly) seen, which moves nothing. A twin that
    has learned fewer than `KNOWN_D` days has no evidence. Compare with `evidence.strength(twins["evidence"], line_h)`.
    """
    today = due(twins, day, floor_per_day)
    extra = np.maximum(today.phi[:, None] - 1.0, _POISSON)
    gain = np.log(RATIOS * (1.0 + extra) / (1.0 + RATIOS * extra))
    loss = np.log1p((RATIOS - 1.0) * extra / (1.0 + extra)) / extra
    grown = np.exp(np.minimum(gain * count[:, None] - loss * today.most[:, None], np.log(MOST_A_DAY)))
    moved = np.minimum((twins["evidence"] + DAY_H) * grown, CEILING_H)
    heard = twins.copy()
    heard["evidence"] = np.where(np.isnan(count)[:, None], twins["evidence"], moved)
    heard["evidence"][twins["b"] < KNOWN_D] = 0.0
    return heard


def learn(twins: Twins, day: int, count: Floats, floor_per_day: Floats) -> Twins:
    """Twins that have learned the day `LAG_D` before `day`, and keep `day` for later.

    `count`: shape (rows,), NaN where the day is never to be learned: not wholly seen, the breaker not closed, or the
    evidence over its line for less than the longest freeze allowed.
    """
    learned, now = twins.copy(), day % LAG_D
    past = twins["waiting"][:, now].astype(np.float64)
    known, measured = ~np.isnan(past), (twins["b"] >= MEASURED_D) & ~np.isnan(past)
    was = due(twins, day, floor_per_day)
    learned["a"][known] = (twins["a"] * _FADE + past)[known]
    learned["b"][known] = (twins["b"] * _FADE + was.season)[known]
    normal = was.level * was.season
    sample, say = baseline.pearson(past, normal, PHI_MAX_SAMPLE)
    learned["phi_total"][measured] = (twins["phi_total"] * _FADE + sample)[measured]
    learned["phi_days"][measured] = (twins["phi_days"] * _FADE + say)[measured]
    weekday = day % 7
    learned["counts"][measured, weekday] = (twins["counts"][:, weekday] * _WEEKDAY_FADE + past)[measured]
    learned["expected"][measured, weekday] = (twins["expected"][:, weekday] * _WEEKDAY_FADE + was.level)[measured]
    learned["waiting"][:, now] = count
    return learned
