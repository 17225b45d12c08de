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
unit of :math:`d` (hours here), with nothing to calibrate. That is kept with room to spare, because an alarm overshoots
its line. So :math:`cR \ge A` is asked, with `OVERSHOOT` for :math:`c`; `tests/bench/steps.py` measures the mean time.

Sources: Shiryaev (1963), Roberts (1966); the mixture and its guarantee: Shin, Ramdas & Rinaldo (2022), "E-detectors",
arXiv 2203.03532, sections 2 and 4.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RATIOS: Final = np.array([1.25, 1.6, 2.2, 3.5, 6.0, 12.0, 30.0, 100.0])
"""Alternatives that the mixture bets on; between two of them the loss in delay is below 5 %."""

WEIGHTS: Final = np.array([0.23, 0.17, 0.14, 0.12, 0.10, 0.09, 0.08, 0.07])
"""Shares of the bet. A small one costs `-ln w` of evidence, which matters most where each event brings little."""
OVERSHOOT: Final = 1.35
"""By at least so much alarms are rarer than a line says that is not lowered by it: dispersion 1 to 20, 1e3 events."""

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
    if row is not None:
        gain, loss = gain[row], loss[row]
    drift = loss * (rate_per_h * width_h)[:, None]
    kept, added = _rest(drift, empty, width_h)
    grown = np.exp(np.minimum(gain * count[:, None] - drift, _MOST))
    return kept * grown, (added + width_h) * grown


def idle(evidence: Floats, buckets: Floats, rate_per_h: Floats, phi: Floats, width_h: float) -> Floats:
    """Evidence after `buckets` (shape (rows,), >= 0) empty buckets, in closed form."""
    kept, added = _rest(bets(phi)[1] * (rate_per_h * width_h)[:, None], buckets, width_h)
    rested: Floats = evidence * kept + added
    return rested


def bets(phi: Floats) -> tuple[Floats, Floats]:
    """What each event gains and each expected event costs, `theta` and `psi` above, shape (rows, 8), for `phi` >= 1."""
    extra, gain = np.maximum(phi[:, None] - 1.0, _POISSON), gains(phi)
    loss: Floats = np.log1p((RATIOS - 1.0) * extra / (1.0 + extra)) / extra
    return gain, loss


def gains(phi: Floats) -> Floats:
    """The first of `bets` alone."""
    extra = np.maximum(phi[:, None] - 1.0, _POISSON)
    found: Floats = np.log(RATIOS * (1.0 + extra) / (1.0 + RATIOS * extra))
    return found


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
    found: Floats = (evidence * (OVERSHOOT * WEIGHTS)).sum(axis=1)
    return found


def line_h(false_alarms_per_year: float, weight: float) -> float:
    """Line (hours) that spends `weight` (0..1) of a yearly budget of false alarms; budgets of scopes add up."""
    return 365.25 * 24.0 / (false_alarms_per_year * weight)
