r"""Is this more than a scope's busiest hours? Evidence for a trip, where `stats.evidence` is evidence for a warning.

It counts subjects, each once an hour, and holds them against a bar that a burst must clear to be news: not what is
usual, but the most that was usual of late.

.. math:: \mu = \max(f,\; s_h \lambda,\; s_h M,\; N e^{-B/72})

:math:`f` is the least material rate, :math:`s_h \lambda` the expected one of `stats.baseline`; `M` the busiest hour of
the last weeks without its season, :math:`M \leftarrow \max(M e^{-1/672}, n_h / s_h)`; the last term is what a policy
may do in its first days, `B` hours after its first action, before anything is known of it: `N` is the quantile of an
exponential class prior at the odds that the budget allows.

Two functionals of one recursion, each over five ratios, with the gamma-Poisson factor of `stats.evidence` at dispersion
2 (what is left when the same subjects, and the busiest hours, no longer count):

.. math:: R_k \leftarrow (R_k + m)\, e^{\theta_k u - \psi_k \mu d}

- **change**: `m` comes from deploys alone: half a unit at once, half over 8 hours; after its window a change is
  forgiven. It is a martingale but for that mass, so a line of `A` costs at most `1/A` false trips a deploy (Shiryaev,
  1963: a prior on when it begins; e-detectors with start-up mass: Shin, Ramdas & Rinaldo (2022), arXiv 2203.03532,
  section 2).
- **surge**: `m = d`, one unit an hour, as in Shiryaev-Roberts.

The bar is a maximum, so counts of a stable stream stay far below it: measured, not proved.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.stats import baseline
from detector.stats.evidence import Floats

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

RATIOS: Final = np.array([4.0, 8.0, 16.0, 32.0, 64.0])
"""Below four times the busiest hour nothing needs to be stopped within minutes: that is for warnings."""
PHI: Final = 2.0
NO_NEWS_PER_H: Final = 1e12
"""The bar of a scope of which nothing is known, though it may have acted for years: no rate is news."""
GLIMPSE_H: Final = 1 / 12
GLIMPSE_TIMES: Final = 2.0
"""A stranger that is deployed is held against twice the rate of what was seen before, if that was for some minutes."""
NEWBORN_MEAN_PER_H: Final = 5.0
NEWBORN_H: Final = 72.0
"""Mean of the exponential class prior of the busiest first hours, and the time in which it fades by e."""
GROWN_GUARD_H: Final = 6
"""Hours that a grown scope's busiest hour is learned late, lest a surge that rises for hours clears its own way."""
AT_ONCE: Final = 0.5
"""Part of a deploy's mass that comes with it; the rest comes within `ARRIVES_H`."""
ARRIVES_H: Final = 8.0
FEWEST: Final = 3
"""Distinct subjects below which nothing is a wave, whatever the budget: one or two may do anything."""
WORDS: Final = 4
BITS: Final = 64 * WORDS
_FULL: Final = BITS * 3 // 4
"""Bits from which subjects are taken to be new: no one actor fills so many."""

_Q: Final = 1.0 + RATIOS * (PHI - 1.0)
GAIN: Final = np.log(RATIOS * PHI / _Q)
"""What one more person adds to the exponent of each bet."""
_LOSS: Final = np.log(_Q / PHI) / (PHI - 1.0)
_MOST: Final = 69.0
CAP: Final = 1e25
"""Where evidence saturates."""
BUSIEST_MEMORY_H: Final = 2 * baseline.MEMORY_H
"""A busiest hour is rarer than usual ones, so it is remembered for twice as long."""
_FADE: Final = float(np.exp(-1.0 / BUSIEST_MEMORY_H))
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
"""Knuth's multiplicative hash (The Art of Computer Programming 3, section 6.4): hashes of producers may be ordinals."""
_HELD: Final = np.arange(BITS + 1)
_COUNTED: Final = -BITS * np.log1p(-np.minimum(_HELD, BITS - 1) / BITS)


def newborn_per_h(change_line: float) -> float:
    """`N` above: what a policy without history may do, where a deploy is tripped at evidence of `change_line`."""
    return NEWBORN_MEAN_PER_H * float(np.log1p(change_line))


def bar_per_h(
    rate_per_h: Floats, season: Floats, busiest: Floats, newborn: Floats, age_h: Floats, floor_per_h: Floats
) -> Floats:
    """The rate that is no news, shape (rows,).

    From the expected one, the season's factor, `M`, `N`, hours of life, and the least material rate.
    """
    fading = newborn * np.exp(-np.maximum(age_h, 0.0) / NEWBORN_H)
    found: Floats = np.maximum(np.maximum(floor_per_h, rate_per_h), np.maximum(busiest * season, fading))
    return found


def busier(busiest: Floats, count: Floats, season: Floats) -> Floats:
    """`M` after one more learned hour."""
    found: Floats = np.maximum(busiest * _FADE, count / season)
    return found


def place(subjects: Words) -> Words:
    """For each subject's hash, which of `BITS` it marks."""
    found: Words = subjects * _MIX >> np.uint64(56)
    return found


