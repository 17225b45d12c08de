r"""What count is due in a series with trend and season? A robust log-linear regression of many series at once.

.. math:: \log\mu_t = \beta_0 + \beta_1 t + \sum_{j=1}^2 \alpha_j \cos 2\pi j t + \gamma_j \sin 2\pi j t,
          \qquad \mathrm{Var} = \varphi\mu

with `t` in years: the seasonal Poisson regression of Serfling (1963) and Farrington et al. (1996) on all history, its
season held by a normal prior instead of chosen. Fitted by iteratively reweighted least squares (McCullagh & Nelder
1989, section 2.5). Periods of past outbreaks weigh as the inverse square of their Anscombe residual where that exceeds
2.58 (Farrington et al. 1996; Noufaily et al. 2013, doi 10.1002/sim.5595).

Each later period is one Newton step on the posterior (the extended Kalman filter of a regression; West, Harrison &
Migon 1985), `O(1)` a period: nothing is refitted and no history kept. The dispersion of a forecast includes what is not
known of the coefficients, :math:`\varphi (1 + \mu x^T C x)`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from detector.stats.evidence import Floats

HARMONICS: Final = 2
WIDTH: Final = 2 + 2 * HARMONICS
TREND_SD: Final = 0.3
"""Prior: a series grows or falls by a third a year or less, mostly."""
SEASON_SD: Final = 0.5
"""Prior of each seasonal coefficient: a wave of 1.6 times up and down is nothing special."""
OUTLYING: Final = 2.58
STEPS, ROBUST_STEPS = 6, 3
_LEVEL_SD: Final = 10.0
_BLOCK: Final = 32
"""Series fitted at a time: what fits into a core's cache, and is too little for BLAS to call other cores for."""
_PAIRS: Final = np.triu_indices(WIDTH)
_FULL: Final = np.zeros((WIDTH, WIDTH), np.int64)
_FULL[_PAIRS] = _FULL.T[_PAIRS] = np.arange(len(_PAIRS[0]))
_PRECISION: Final = np.array([_LEVEL_SD, TREND_SD] + [SEASON_SD] * (WIDTH - 2)) ** -2.0


class Model(NamedTuple):
    """What is known of each series, 6 + 36 + 2 numbers a row."""

    coefficients: Floats
    """Shape (rows, 6)."""
    covariance: Floats
    """Of the coefficients over `phi`, shape (rows, 6, 6)."""
    squares: Floats
    """Weighted sum of squared Pearson residuals, shape (rows,)."""
    freedom: Floats
    """And their weights less the coefficients fitted, shape (rows,)."""

    @property
    def phi(self) -> Floats:
        """Variance over mean, at least 1, shape (rows,). Weighing outliers down makes it up to 15 % too small."""
        found: Floats = np.maximum(1.0, self.squares / self.freedom)
        return found


class Forecast(NamedTuple):
    """Of one period, each of shape (rows,): expected count, and variance over mean of what may come."""

    mean: Floats
    phi: Floats


def design(period: Floats, periods_a_year: float) -> Floats:
    """Rows of the regression for period numbers of any shape; the trend counts years from period 0."""
    turn = 2.0 * np.pi * np.asarray(period, float) / periods_a_year
    waves = [wave(j * turn) for j in range(1, HARMONICS + 1) for wave in (np.cos, np.sin)]
    return np.stack([np.ones_like(turn), turn / (2.0 * np.pi), *waves], axis=-1)


def fit(counts: Floats, periods: Floats, periods_a_year: float) -> Model:
    """Models from history: `counts` of shape (rows, n), made in `periods` of shape (n,), n well above 6.

    Number periods so that 0 lies in or near the history (its end, say): the prior holds the trend, not the level there.
    """
    x = design(periods, periods_a_year)
    blocks = [_fit(counts[i : i + _BLOCK].astype(float), x) for i in range(0, len(counts), _BLOCK)]
    return Model(*(np.concatenate(each) for each in zip(*blocks, strict=True)))


def _fit(y: Floats, x: Floats) -> Model:
    start = np.zeros((len(y), WIDTH))
    start[:, 0] = np.log(y.mean(axis=1) + 0.5 / y.shape[1])
    beta, _ = _newton(y, x, np.ones_like(y), start, start, STEPS)
    mean = np.exp(beta @ x.T)
    phi = np.maximum(1.0, ((y - mean) ** 2 / mean).sum(axis=1) / (y.shape[1] - WIDTH))
    weight = outlier_weight(y, mean, phi[:, None])
    beta, information = _newton(y, x, weight, start, beta, ROBUST_STEPS)
    mean = np.exp(beta @ x.T)
    squares = (weight * (y - mean) ** 2 / mean).sum(axis=1)
    covariance = np.linalg.inv(information).astype(np.float64, copy=False)
    return Model(beta, covariance, squares, weight.sum(axis=1) - WIDTH)


def _newton(y: Floats, x: Floats, weight: Floats, centre: Floats, beta: Floats, steps: int) -> tuple[Floats, Floats]:
    """Coefficients after `steps` steps, and the information (rows, 6, 6) of the last."""
    products = x[:, _PAIRS[0]] * x[:, _PAIRS[1]]
    information = np.zeros((len(y), WIDTH, WIDTH))
    for _ in range(steps):
        mean = np.exp(np.clip(beta @ x.T, -20.0, 20.0))
        information = ((weight * mean) @ products)[:, _FULL] + np.diag(_PRECISION)
        slope = (weight * (y - mean)) @ x - _PRECISION * (beta - centre)
        beta = beta + np.clip(np.linalg.solve(information, slope[:, :, None])[:, :, 0], -2.0, 2.0)
    return beta, information


def outlier_weight(count: Floats, mean: Floats, phi: Floats) -> Floats:
    """1 for ordinary counts, the inverse square of the Anscombe residual for those beyond 2.58."""
    residual = 1.5 * (np.cbrt(count) ** 2 * mean ** (-1 / 6) - np.sqrt(mean)) / np.sqrt(phi)
    weight: Floats = np.where(residual > OUTLYING, np.maximum(residual, OUTLYING) ** -2.0, 1.0)
    return weight


def forecast(model: Model, period: float, periods_a_year: float) -> Forecast:
    """What is due in `period`, for every series."""
    x = design(np.array(period), periods_a_year)
    mean = np.exp(model.coefficients @ x)
    unknown = mean * (model.covariance @ x @ x)
    return Forecast(mean, model.phi * (1.0 + unknown))


def update(model: Model, period: float, count: Floats, periods_a_year: float) -> Model:
    """Models that know `count` of `period` too, shape (rows,). Call it late to keep a guard lag; order is free."""
    x = design(np.array(period), periods_a_year)
    mean = np.exp(model.coefficients @ x)
    weight = outlier_weight(count, mean, model.phi)
    reach = model.covariance @ x
    gain = weight / (1.0 + weight * mean * (reach @ x))
    return Model(
        model.coefficients + reach * (gain * (count - mean))[:, None],
        model.covariance - (gain * mean)[:, None, None] * reach[:, :, None] * reach[:, None, :],
        model.squares + weight * (count - mean) ** 2 / mean,
        model.freedom + weight,
    )
