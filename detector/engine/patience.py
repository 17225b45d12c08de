r"""How many more actions each scope can take before it could speak: a test walks only those that have used them up.

An action adds at most :math:`\theta` to the exponent of any bet (`stats.evidence`, `stats.surge`). The bucket that a
row was walked to has cost what it costs, so there `n` actions bring a bet to :math:`R e^{\theta n}`. Where some come in
later buckets, the last of these costs it again, and they bring it to :math:`B e^{\theta n - D}` at most (see `bound` in
both). What no bet reaches, their average doesn't. The next hour knows no subject yet: what it may bring is another sum.

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
from detector.units import HOUR_MS, hour_end

Rows = NDArray[np.void]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

LASTS_H: Final = 0.1
"""A little more than buckets stay open; or as long as the hour."""
_SLACK: Final = 1.0 + 1e-6
"""More than rounding can take from the bound."""
_LEAST: Final = 1e-250


class Patience:
    """Per table row: actions it can still take in the bucket that it was walked to, and in all, and until when."""

    def __init__(self, bucket_ms: int) -> None:
        self._bucket_ms, self._lasts = bucket_ms, int(LASTS_H * HOUR_MS) // bucket_ms
        self._here, self._all = np.empty(0), np.empty(0)
        self._at, self._until = np.empty(0, np.int64), np.empty(0, np.int64)

    def forget(self, rows: Ints | int) -> None:
        """These rows, or their links, were moved otherwise."""
        known = np.atleast_1d(rows)
        known = known[known < len(self._at)]
        self._here[known] = self._all[known] = -1.0

    def lost(self, rows: Ints, count: Ints, oldest: Ints, newest: int) -> Mask:
        """Which rows so many new actions may have brought to a line: the oldest in `oldest`, none after `newest`."""
        self._grow(int(rows.max(initial=-1)) + 1)
        at = self._at[rows]
        here, all_ = self._here[rows] - np.where(oldest <= at, count, 0), self._all[rows] - count
        self._here[rows], self._all[rows] = here, all_
        good = np.where(newest > at, np.minimum(here, all_), here)
        found: Mask = (oldest < at) | (newest > self._until[rows]) | ~(good >= 0.0)  # what is no number has none
        return found

    def renew(self, rows: Ints, now: Rows, view: Rows, link: Rows, least: judge.Lines, full: Mask) -> None:
        """Rows stand like this after all that was heard.

        `view`: they, with what walks don't move. `full`: their bitmaps were, before their last bucket.
        """
        self._grow(int(rows.max(initial=-1)) + 1)
        before, this_hour = surge.marked(now["met"]), now["met_hour"] == now["at"] * self._bucket_ms // HOUR_MS
        arriving_h = np.maximum(link["window_h"], surge.ARRIVES_H)
        changing = (now["at"] - now["deployed"]) * self._bucket_ms <= arriving_h * HOUR_MS
        walked = changing | (link["limit_max"] > 0)
        gain, loss = evidence.bets(view["phi"])
        rate, bar = (np.minimum(view[name], view[f"next_{name}"]) for name in ("rate", "bar"))
        width_h = self._bucket_ms / HOUR_MS
        later = evidence.bound(now["evidence"], gain, loss, rate, width_h, LASTS_H)
        surging = surge.bound(now["surge"], bar, width_h, LASTS_H)
        for left, volume, wave in (
            (self._here, (now["evidence"], 0.0), (now["surge"], 0.0)),
            (self._all, later, surging),
        ):
            events, people = _most(volume, least.volume, gain), _most(wave, least.surge, surge.GAIN)
            met = np.where(full & this_hour, people, surge.actions_for(people, before))
            left[rows] = np.where(walked, -1.0, np.minimum(events, met))
        self._at[rows] = at = now["at"]
        self._until[rows] = np.minimum(at + self._lasts, hour_end(at, self._bucket_ms))

    def _grow(self, size: int) -> None:
        missing = max(size, 2 * len(self._at)) - len(self._at) if size > len(self._at) else 0
        if missing:
            none = np.full(missing, -1.0)
            self._here, self._all = np.concatenate([self._here, none]), np.concatenate([self._all, none])
            self._at, self._until = (np.append(each, np.full(missing, FOREVER)) for each in (self._at, self._until))


def _most(bound: tuple[Floats, Floats | float], line: Floats, gain: Floats) -> Floats:
    """Events or people up to which none of the bets passes a line, by their bound (see `evidence.bound`)."""
    level, drift = bound
    spare = np.log(line[:, None] / np.maximum(level * _SLACK, _LEAST)) + drift
    found: Floats = (spare / gain).min(axis=1)
    return found
