r"""Is a share higher than its baseline? A mixture Shiryaev-Roberts e-detector for successes among trials.

For an odds ratio :math:`o_j`, `k` successes of `n` trials at baseline share :math:`p`, `t` hours after the last ones,
of which `d` count as time under watch:

.. math:: R_j \leftarrow (R_j e^{-t/T} + d)\, \bigl(o_j^{k} / (1 + (o_j - 1) p)^{n}\bigr)^{1/\varphi}

The factor is the likelihood ratio of the share whose odds are :math:`o_j` times those of `p`, tempered by the variance
over that of the binomial :math:`\varphi \ge 1`. Its mean is at most 1 for every share up to `p` (and, tempered, for
trials that come in groups of :math:`\varphi` with one outcome), so alarming at a mean of R of at least `A` has a mean
time between false alarms of at least `A` hours, in the same unit and against the same lines as `stats.evidence`.
Forgetting (`T`) can only lower R: what a quiet scope saw weeks ago must not wait for its next chance.

Baseline: discounted beta, :math:`k \leftarrow k e^{-1/\tau} + k_h` and the same for `n`; `p` is the posterior mean
under a Jeffreys prior plus one posterior deviation, so that what is known little is judged mildly.

Sources: Shiryaev (1963), Roberts (1966); Shin, Ramdas & Rinaldo (2022), "E-detectors", arXiv 2203.03532, sections 2, 4;
tempered likelihoods: Bissiri, Holmes & Walker (2016), JRSS B 78(5); posterior: Gelman et al., Bayesian Data Analysis,
3rd ed., section 2.4; dispersion: McCullagh & Nelder (1989), Generalized Linear Models, section 4.5.
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
KNOWN_TRIALS: Final = 50.0
"""Trials from which a share may be judged: its error, 7 points at a half, is then what odds of 1.5 add."""
KNOWN_H: Final = 24.0
"""Hours from which it may: one day holds all hours of the day."""
LEAST: Final = 0.01
"""Shares below one in a hundred count as that: a single success must not be news."""
CAUTION: Final = 1.0
"""Posterior deviations that the judged share lies above its estimate."""
PHI_PRIOR: Final = 2.0
PHI_PRIOR_DUE: Final = 10.0
"""Variance that is taken as seen with a cautious `PHI_PRIOR` before any was."""
PHI_MOST: Final = 50.0
"""Squared deviations count up to this many variances: one incident must not deafen."""

_LOG_ODDS: Final = np.log(ODDS)
_MOST: Final = 69.0
"""Largest exponent of one step, as in `stats.evidence`."""


def log_bet(successes: Floats, trials: Floats, share: Floats) -> Floats:
    """Log-likelihood ratios of one group of trials, shape (..., 6); groups of one row add up.

    Args:
        successes: shape (...,), of the trials.
        trials: shape (...,), >= successes.
        share: shape (...,), baseline share, in (0, 1).
    """
    found: Floats = np.multiply.outer(successes, _LOG_ODDS) - trials[..., None] * np.log1p(
        np.multiply.outer(share, ODDS - 1.0)
    )
    return found


def step(evidence: Floats, bet: Floats, phi: Floats, elapsed_h: Floats, cap_h: Floats | float) -> Floats:
    """Evidence after trials whose log-likelihood ratios are `bet`.

    Args:
        evidence: shape (..., 6), hours.
        bet: shape (..., 6), of `log_bet`.
        phi: shape (...,), variance over that of the binomial, >= 1.
        elapsed_h: shape (...,), hours since the last trials; as time under watch counted up to `ACTIVE_H`.
        cap_h: where evidence saturates, hours; broadcast against `evidence`.
    """
    grown = np.exp(np.minimum(bet / phi[..., None], _MOST))
    waited = evidence * forgotten(elapsed_h)[..., None] + np.minimum(elapsed_h, ACTIVE_H)[..., None]
    return np.minimum(waited * grown, cap_h)


def forgotten(elapsed_h: Floats) -> Floats:
    """Part of evidence that remains after so many hours."""
    left: Floats = np.exp(-elapsed_h / FORGET_H)
    return left


def judged(successes: Floats, trials: Floats) -> Floats:
    """Share against which trials are judged: posterior mean and `CAUTION` deviations, in [`LEAST`, 0.995]."""
    mean = (successes + 0.5) / (trials + 1.0)
    bound: Floats = np.clip(mean + CAUTION * np.sqrt(mean * (1.0 - mean) / (trials + 2.0)), LEAST, 0.995)
    return bound


def phi(total: Floats, due: Floats) -> Floats:
    """Variance over the expected one, at least 1, drawn to a cautious 2 while little was due."""
    return np.maximum(1.0, (total + PHI_PRIOR * PHI_PRIOR_DUE) / (due + PHI_PRIOR_DUE))


def deviation(count: Floats, expected: Floats, variance: Floats) -> Floats:
    """Squared deviation of a count, winsorised; over the sum of `variance` it estimates `phi` (Pearson)."""
    return np.minimum((count - expected) ** 2, PHI_MOST * np.maximum(variance, 1.0))