def bits(subjects: Words) -> tuple[Ints, Words]:
    """The same as the word of a bitmap of `WORDS`, and the mark in it."""
    bit = place(subjects)
    return (bit >> np.uint64(6)).astype(np.int64), np.uint64(1) << (bit & np.uint64(63))


def marked(bitmap: Words) -> Ints:
    """Bits that are set in bitmaps, shape (rows, words). Column by column: six times as fast as a sum of each row."""
    bits, found = np.bitwise_count(bitmap), np.zeros(len(bitmap), np.int64)
    for word in range(bitmap.shape[1]):
        found += bits[:, word]
    return found


def people(bitmap: Words) -> Floats:
    """Distinct subjects behind bitmaps, shape (rows, words): linear counting, Whang et al. (1990), equation 1."""
    held = marked(bitmap)
    if bitmap.shape[1] == WORDS:
        many: Floats = _COUNTED[held]
        return many
    size = 64 * bitmap.shape[1]
    found: Floats = -size * np.log1p(-np.minimum(held, size - 1) / size)
    return found


def actions_for(people: Floats, before: Ints) -> Floats:
    """Actions that can't mean more than so many new people, with `before` bits of a bitmap marked; shape (rows,).

    All of them might mark a new one: linear counting, as in `people`, turned around.
    """
    found: Floats = np.minimum(np.maximum(BITS - before, 1) * -np.expm1(-people / BITS), people)
    return found


def full(bitmap: Words) -> NDArray[np.bool_]:
    """Bitmaps, shape (rows, `WORDS`), in which so many are marked that every action passes for a newcomer's."""
    found: NDArray[np.bool_] = marked(bitmap) >= _FULL
    return found


def idle(before: Ints, until: Ints, deployed: Ints, bar: Floats, width_h: float) -> tuple[Floats, Floats, Floats]:
    """What the empty buckets after `before` and up to, without, `until` do: kept of both, added to change and surge.

    Args:
        before: shape (rows,), last bucket that evidence holds.
        until: shape (rows,), first bucket that is not empty.
        deployed: shape (rows,), bucket of the last deploy; its mass comes where it is in (before, until].
        bar: shape (rows,), rate per hour that is no news.
        width_h: of a bucket, hours.

    Returns three arrays of shape (rows, 5).
    """
    drift = np.multiply.outer(bar, _LOSS)
    kept, more, change = np.ones_like(drift), np.zeros_like(drift), np.zeros_like(drift)
    gap = np.flatnonzero(until - 1 > before)
    if len(gap):
        kept[gap] = np.exp(-drift[gap] * ((until[gap] - 1 - before[gap]) * width_h)[:, None])
        more[gap] = (1.0 - kept[gap]) / drift[gap]
    arriving = (until - deployed) * width_h <= ARRIVES_H
    recent = np.flatnonzero((until >= deployed) & ((before < deployed) | arriving))
    if len(recent):
        change[recent] = _arrived(before[recent], until[recent], deployed[recent], drift[recent], width_h)
    return kept, change, more


def _arrived(before: Ints, until: Ints, deployed: Ints, drift: Floats, width_h: float) -> Floats:
    """What a recent deploy adds to evidence of a change by `until`, shape (rows, 5)."""
    since_h = np.maximum(until - 1 - np.maximum(before, deployed - 1), 0) * width_h
    kept = np.exp(-drift * since_h[:, None])
    arriving = (until - deployed) * width_h <= ARRIVES_H
    at_once = (before < deployed)[:, None] * AT_ONCE * kept
    found: Floats = at_once + arriving[:, None] * ((1 - AT_ONCE) / ARRIVES_H) * (1.0 - kept) / drift
    return found


def armed(bucket: Ints, deployed: Ints, window_h: Floats, width_h: float) -> Floats:
    """Mass of the last deploy, shape (rows,), where the first action of all comes in `bucket`: none was lost before."""
    age_h = (bucket - deployed) * width_h
    mass = AT_ONCE + (1 - AT_ONCE) * np.clip(age_h / ARRIVES_H, 0.0, 1.0)
    return np.where((age_h >= 0) & (age_h <= window_h), mass, 0.0)


def forgiven(until: Ints | int, deployed: Ints, window_h: Floats, width_h: float) -> NDArray[np.bool_]:
    """Rows, shape (rows,), whose last deploy is longer ago than their `window_h` at bucket `until`."""
    found: NDArray[np.bool_] = (until - deployed) * width_h > window_h
    return found


def bound(level: Floats, bar: Floats, width_h: float, hours: float) -> tuple[Floats, Floats]:
    """`evidence.bound` of a surge and more people, shape (rows, 5). Time between buckets adds no more than they do."""
    drift = np.multiply.outer(bar * width_h, _LOSS)
    return level + np.minimum(hours, 2.0 * width_h / -np.expm1(-drift)), drift


def grown(people: Floats, bar: Floats, width_h: float) -> Floats:
    """Factor of one bucket with so many new `people`, shape (rows, 5)."""
    exponent = np.multiply.outer(people, GAIN) - np.multiply.outer(bar * width_h, _LOSS)
    found: Floats = np.exp(np.minimum(exponent, _MOST))
    return found
