"""When did it begin? The last moment at which a CUSUM for a doubled rate stood at zero (Page, 1954).

The estimate costs three numbers per scope: the CUSUM, the bucket after which it last left zero, and the counts since.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detector.stats.evidence import Floats

_LOG_TWO: Final = float(np.log(2.0))


def change(count: Floats, expected: Floats, phi: Floats) -> Floats:
    """What a stretch with `count` events where `expected` were due adds to the CUSUM.

    Log-likelihood ratio of twice the rate, tempered by `phi` (variance over mean): `(n ln 2 - mu) / phi`.
    """
    change: Floats = (count * _LOG_TWO - expected) / phi
    return change


def step(cusum: Floats, change: Floats) -> Floats:
    """CUSUM after a change; 0 means: nothing has begun."""
    return np.maximum(0.0, cusum + change)
