"""Farrington flexible: the count model of national infection surveillance, for many series at once.

Noufaily et al. 2013 (Statistics in Medicine 32:1206, doi 10.1002/sim.5595), as the R package surveillance has it in
`farringtonFlexible`: a quasi-Poisson regression on the same weeks of past years and on blocks of the weeks between,
past outbreaks weighted down by their Anscombe residuals, the limit a quantile of the negative binomial with the fitted
mean and dispersion. Because the design is [one intercept a level, trend], the normal equations are an arrow matrix and
have a closed solution: the fits of all points are done together, in sums over levels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

OUTLYING = 2.58
"""Anscombe residual from which a reference week is weighted down."""
FEWEST_CASES, IN_WEEKS = 5, 4
"""No alarm with fewer cases than this in these last points (`limit54`)."""
TOLERANCE, MOST_STEPS = 1e-8, 25
"""Of iteratively reweighted least squares, as in R's glm."""
SMALLEST_MEAN = 1e-10
MOST_ETA = 30.0
"""Logarithms of means are kept within this: a level without any case has none."""
BATCH = 4096


class Design(NamedTuple):
    """Which past points a point is judged by. The defaults are those of Noufaily's evaluation.

    `period`: points in a year. `years`: how many back. `half_window`: points on either side of the same point of a past
    year that share its level. `levels`: that one and equal blocks of the rest of the year. `skipped`: youngest points
    left out. `trend_p`: highest p-value of a trend that is kept.
    """

    period: int = 52
    years: int = 5
    half_window: int = 3
    levels: int = 10
    skipped: int = 26
    trend_p: float = 1.0

    @property
    def reach(self) -> int:
        """How far back the oldest reference point lies."""
        return self.period * self.years + self.half_window

    def reference(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Lags of the reference points, oldest first, and their levels; level 0 is that of the judged point."""
        width = 2 * self.half_window + 1
        sizes = [len(part) for part in np.array_split(np.arange(self.period - width), self.levels - 1)]
        year = np.concatenate([np.zeros(width, np.int64), np.repeat(np.arange(1, self.levels), sizes)])
        lags = np.arange(self.reach, 0, -1)
        levels = np.tile(year, self.years + 1)[: len(lags)]
        kept = lags > self.skipped
        return lags[kept], levels[kept]


class Judged(NamedTuple):
    """One row a series, one column a judged point.

    `mean` expected count; `phi` dispersion, variance over mean, at least 1; `p`: chance of a count as high as this one
    or higher; `quiet`: too few cases for an alarm.
    """

    mean: Floats
    phi: Floats
    p: Floats
    quiet: NDArray[np.bool_]

    def alarms(self, alpha: float, *, with_quiet: bool = False) -> NDArray[np.bool_]:
        """Counts beyond the 1 - `alpha` quantile; where too few cases are no alarm, unless `with_quiet`."""
        return (self.p <= alpha) & (with_quiet | ~self.quiet)


def judge(counts: NDArray[np.int64], first: int, design: Design | None = None) -> Judged:
    """Every point from index `first` on of each row of `counts`, by the points before it.

    Raises ValueError when the first point has too little history.
    """
    design = design or Design()
    points = np.arange(first, counts.shape[1])
    series, at = (each.ravel() for each in np.meshgrid(np.arange(len(counts)), points, indexing="ij"))
    found = judge_at(counts, series, at, design)
    shape = len(counts), len(points)
    return Judged(*(each.reshape(shape) for each in found))


def judge_at(
    counts: NDArray[np.int64], series: NDArray[np.int64], at: NDArray[np.int64], design: Design | None = None
) -> Judged:
    """The points (`series[i]`, `at[i]`) of `counts`, as flat arrays. Raises ValueError on too little history."""
    design = design or Design()
    if len(at) and at.min() < design.reach:
        raise ValueError(f"point {at.min()} has too little history: give at least {design.reach} points before it")
    lags, levels = design.reference()
    member = np.eye(design.levels)[levels]
    parts = [
        _predict(
            counts[series[i : i + BATCH, None], at[i : i + BATCH, None] - lags], -lags.astype(float), member, design
        )
        for i in range(0, len(at), BATCH)
    ]
    mean, phi = (np.concatenate(each) for each in zip(*parts, strict=True)) if parts else (np.zeros(0), np.zeros(0))
    recent = sum(counts[series, at - lag] for lag in range(IN_WEEKS))
    return Judged(mean, phi, tail(counts[series, at], mean, phi), recent < FEWEST_CASES)


def tail(count: NDArray[np.int64], mean: Floats, phi: Floats) -> Floats:
    """P(X >= count) of a negative binomial of this mean and variance `phi * mean`; Poisson where `phi` is 1."""
    over = np.maximum(phi, 1 + 1e-9)
    negative_binomial = stats.nbinom.sf(count - 1, mean / (over - 1), 1 / over)
    return np.where(phi > 1 + 1e-9, negative_binomial, stats.poisson.sf(count - 1, mean))


class _Fit(NamedTuple):
    """Level intercepts (N, levels), slopes (N,), fitted means (N, n), leverages (N, n), variance of the slope."""

    level: Floats
    slope: Floats
    mean: Floats
    leverage: Floats
    slope_variance: Floats

    def dispersion(self, y: Floats, weight: Floats, parameters: int) -> Floats:
        pearson = (weight * (y - self.mean) ** 2 / np.maximum(self.mean, SMALLEST_MEAN)).sum(axis=1)
        return np.maximum(1.0, pearson / (y.shape[1] - parameters))


def _predict(reference: NDArray[np.int64], time: Floats, member: Floats, design: Design) -> tuple[Floats, Floats]:
    """Mean and dispersion at time 0 in level 0. A trend that extrapolates beyond all history is left out."""
    y, levels = reference.astype(float), member.shape[1]
    fit, phi = _robust(y, time, member, with_trend=True)
    mean = np.exp(np.clip(fit.level[:, 0], -MOST_ETA, MOST_ETA))
    z = np.abs(fit.slope) / np.sqrt(np.maximum(phi * fit.slope_variance, 1e-300))
    p = 2 * stats.t.sf(z, y.shape[1] - levels - 1)
    without = np.flatnonzero((p >= design.trend_p) & (design.trend_p < 1) | (mean > y.max(axis=1)) | (design.years < 3))
    if len(without):
        flat, phi[without] = _robust(y[without], time, member, with_trend=False)
        mean[without] = np.exp(np.clip(flat.level[:, 0], -MOST_ETA, MOST_ETA))
    return mean, phi


def _robust(y: Floats, time: Floats, member: Floats, *, with_trend: bool) -> tuple[_Fit, Floats]:
    """Fit, weight outlying points down by their Anscombe residual, fit once more."""
    parameters = member.shape[1] + with_trend
    plain = np.ones_like(y)
    fit = _fit(y, plain, time, member, with_trend=with_trend)
    phi = fit.dispersion(y, plain, parameters)
    mu = np.maximum(fit.mean, SMALLEST_MEAN)
    residual = 1.5 * (y ** (2 / 3) * mu ** (-1 / 6) - np.sqrt(mu))
    residual /= np.sqrt(phi[:, None] * np.maximum(1 - fit.leverage, 1e-10))
    raw = np.where(residual > OUTLYING, np.maximum(residual, OUTLYING) ** -2, 1.0)
    weight = raw * (y.shape[1] / raw.sum(axis=1, keepdims=True))
    fit = _fit(y, weight, time, member, with_trend=with_trend)
    return fit, fit.dispersion(y, weight, parameters)


def _fit(y: Floats, weight: Floats, time: Floats, member: Floats, *, with_trend: bool) -> _Fit:
    """Weighted Poisson regression of each row of `y` (N, n), by iteratively reweighted least squares.

    A row is left alone once its deviance has settled, as R's glm would leave it.
    """
    eta = np.log(y + 0.1)
    level, slope = np.zeros((len(y), member.shape[1])), np.zeros(len(y))
    deviance, active = np.full(len(y), np.inf), np.arange(len(y))
    for _ in range(MOST_STEPS):
        mu = np.exp(eta[active])
        solved = _solve(weight[active] * mu, eta[active] + (y[active] - mu) / mu, time, member, with_trend=with_trend)
        level[active], slope[active] = solved
        eta[active] = np.clip(solved[0] @ member.T + solved[1][:, None] * time, -MOST_ETA, MOST_ETA)
        now = _deviance(y[active], eta[active], weight[active])
        with np.errstate(invalid="ignore"):
            settled = np.abs(now - deviance[active]) < TOLERANCE * (np.abs(now) + 0.1)
        deviance[active] = now
        active = active[~settled]
        if not len(active):
            break
    mean = np.exp(eta)
    w = weight * mean
    at_level, centre, spread = _spread(w, time, member)
    leverage = w / (at_level @ member.T)
    if with_trend:
        leverage += w * (time - centre @ member.T) ** 2 / spread[:, None]
    return _Fit(level, slope, mean, leverage, 1 / spread)


def _solve(w: Floats, z: Floats, time: Floats, member: Floats, *, with_trend: bool) -> tuple[Floats, Floats]:
    """Least squares of `z` with weights `w` on level intercepts and a slope: the slope by the Schur complement."""
    at_level, centre, spread = _spread(w, time, member)
    average = (w * z) @ member / at_level
    slope = np.zeros(len(w))
    if with_trend:
        slope = ((w * (time - centre @ member.T)) * z).sum(axis=1) / spread
    return average - slope[:, None] * centre, slope


def _spread(w: Floats, time: Floats, member: Floats) -> tuple[Floats, Floats, Floats]:
    """Per level the weight and the mean time; and the weighted square of times about their level's mean."""
    at_level = w @ member
    centre = (w * time) @ member / at_level
    return at_level, centre, (w * (time - centre @ member.T) ** 2).sum(axis=1)


def _deviance(y: Floats, eta: Floats, weight: Floats) -> Floats:
    ratio = np.where(y > 0, y * (np.log(np.maximum(y, 1e-300)) - eta), 0.0)
    return 2 * (weight * (ratio - y + np.exp(eta))).sum(axis=1)
