r"""Is a share higher than its baseline? A mixture Shiryaev-Roberts e-detector for successes among trials.

For `k` successes of `n` trials at baseline share :math:`p`, `t` hours after the last ones, of which `d` count as time
under watch, and an alternative whose odds are :math:`o_j` times those of `p`, its share :math:`\rho_j p`:

.. math:: R_j \leftarrow (R_j e^{-t/T} + d)\, e^{\theta_j k - \psi_j p n}, \quad
          \theta_j = \ln\frac{\rho_j v}{1 + \rho_j(v - 1)}, \quad
          \psi_j = \frac{1}{v - 1}\ln\frac{1 + \rho_j(v - 1)}{v}

The factor is the likelihood ratio in Panjer's family whose variance is `v` times its mean, :math:`v = \varphi(1-p)`:
of binomials for :math:`\varphi = 1`, of gamma-Poissons beyond :math:`v = 1`, as in `stats.evidence`. Its mean is at
most 1 for every share up to `p`, so alarming at a mean of R of at least `A` has a mean time between false alarms of at
least `A` hours, in the same unit and against the same lines as `stats.evidence`.
Forgetting (`T`) can only lower R: what a quiet scope saw weeks ago must not wait for its next chance.

Baseline: discounted beta, :math:`k \leftarrow k e^{-1/\tau} + k_h` and the same for `n`; `p` is the posterior mean
under a Jeffreys prior plus one posterior deviation, so that what is known little is judged mildly.

Sources: Shiryaev (1963), Roberts (1966); Shin, Ramdas & Rinaldo (2022), "E-detectors", arXiv 2203.03532, sections 2, 4;
the family: Panjer (1981), and Sundt & Jewell (1981), ASTIN Bulletin 12(1); posterior: Gelman et al., Bayesian Data
Analysis, 3rd ed., section 2.4; dispersion: McCullagh & Nelder (1989), Generalized Linear Models, section 4.5.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detector.stats.evidence import Floats

ODDS: Final = np.array([1.5, 2.0, 3.0, 6.0, 12.0, 40.0])
"""Alternatives that the mixture bets on; for odds between two of them the loss in delay is below 9 %."""
ACTIVE_H: Final = 1.0
"""Longest stretch without trials that counts as time under watch: evidence must not grow while nothing is seen."""
FORGET_H: Final = 7 * 24.0
"""Evidence fades by e in a week: a share that rises more slowly than a baseline learns it is the baseline."""
MEMORY_H: Final = 28 * 24.0
"""Four weeks: shares of whom a policy meets drift with its product, not with the hour."""
FADE: Final = float(np.exp(-1.0 / MEMORY_H))
"""What an hour leaves of discounted sums of successes, trials and deviations."""
KNOWN_TRIALS: Final = 25.0
"""Trials from which a share may be judged: its error, 10 points at a half, is then what odds of 1.5 add; it is judged
mildly until much more is known (see `judged`), and two dozen people tell who is usually met from who never is."""
KNOWN_H: Final = 24.0
"""Hours from which it may: one day holds all hours of the day."""
LEAST: Final = 0.01
"""Shares below one in a hundred count as that: a single success must not be news."""
LEAST_RATE: Final = 0.005
"""The same for counts that follow an exposure: one in two hundred."""
CAUTION: Final = 1.0
"""Posterior deviations that the judged share lies above its estimate."""
PHI_PRIOR: Final = 2.0
PHI_PRIOR_DUE: Final = 10.0
"""Variance that is taken as seen with a cautious `PHI_PRIOR` before any was."""
PHI_MOST: Final = 100.0
"""Squared deviations count up to this many variances: one incident must not deafen, nor rare groups go unseen."""

_LEAST_EXTRA: Final = 1e-9
"""Distance of `v` from 1 below which the limit, a Poisson's, is taken."""
_MOST: Final = 69.0
"""Largest exponent of one step, as in `stats.evidence`."""


def log_bet(successes: Floats, trials: Floats, share: Floats, phi: Floats) -> Floats:
    """Log-likelihood ratios of one group of trials, shape (..., 6); groups of one row add up.

    Args:
        successes: shape (...,), of the trials.
        trials: shape (...,), >= successes.
        share: shape (...,), baseline share, in (0, 1).
        phi: shape (...,), variance over that of the binomial, >= 1.
    """
    ratio = ODDS / (1.0 + np.multiply.outer(share, ODDS - 1.0))
    extra = (phi * (1.0 - share) - 1.0)[..., None]
    extra = np.where(np.abs(extra) < _LEAST_EXTRA, _LEAST_EXTRA, extra)
    wider = np.log1p(ratio * extra) - np.log1p(extra)
    bets: Floats = successes[..., None] * (np.log(ratio) - wider) - (trials * share)[..., None] * wider / extra
    return bets


def step(evidence: Floats, bet: Floats, elapsed_h: Floats, cap_h: Floats | float) -> Floats:
    """Evidence after trials whose log-likelihood ratios are `bet`.

    Args:
        evidence: shape (..., 6), hours.
        bet: shape (..., 6), of `log_bet`.
        elapsed_h: shape (...,), hours since the last trials; as time under watch counted up to `ACTIVE_H`.
        cap_h: where evidence saturates, hours; broadcast against `evidence`.
    """
    waited = evidence * forgotten(elapsed_h)[..., None] + np.minimum(elapsed_h, ACTIVE_H)[..., None]
    return np.minimum(waited * np.exp(np.clip(bet, -_MOST, _MOST)), cap_h)


def forgotten(elapsed_h: Floats) -> Floats:
    """Part of evidence that remains after so many hours."""
    left: Floats = np.exp(-elapsed_h / FORGET_H)
    return left


def judged(successes: Floats, trials: Floats) -> Floats:
    """Share against which trials are judged: posterior mean and `CAUTION` deviations, in [`LEAST`, 0.995]."""
    mean = (successes + 0.5) / (trials + 1.0)
    bound: Floats = np.clip(mean + CAUTION * np.sqrt(mean * (1.0 - mean) / (trials + 2.0)), LEAST, 0.995)
    return bound


def judged_count(count: Floats, exposure: Floats, caution: float = CAUTION) -> Floats:
    """The same for counts that may exceed their exposure: gamma posterior of a rate, at least `LEAST_RATE`."""
    mean = (count + 0.5) / (exposure + 1.0)
    bound: Floats = np.maximum(mean + caution * np.sqrt(mean / (exposure + 1.0)), LEAST_RATE)
    return bound


def phi(total: Floats, due: Floats, prior: Floats | float = PHI_PRIOR) -> Floats:
    """Variance over the expected one, at least 1, drawn to a cautious `prior` while little was due."""
    return np.maximum(1.0, (total + prior * PHI_PRIOR_DUE) / (due + PHI_PRIOR_DUE))


def deviation(count: Floats, expected: Floats, variance: Floats, most: Floats | float = PHI_MOST) -> Floats:
    """Squared deviation of a count, up to `most` variances; over the sum of `variance` it estimates `phi` (Pearson)."""
    return np.minimum((count - expected) ** 2, most * np.maximum(variance, 1.0))
