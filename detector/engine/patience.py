r"""How many more actions each scope can take before it could speak: a test walks only those that have used them up.

An action adds at most :math:`\theta` to the exponent of any bet (`stats.evidence`, `stats.surge`), wherever it falls;
time adds at most `a` an hour, and empty buckets only lose. So `n` actions in `t` hours bring evidence `R` at most to

.. math:: (R + a t)\, e^{\theta n}

It changes what a test costs, never what it finds; it is never stored, and ends when a row is moved otherwise.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.engine import judge
from detector.engine.columns import FOREVER
from detector.stats import evidence, surge
from detector.stats.evidence import Floats
from detector.units import HOUR_MS

Rows = NDArray[np.void]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

LASTS_H: Final = 0.1
"""A little more than buckets stay open. The longer it is, the fewer actions it is good for."""
_SLACK: Final = 1.0 + 1e-6
"""More than rounding can take from the bound."""
_LEAST: Final = 1e-250


class Patience:
    """Per table row: actions it can still take, in its newest bucket alone and from there on, and that bucket."""

    def __init__(self, bucket_ms: int) -> None:
        self._bucket_ms, self._lasts = bucket_ms, int(LASTS_H * HOUR_MS) // bucket_ms
        self._here, self._on = np.empty(0), np.empty(0)
        self._at: Ints = np.empty(0, np.int64)

    def forget(self, rows: Ints | int) -> None:
        """These rows, or their links, were moved otherwise."""
        known = np.atleast_1d(rows)
        known = known[known < len(self._at)]
        self._here[known] = self._on[known] = -1.0

    def lost(self, rows: Ints, count: Ints, oldest: Ints, newest: int) -> Mask:
        """Which rows so many new actions, none after bucket `newest`, may have brought to a line."""
        self._grow(int(rows.max(initial=-1)) + 1)
        here, on, at = self._here[rows] - count, self._on[rows] - count, self._at[rows]
        self._here[rows], self._on[rows] = here, on
        good = np.where(newest > at, on, np.maximum(here, on))
        found: Mask = (oldest < at) | (newest > at + self._lasts) | ~(good >= 0.0)  # what is no number has none
        return found

    def renew(self, rows: Ints, now: Rows, phi: Floats, link: Rows, least: judge.Lines, full: Mask) -> None:
        """Rows stand like this after all that was heard. `full`: their bitmaps were, before their last bucket."""
        self._grow(int(rows.max(initial=-1)) + 1)
        bets, before = evidence.bets(phi), np.where(full, 0, surge.marked(now["met"]))
        changing = (now["at"] - now["deployed"]) * self._bucket_ms <= link["window_h"] * HOUR_MS
        walked = changing | (link["limit_max"] > 0)
        for left, good_for in ((self._here, _in_this_bucket), (self._on, _from_here_on)):
            events, people = good_for(now, *bets, least)
            left[rows] = np.where(walked, -1.0, np.minimum(events, surge.actions_for(people, before)))
        self._at[rows] = now["at"]

    def _grow(self, size: int) -> None:
        missing = max(size, 2 * len(self._at)) - len(self._at) if size > len(self._at) else 0
        if missing:
            none = np.full(missing, -1.0)
            self._here, self._on = np.concatenate([self._here, none]), np.concatenate([self._on, none])
            self._at = np.concatenate([self._at, np.full(missing, FOREVER)])


def _in_this_bucket(now: Rows, gain: Floats, _: Floats, least: judge.Lines) -> tuple[Floats, Floats]:
    """Events and people after which no bet alone, were all as large, reaches a line: no time is added any more."""
    volume = now["evidence"] * (evidence.WEIGHTS * len(evidence.RATIOS))
    return (
        (_exponent(volume, least.volume[:, None]) / gain).min(axis=1),
        (_exponent(now["surge"], least.surge[:, None]) / surge.GAIN).min(axis=1),
    )


def _from_here_on(now: Rows, gain: Floats, loss: Floats, least: judge.Lines) -> tuple[Floats, Floats]:
    """Events and people after which all bets together, grown by what time adds, don't reach a line."""
    volume = evidence.level_h(now["evidence"]) + LASTS_H * evidence.most_added(gain, loss)
    surging = now["surge"].mean(axis=1) + LASTS_H
    return _exponent(volume, least.volume) / gain[:, -1], _exponent(surging, least.surge) / surge.GAIN[-1]


def _exponent(level: Floats, line: Floats) -> Floats:
    """What brings evidence to a line."""
    found: Floats = np.log(line / np.maximum(level * _SLACK, _LEAST))
    return found
