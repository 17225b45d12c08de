r"""Are there more events this period than are due? Evidence of two periods against a forecast of mean and dispersion.

The alternative is a separate source of events on top of what is normal: :math:`\delta = \kappa\sqrt{\varphi\mu}` events
more are due, Poisson among themselves, so mean :math:`\mu + \delta` and variance :math:`\varphi\mu + \delta` (a scaled
normal stream would have a larger one). Of period `t` and size :math:`\kappa`, :math:`E_{\kappa,t}` is the likelihood
ratio of the two gamma-Poisson counts; its mean is 1 while nothing is wrong. The excess began in this period or in the
one before, whose likelihood ratio is then multiplied in (Shiryaev 1963, Roberts 1966, of a window of two):

.. math:: S_t = \tfrac14 \sum_\kappa E_{\kappa,t} (1 + E_{\kappa,t-1})

An alarm is `S` over a line while the period's own count lies in its upper twentieth, so that no ordinary count alarms
for what its predecessor was.

This asks less of a count of 2 where 0.1 are due than of one of 180 where 150 are: a rule of one tail chance for all
spends most of its false alarms where an excess can't be told from noise.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detector.stats.evidence import Floats
from tests.bench.weekly.gamma_poisson import log_chance

SIZES: Final = (0.5, 1.0, 2.0, 4.0)
"""Excesses bet on, in standard deviations of a normal period: from the least worth an alarm, doubling."""
LINE: Final = 16.0
"""About one false alarm in a hundred periods. It was set on the false alarms of Noufaily's scenarios (0.9 to 1.0 %).

With known mean and dispersion, over means of 0.1 to 1,000 and dispersion 1 to 5, they are 0.8 %; other kinds of series
had up to 1.2 %. It is no nominal tail chance: `gamma_poisson.tail` of the period alone is one.
"""
OWN_TAIL: Final = 0.05
_MOST: Final = 60.0


def ratios(count: Floats, mean: Floats, phi: Floats) -> Floats:
    """Likelihood ratios of one period, shape (rows, sizes), of `count` (rows,) against `mean` > 0 and `phi` >= 1."""
    normal = log_chance(count, mean, phi)
    spread = np.sqrt(phi * mean)
    found = [log_chance(count, mean + size * spread, _dispersion(mean, phi, size * spread)) - normal for size in SIZES]
    ratio: Floats = np.exp(np.minimum(np.stack(found, axis=-1), _MOST))
    return ratio


def _dispersion(mean: Floats, phi: Floats, more: Floats) -> Floats:
    mixed: Floats = (phi * mean + more) / (mean + more)
    return mixed


def evidence(now: Floats, before: Floats) -> Floats:
    """`S` of a period, shape (rows,), from the ratios of this period and of the one before (zeros where unknown)."""
    found: Floats = (now * (1.0 + before)).mean(axis=-1)
    return found


def alarms(strength: Floats, own_tail: Floats, line: float = LINE) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which rows are alarmed: evidence over the line, and the chance of such a count or a higher one a twentieth."""
    return (strength >= line) & (own_tail <= OWN_TAIL)
