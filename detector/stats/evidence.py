r"""Is a count stream running faster than its baseline? A mixture Shiryaev-Roberts e-detector, in event-time buckets.

For a ratio :math:`\rho_k`, a bucket of exposure :math:`d` with count :math:`n` and expected rate :math:`\lambda`:

.. math:: R_k \leftarrow (R_k + d)\, e^{\theta_k n - \psi_k \lambda d}

The factor is the likelihood ratio of a gamma-Poisson (negative binomial) process whose variance is :math:`\varphi`
times its mean, at :math:`\rho_k \lambda` against :math:`\lambda`:

.. math:: \theta_k = \ln\frac{\rho_k\varphi}{1 + \rho_k(\varphi - 1)}, \qquad
          \psi_k = \frac{1}{\varphi - 1}\ln\frac{1 + \rho_k(\varphi - 1)}{\varphi}

and for :math:`\varphi \to 1` that of a Poisson process, :math:`\theta_k = \ln\rho_k`, :math:`\psi_k = \rho_k - 1`. Its
mean is 1 at the baseline and below 1 for any smaller dispersion (Poisson clusters of a fixed size up to
:math:`\varphi` included), so :math:`R = \sum_k w_k R_k` with weights of sum 1, minus elapsed time, is a
(super)martingale, and alarming at :math:`R \ge A` has a mean time between false alarms of at least :math:`A`, in the
unit of :math:`d` (hours here), with nothing to calibrate.

It is kept with room to spare, because an alarm overshoots its line: for a long one, bet `k` alarms not :math:`1/A` but
:math:`\gamma_k / A` times an hour, :math:`\gamma_k` being the mean of :math:`e^{-\text{overshoot}}` where the bet is
right. So each hour of exposure counts :math:`1/\gamma_k` times, and the mean time is `A` again. Without buckets,
evidence jumps up and glides down, and by Cramer and Lundberg :math:`\gamma` is the information of an expected event
before a step over that after it, :math:`I_0/I_1 = (\psi - \theta) / (\rho\theta - \psi)`: see `gamma`. What a bucket
holds is heard at once, and overshoots further: see `_worth`. This part is an approximation, whose mean time
`tests/bench/steps.py` measures for lines from 1e3 events on.

Sources: Shiryaev (1963), Roberts (1966); the mixture and its guarantee: Shin, Ramdas & Rinaldo (2022), "E-detectors",
arXiv 2203.03532, sections 2 and 4. Overshoot: Siegmund (1985), "Sequential Analysis", chapter 8; Cramer-Lundberg
approximation: Asmussen & Albrecher (2010), "Ruin Probabilities", chapter IV.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RATIOS: Final = np.array([1.25, 1.6, 2.2, 3.5, 6.0, 12.0, 30.0, 100.0])
"""Alternatives that the mixture bets on; between two of them the loss in delay is below 5 %."""

WEIGHTS: Final = np.array([0.32, 0.17, 0.12, 0.10, 0.08, 0.07, 0.06, 0.08])
"""Shares of the bet. A small one costs `-ln w` of evidence, and at the lowest ratio the least is needed: some 5 to 8
there, 16 at the highest, `ln(A I0)` at lines of 1e5 events."""
FINITE: Final = 0.05
"""Added to `gamma`, since long jumps overshoot a finite line by less than one far away: false trips came up to 1.2
times as often as configured without it (dispersion 2 to 20, lines of 1e3 and 1e4 events), as the top bets' did."""

_FURTHER: Final = np.minimum(0.5, 1.0 - (RATIOS - 1.0) / (RATIOS * np.log(RATIOS)))
"""Mean undershoot of zero in an ordinary bucket, over what the bucket costs if it is empty: see `_worth`."""
_POISSON: Final = 1e-12
"""Dispersion beyond 1 below which the limit is taken."""
_MOST: Final = 69.0
"""Largest exponent of one bucket: e^69 is far beyond any trip line, and far from overflow."""


def moves(
    count: Floats, empty: Floats, rate_per_h: Floats, phi: Floats, width_h: float, row: Ints | None = None
) -> tuple[Floats, Floats]:
    """What `empty` buckets without events and then one with `count` do to evidence `R`: it becomes `factor R + offset`.

    Gives both, of shape (rows, 8). They don't depend on the evidence, so they can be had for many buckets at once.

    Args:
        count: shape (rows,), events in the bucket; a partial count gives a lower bound.
        empty: shape (rows,), buckets before it since the evidence was last moved, >= 0.
        rate_per_h: shape (rows,), expected rate, > 0.
        phi: shape (rows,), variance over mean, >= 1.
        width_h: exposure of the whole bucket, hours.
        row: where the first three have an entry per bucket and `phi` one per scope: the scope of each entry.
    """
    gain, loss = bets(phi)
    near = gamma(gain, loss)
    if row is not None:
        gain, loss, near = (each.take(row, axis=0) for each in (gain, loss, near))
    drift = loss * (rate_per_h * width_h)[:, None]
    factor, offset = _rest(drift, empty, width_h)
    grown = gain * count[:, None]
    grown -= drift
    np.exp(np.minimum(grown, _MOST, out=grown), out=grown)
    factor *= grown
    offset += width_h
    offset *= _worth(near, drift)
    offset *= grown
    return factor, offset


