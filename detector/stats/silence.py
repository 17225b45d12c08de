r"""How long has a policy done nothing? Evidence that it has stopped, as an e-detector in hours.

Bet on silence for good, from any moment on: while nothing comes the likelihood ratio is one over the probability of
nothing, :math:`e^{c\,r\,t}` for gamma-Poisson counts of rate `r` and dispersion :math:`\varphi`, with
:math:`c = \ln\varphi/(\varphi - 1)` (1 for Poisson); and the first action loses every bet. Shiryaev-Roberts over all
moments (Shin, Ramdas & Rinaldo 2022, arXiv 2203.03532, section 2):

.. math:: R \leftarrow R\,e^{c r t} + \frac{e^{c r t} - 1}{c r} \quad\text{while nothing comes}, \qquad
          R \leftarrow 0 \quad\text{with an action}
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detector.stats.evidence import Floats

_MOST: Final = 60.0
"""Largest exponent: e^60 hours are beyond any line, and far from overflow."""
_POISSON: Final = 1e-9


def longer(level_h: Floats, quiet_h: Floats, rate_per_h: Floats, phi: Floats) -> Floats:
    """Evidence, hours, after so much more time without an action.

    All of shape (rows,): the evidence before, hours >= 0 of silence, the rate that was due (> 0), dispersion >= 1.
    """
    extra = np.maximum(phi - 1.0, _POISSON)
    pace = np.log1p(extra) / extra * rate_per_h
    exponent = np.minimum(pace * quiet_h, _MOST)
    found: Floats = level_h * np.exp(exponent) + np.expm1(exponent) / pace
    return np.minimum(found, np.exp(_MOST))
