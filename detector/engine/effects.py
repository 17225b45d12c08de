"""What each cell of open or final buckets does to its row, whatever the row's evidence: all cells at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.engine import scan
from detector.engine.columns import NEVER
from detector.stats import evidence, onset, surge
from detector.units import HOUR_MS

Rows = NDArray[np.void]
Ints = NDArray[np.int64]
W, K = len(evidence.RATIOS), len(surge.RATIOS)
"""Bets on volume, and on a change or a surge."""


class Effects:
    """Cells by row, ascending by bucket in each. Evidence `R` of all bets becomes `factor R + offset`.

    `live`: cells that the row's evidence does not hold yet; `met`, `more`, `full`: the hour's subjects after each, the
    actions beyond a full bitmap, and whether it was full before; `marks`: the cell's own subjects; `fall` and `rise`:
    moves of the CUSUM before and in it; `anew`: a change came with it.
    """

    def __init__(
        self, view: Rows, link: Rows, size: Ints, bucket: Ints, counts: NDArray[np.int32],
        subjects: NDArray[np.uint64], bucket_ms: int,
    ) -> None:  # fmt: skip
        """`view`, `link`: the rows; `size`: how many cells each has, at least one; the others: the cells."""
        self._view, self._link, self._width_h = view, link, bucket_ms / HOUR_MS
        self.row = row = np.repeat(np.arange(len(view)), size)
        self.first: Ints = np.cumsum(size) - size
        self.last: Ints = self.first + size - 1
        self.bucket, self.counts = bucket, counts
        self.live = bucket > view["at"][row]
        before = scan.later(bucket)
        before[self.first] = view["at"]
        self._since = np.maximum(before, view["at"][row])
        self.hour: Ints = bucket * bucket_ms // HOUR_MS
        running = (view["settled"] + 1) * bucket_ms // HOUR_MS
        self._is_running = running[row] == self.hour
        self._people(subjects)
        self._volume()
        self._surge()
        self._pass_over(np.flatnonzero(~self.live))

    def _people(self, subjects: NDArray[np.uint64]) -> None:
        """Bitmaps of the hour so far after each cell, and the subjects that are new to the hour."""
        view, row, count = self._view, self.row, self.counts[:, 0]
        first = np.zeros(len(row), bool)
        first[self.first] = True
        starts = first | (self.hour != scan.later(self.hour))
        begin = scan.begins(starts)
        goes_on = (view["met_hour"][row] == self.hour) & (scan.begins(first) == begin)
        met = scan.unions(subjects, begin) | np.where(goes_on[:, None], view["met"][row], np.uint64(0))
        earlier = scan.later(met)
        earlier[starts] = np.where(goes_on[starts, None], view["met"][row[starts]], np.uint64(0))
        full = surge.full(earlier)
        more = scan.sums(np.where(full, count, 0), begin) + np.where(goes_on, view["more"][row], 0)
        self.met, self.more, self.full = met, more, full
        self._newcomers = np.where(full, count, surge.people(met) - surge.people(earlier)).astype(np.float64)
        self.marks = np.bitwise_or.reduce(subjects, axis=1, keepdims=True)

    def _volume(self) -> None:
        view, row = self._view, self.row
        rate = np.where(self._is_running, view["rate"][row], view["next_rate"][row])
        phi, count = view["phi"][row], self.counts[:, 0].astype(np.float64)
        empty = np.maximum(self.bucket - 1 - self._since, 0).astype(np.float64)
        factor, offset = evidence.moves(count, empty, rate, view["phi"], self._width_h, row)
        self.factor, self.offset = np.empty((len(row), W + 2 * K)), np.empty((len(row), W + 2 * K))
        self.factor[:, :W], self.offset[:, :W] = factor, offset
        width_h = self._width_h
        self.fall = onset.change(np.zeros_like(count), rate * width_h * empty, phi)
        self.rise = onset.change(count, rate * width_h, phi)

    def _surge(self) -> None:
        view, row = self._view, self.row
        deployed, window_h = view["deployed"][row], self._link["window_h"][row]
        bar = np.where(self._is_running, view["bar"][row], view["next_bar"][row])
        kept, change, added = surge.idle(self._since, self.bucket, deployed, bar, self._width_h)
        added += self._width_h
        born = self.first[view["met_hour"] == NEVER]
        kept[born], added[born] = 0.0, self._width_h
        change[born] = surge.armed(self.bucket[born], deployed[born], window_h[born], self._width_h)[:, None]
        grown = surge.grown(self._newcomers, bar, self._width_h)
        lasting = kept * ~surge.forgiven(self.bucket, deployed, window_h, self._width_h)[:, None]
        for first, factor, offset in ((W, lasting, change), (W + K, kept, added)):
            np.multiply(factor, grown, out=self.factor[:, first : first + K])
            np.multiply(offset, grown, out=self.offset[:, first : first + K])
        self.anew = (self._since < deployed) & (deployed <= self.bucket)

    def _pass_over(self, known: Ints) -> None:
        """Cells that evidence holds already move it no more."""
        self.factor[known], self.offset[known] = 1.0, 0.0
        self.fall[known], self.rise[known] = 0.0, 0.0