def idle(evidence: Floats, buckets: Floats, rate_per_h: Floats, phi: Floats, width_h: float) -> Floats:
    """Evidence after `buckets` (shape (rows,), >= 0) empty buckets, in closed form."""
    gain, loss = bets(phi)
    drift = loss * (rate_per_h * width_h)[:, None]
    kept, added = _rest(drift, buckets, width_h)
    rested: Floats = evidence * kept + added * _worth(gamma(gain, loss), drift)
    return rested


def bets(phi: Floats) -> tuple[Floats, Floats]:
    """What each event gains and each expected event costs, `theta` and `psi` above, shape (rows, 8), for `phi` >= 1."""
    extra = np.maximum(phi[:, None] - 1.0, _POISSON)
    gain: Floats = np.log(RATIOS * (1.0 + extra) / (1.0 + RATIOS * extra))
    loss: Floats = np.log1p((RATIOS - 1.0) * extra / (1.0 + extra)) / extra
    return gain, loss


def gamma(gain: Floats, loss: Floats) -> Floats:
    """Mean of `e^-overshoot` of each of these bets where it is right, watched without buckets: shape (rows, 8)."""
    found = loss - gain
    found /= RATIOS * gain - loss
    found += FINITE
    return found


def _worth(near: Floats, drift: Floats) -> Floats:
    r"""How many times an hour of exposure counts, `1 / gamma` in buckets: shape (rows, 8).

    A walk and its mirror image, which takes before for after, have :math:`\gamma / \gamma' = I_0 / I_1` (Siegmund).
    The mirror image goes up by :math:`\psi` for each expected event, and overshoots by half of it where buckets are
    mostly empty, by about :math:`I_0 = \psi - \theta` where none is: `_FURTHER` is the lesser for large dispersion,
    where it is least. So :math:`1/\gamma' \approx 1 + \min(\psi/2, I_0)\,\lambda d`; simulations give more, or up to
    10 % less.

    Args:
        near: `gamma` of each bet.
        drift: what a bucket without events costs it, `psi` times the events expected in a bucket.
    """
    worth: Floats = drift * _FURTHER
    worth += 1.0
    worth /= near
    return worth


def bound(
    evidence: Floats, gain: Floats, loss: Floats, rate_per_h: Floats, width_h: float, hours: float
) -> tuple[Floats, Floats]:
    r"""`B` and `D`: :math:`B e^{\theta n - D}` is the most that `n` more events, some in later buckets, bring a bet to.

    All come within `hours`. Every bucket costs `D` if it is empty, that of the last event included, so no more is added
    to `evidence` than a geometric series. Both of shape (rows, 8).
    """
    drift = loss * (rate_per_h * width_h)[:, None]
    added = np.minimum(hours, width_h / -np.expm1(-drift)) * _worth(gamma(gain, loss), drift)
    return evidence + added, drift


def _rest(drift: Floats, buckets: Floats, width_h: float) -> tuple[Floats, Floats]:
    """What is kept of evidence over empty buckets, and what they add: most buckets follow one another."""
    kept, added = np.ones_like(drift), np.zeros_like(drift)
    some = buckets > 0
    if some.any():
        fall = drift[some]
        kept[some] = left = np.exp(-fall * buckets[some, None])
        added[some] = width_h * np.exp(-fall) * (1.0 - left) / -np.expm1(-fall)
    return kept, added


def strength(evidence: Floats, line_h: Floats) -> Floats:
    """Evidence over the line at which it speaks: shape (rows,), 1 and above speaks."""
    return level_h(evidence) / line_h


def level_h(evidence: Floats) -> Floats:
    """All bets together, hours, to be held against a line: shape (rows,).

    A sum of each row: the last bits of a matrix product depend on which rows are multiplied together, and it is stored.
    """
    found: Floats = (evidence * WEIGHTS).sum(axis=1)
    return found


def line_h(false_alarms_per_year: float, weight: float) -> float:
    """Line (hours) that spends `weight` (0..1) of a yearly budget of false alarms; budgets of scopes add up."""
    return 365.25 * 24.0 / (false_alarms_per_year * weight)
