"""Gamma-Poisson (negative binomial) counts in columns: chances and tails without scipy, which the core does without.

A count of mean `mu` and variance `phi mu` has shape `r = mu / (phi - 1)` and success chance `1 / phi`; as `phi` nears 1
it is Poisson. All functions take and give arrays of one shape.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detector.stats.evidence import Floats

LEAST_EXTRA: Final = 1e-4
"""Dispersion beyond 1 that stands for none: chances differ from Poisson's by about as little."""
_SHIFT: Final = 7
_HALF_LOG_TAU: Final = 0.5 * float(np.log(2.0 * np.pi))
_SMALL: Final = 1e-10
"""Part of a tail at which its sum ends."""


def log_gamma(x: Floats) -> Floats:
    """Logarithm of the gamma function of `x` > 0, to 1e-10: Stirling's series, seven steps further up.

    Source: Abramowitz & Stegun (1964), 6.1.41 and 6.1.15.
    """
    far = x + _SHIFT
    steps = x.copy()
    for step in range(1, _SHIFT):
        steps *= x + step
    inverse = 1.0 / far
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    found: Floats = (far - 0.5) * np.log(far) - far + _HALF_LOG_TAU + series - np.log(steps)
    return found


def log_chance(count: Floats, mean: Floats, phi: Floats) -> Floats:
    """Logarithm of the chance of exactly `count` (>= 0) where `mean` (> 0) is due with dispersion `phi` (>= 1)."""
    extra = np.maximum(phi - 1.0, LEAST_EXTRA)
    shape = mean / extra
    ways = log_gamma(count + shape) - log_gamma(shape) - log_gamma(count + 1.0)
    found: Floats = ways - shape * np.log1p(extra) + count * np.log(extra / (1.0 + extra))
    return found


def tail(count: Floats, mean: Floats, phi: Floats) -> Floats:
    """Chance of `count` (a whole number >= 0) or more, shape (rows,), summed away from the mean, term by term.

    Absolute error below 1e-4 (most of it that of `LEAST_EXTRA`).
    """
    extra = np.maximum(phi - 1.0, LEAST_EXTRA)
    shape, share = mean / extra, extra / (1.0 + extra)
    found, above, below = np.ones_like(mean), count > mean, (count <= mean) & (count > 0)
    start = np.where(above, count, np.maximum(count - 1.0, 0.0))
    chance = np.exp(log_chance(start, mean, phi))
    found[above] = _upward(start[above], chance[above], shape[above], share[above])
    found[below] = 1.0 - _downward(start[below], chance[below], shape[below], share[below])
    return found


def _upward(at: Floats, term: Floats, shape: Floats, share: Floats) -> Floats:
    """Chance of `at` or more, given that of `at`."""
    total = term.copy()
    while (term > _SMALL * total).any():
        term = term * ((at + shape) * share / (at + 1.0))
        at = at + 1.0
        total += term
    return total


def _downward(at: Floats, term: Floats, shape: Floats, share: Floats) -> Floats:
    """Chance of `at` or less, given that of `at`."""
    total = term.copy()
    while (term > _SMALL * total).any():
        term = term * np.maximum(at, 0.0) / ((np.maximum(at, 1.0) - 1.0 + shape) * share)
        at = at - 1.0
        total += term
    return total
