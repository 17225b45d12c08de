r"""Is a count stream running faster than its baseline? A mixture Shiryaev-Roberts e-detector, in event-time buckets.

For a ratio :math:`\rho_k`, a bucket of exposure :math:`d` with count :math:`n` and expected rate :math:`\lambda`:

.. math:: R_k \leftarrow (R_k + d)\, e^{-c_k d}\, \rho_k^{n/\varphi}, \qquad c_k = (\rho_k - 1)\lambda/\varphi

:math:`R = \tfrac18\sum_k R_k` minus elapsed time is a martingale for a Poisson stream of rate :math:`\lambda` (and for
Poisson clusters of size :math:`\varphi`), so alarming at :math:`R \ge A` has a mean time between false alarms of at
least :math:`A`, in the unit of :math:`d` (hours here), with nothing to calibrate.

Sources: Shiryaev (1963), Roberts (1966); the mixture and its guarantee: Shin, Ramdas & Rinaldo (2022), "E-detectors",
arXiv 2203.03532, sections 2 and 4.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATIOS: Final = np.array([1.25, 1.6, 2.2, 3.5, 6.0, 12.0, 30.0, 100.0])
"""Alternatives that the mixture bets on; between two of them the loss in delay is below 5 %."""

_LOG_RATIOS: Final = np.log(RATIOS)
_MOST: Final = 69.0
"""Largest exponent of one bucket: e^69 is far beyond any trip line, and far from overflow."""


def moves(count: Floats, empty: Floats, rate_per_h: Floats, phi: Floats, width_h: float) -> tuple[Floats, Floats]:
    """What `empty` buckets without events and then one with `count` do to evidence `R`: it becomes `factor R + offset`.

    Gives both, of shape (rows, 8). They don't depend on the evidence, so they can be had for many buckets at once.

    Args:
        count: shape (rows,), events in the bucket; a partial count gives a lower bound.
        empty: shape (rows,), buckets before it since the evidence was last moved, >= 0.
        rate_per_h: shape (rows,), expected rate, > 0.
        phi: shape (rows,), variance over mean, >= 1.
        width_h: exposure of the whole bucket, hours.
    """
    drift = _drift(rate_per_h, phi, width_h)
    kept, added = _rest(drift, empty, width_h)
    grown = np.exp(np.minimum(np.multiply.outer(count / phi, _LOG_RATIOS) - drift, _MOST))
    return kept * grown, (added + width_h) * grown


def idle(evidence: Floats, buckets: Floats, rate_per_h: Floats, phi: Floats, width_h: float) -> Floats:
    """Evidence after `buckets` (shape (rows,), >= 0) empty buckets, in closed form."""
    kept, added = _rest(_drift(rate_per_h, phi, width_h), buckets, width_h)
    rested: Floats = evidence * kept + added
    return rested


def _drift(rate_per_h: Floats, phi: Floats, width_h: float) -> Floats:
    drift: Floats = np.multiply.outer(rate_per_h / phi * width_h, RATIOS - 1.0)
    return drift


def _rest(drift: Floats, buckets: Floats, width_h: float) -> tuple[Floats, Floats]:
    """What is kept of evidence over empty buckets, and what they add."""
    kept = np.exp(-drift * buckets[:, None])
    return kept, width_h * np.exp(-drift) * (1.0 - kept) / -np.expm1(-drift)


def strength(evidence: Floats, line_h: Floats) -> Floats:
    """Evidence over the line at which it speaks: shape (rows,), 1 and above speaks."""
    found: Floats = evidence.mean(axis=1) / line_h
    return found


def line_h(false_alarms_per_year: float, weight: float) -> float:
    """Line (hours) that spends `weight` (0..1) of a yearly budget of false alarms; budgets of scopes add up."""
    return 365.25 * 24.0 / (false_alarms_per_year * weight)
