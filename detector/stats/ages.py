r"""Follow-ups of actions at the same age: how many appeals and reversals are due now, and which share is overturned?

Today's appeals must not be divided by today's actions: most actions are too young. So an action passes through bins
of age, and of bin `b` one learns the follow-ups :math:`f_b` and the passages :math:`e_b` (discounted sums). In a
stretch in which actions pass :math:`\Delta e_b` of the bins, :math:`\mu = \sum_b \Delta e_b\,(f_b + a)/(e_b + A)`
follow-ups are due: a Poisson count against its exposure, for `stats.evidence`. Within a bin passage goes by the
logarithm of age, as follow-ups do (in the first bin evenly), and each action passes each bin exactly once, however time
is cut.

Actions wait in four rings of cells, one per bounded bin; :math:`\Delta e` is what the rings have passed since then.

Sources: piecewise-exponential hazards: Friedman (1982), Annals of Statistics 10(1); reporting lags: Hoehle & an der
Heiden (2014), Biometrics 70(4); gamma-Poisson and beta-binomial shrinkage: Gelman et al., Bayesian Data Analysis, 3rd
ed., sections 2.6 and 5.3.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.stats import shares
from detector.stats.evidence import Floats

Ints = NDArray[np.int64]
Counts = NDArray[np.int32]

EDGES_S: Final = (600, 3_600, 86_400, 7 * 86_400)
"""Upper edges of the bins of age; one more is open."""
BINS: Final = len(EDGES_S) + 1
BOUNDED: Final = len(EDGES_S)
"""Only these predict follow-ups: what befalls actions older than a week says nothing about what is done now."""
CELLS: Final = 46
"""Cells of the four rings of a row together."""
PRIOR_SHARE: Final = 0.01
PRIOR_PASSAGES: Final = 50.0
"""Before anything is known, one in a hundred actions is followed up per bin; fifty passages weigh as much as that."""
POOLED: Final = 20.0
"""Decisions as which the share of all ages together counts in that of each age."""

_WIDTHS: Final = np.array([2, 10, 60, 1440])
_SIZES: Final = np.array([6, 7, 25, 8])
"""One more cell than the bin is long, so that who falls out of a ring has passed its bin whatever its minute."""
_STARTS: Final = np.cumsum(_SIZES) - _SIZES
_RING: Final = np.repeat(np.arange(BOUNDED), _SIZES)
_PLACE: Final = np.arange(CELLS) - _STARTS[_RING]


def bin_of(age_s: Ints) -> Ints:
    """Bin, 0..4, of ages in seconds; negative ones (clocks differ) fall into the first."""
    found: Ints = np.searchsorted(np.array(EDGES_S), age_s, side="right")
    return found


def _passed(ring: int, age: Floats) -> Floats:
    """Part, 0..1, of a ring's bin that is behind actions of an age in minutes."""
    low, high = (0, *EDGES_S)[ring] / 60, EDGES_S[ring] / 60
    if ring == 0:
        return np.clip(age / high, 0.0, 1.0)
    part: Floats = np.log(np.clip(age, low, high) / low) / np.log(high / low)
    return part


def _table() -> tuple[Floats, Floats]:
    """Part passed by each cell when its ring's newest cell begins, and what it gains until that one ends."""
    offsets = (np.arange(64) + 0.5) / 64 - 1.0  # the ages in a cell, from -1 to 0 cells around its oldest
    at = [
        np.array([_passed(r, (p + offsets) * _WIDTHS[r]).mean() for p in range(_SIZES[r] + 1)]) for r in range(BOUNDED)
    ]
    return np.concatenate([one[:-1] for one in at]), np.concatenate([np.diff(one) for one in at])


_BEGINS, _GAINS = _table()


def aged(rings: Counts, since: Ints, minute: int) -> tuple[Counts, Floats]:
    """Rings, shape (rows, 46), as they stand at `minute`, and the actions that left them, shape (rows, 4).

    Args:
        rings: as they stood at minutes `since`.
        since: shape (rows,), minutes since the epoch, <= `minute`.
        minute: minute since the epoch.
    """
    moved = minute // _WIDTHS - since[:, None] // _WIDTHS
    if not moved.any():
        return rings, np.zeros((len(rings), BOUNDED))
    place = _PLACE - moved[:, _RING]
    source = np.where(place >= 0, _STARTS[_RING] + place, 0)
    kept: Counts = np.where(place >= 0, np.take_along_axis(rings, source, axis=1), 0)
    left = np.add.reduceat(rings, _STARTS, axis=1) - np.add.reduceat(kept, _STARTS, axis=1)
    return kept, left.astype(np.float64)


def add(rings: Counts, actions: Counts) -> None:
    """Count new actions, shape (rows,), in rings that stand at their minute, in place."""
    rings[:, _STARTS] += actions[:, None]


def passages(rings: Counts, minute: int) -> Floats:
    """Passages of each bounded bin, shape (rows, 4), behind the actions that are in the rings, as `minute` ends."""
    phase = (minute % _WIDTHS + 1) / _WIDTHS
    parts = _BEGINS + phase[_RING] * _GAINS
    found: Floats = np.add.reduceat(rings * parts, _STARTS, axis=1)
    return found


def due(passed: Floats, follow_ups: Floats, passages: Floats, caution: float) -> Floats:
    """Follow-ups that are due, shape (rows,), where `passed` passages of each bin were made.

    Args:
        passed: shape (rows, 4).
        follow_ups: shape (rows, 4), learned sums.
        passages: shape (rows, 4), learned sums.
        caution: posterior deviations by which each hazard is raised (or, negative, lowered).
    """
    a = follow_ups + PRIOR_SHARE * PRIOR_PASSAGES
    hazard = np.maximum(a + caution * np.sqrt(a), 0.0) / (passages + PRIOR_PASSAGES)
    expected: Floats = (passed * hazard).sum(axis=1)
    return expected


def mean(overturned: Floats, decided: Floats) -> Floats:
    """Expected share of decisions at each age: arrays of learned sums, shape (rows, 5), shrunk to all ages together."""
    found: Floats = (overturned + POOLED * _pooled(overturned, decided)) / (decided + POOLED)
    return found


def judged(overturned: Floats, decided: Floats) -> Floats:
    """The cautious share against which decisions of each age are judged; arguments as those of `mean`."""
    return shares.judged(overturned + POOLED * _pooled(overturned, decided), decided + POOLED)


def _pooled(overturned: Floats, decided: Floats) -> Floats:
    pooled: Floats = (overturned.sum(axis=1, keepdims=True) + 0.5) / (decided.sum(axis=1, keepdims=True) + 1.0)
    return pooled
