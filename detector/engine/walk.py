"""Takes rows through the buckets in which something happened; the same walk serves final and still open buckets.

A step gives each row its next bucket. All that does not depend on evidence is computed for all buckets at once, and the
rows with the most buckets stand first: so a step is a handful of operations on slices.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from detector.engine import judge
from detector.engine.buckets import Cells
from detector.engine.columns import NEVER
from detector.stats import evidence, onset, windows

Rows = NDArray[np.void]
Ints = NDArray[np.int64]
HOUR_MS = 3_600_000
WINDOWS = (("seconds", 5_000), ("minutes", 60_000), ("hours", HOUR_MS))


class Walk:
    """`view` and `link` are copies of the table's rows number `rows`, in an order of the walk's own.

    `place` and `bucket` say, for each cell in the order of steps, its row (index into `rows`) and its bucket.
    """

    def __init__(self, table: Rows, links: Rows, cells: Cells, bucket_ms: int) -> None:
        rows, place, size = np.unique(cells.row, return_inverse=True, return_counts=True)
        busiest = np.argsort(-size, kind="stable")
        self.rows: Ints = rows[busiest]
        self.view = table[self.rows]
        self.listen(links)
        place = np.argsort(busiest)[place]
        by_row = np.argsort(place, kind="stable")
        first = np.cumsum(size[busiest]) - size[busiest]
        step = np.arange(len(by_row)) - np.repeat(first, size[busiest])
        order = np.argsort(step, kind="stable")
        before = np.roll(cells.bucket[by_row], 1)
        before[first] = self.view["at"]
        self.place, self.bucket = place[by_row][order], cells.bucket[by_row][order]
        self._counts = cells.counts[by_row][order]
        self._ends = np.cumsum(np.bincount(step)) if len(step) else step
        self._bucket_ms = bucket_ms
        self._recorded = 0
        self._limited = np.flatnonzero(self.link["limit_max"] > 0)
        self._renew_limits()
        self._prepare(before[order])

    def listen(self, links: Rows) -> None:
        """Take in the lines that matter next: they move when breakers do."""
        self.link = links[self.rows]
        self._lines = judge.lines(self.view, self.link)

    def steps(self) -> Iterator[tuple[slice, list[int]]]:
        """Take one step after the other: the first rows get one cell each. Tells the cells, and the rows that speak."""
        begin = 0
        for end in self._ends.tolist():
            now, view, link = slice(begin, end), self.view[: end - begin], self.link[: end - begin]
            limited = self._limited[: int(np.searchsorted(self._limited, len(view)))]
            self._move(view, link, now)
            if len(limited):
                self._limit(view, link, limited, begin)
            found = judge.speaks(view, link, self._lines[: len(view)], limited)
            yield now, np.flatnonzero(found).tolist()
            begin = end

    def record(self, through: int | None = None) -> None:
        """Add the first `through` cells (all) to rolling windows and totals, unless they are there: they are final."""
        new = slice(self._recorded, through)
        view, row, count = self.view, self.place[new], self._counts[new, 0]
        for name, cell_ms in WINDOWS:
            cell = self.bucket[new] * self._bucket_ms // cell_ms
            view[name], view[f"{name}_head"] = windows.add(view[name], view[f"{name}_head"], row, cell, count)
        np.add.at(view["total"], row, count)
        np.maximum.at(view["settled"], row, self.bucket[new])
        self._recorded = len(self.place) if through is None else through

    def _renew_limits(self) -> None:
        """Forget what was counted in cells of an earlier limit."""
        view, link = self.view, self.link
        other = (link["limit_max"] > 0) & (view["limit_ms"] != link["limit_ms"])
        view["limit"][other], view["limit_head"][other] = 0, NEVER
        view["limit_ms"][other] = link["limit_ms"][other]

    def _prepare(self, before: Ints) -> None:
        """How each cell moves its row, `before` being its last bucket. What was reset beyond it stays as it is."""
        view, row, bucket = self.view, self.place, self.bucket
        width_h, hour = self._bucket_ms / HOUR_MS, bucket * self._bucket_ms // HOUR_MS
        running = (view["settled"] + 1) * self._bucket_ms // HOUR_MS
        rate = np.where(running[row] == hour, view["rate"][row], view["next_rate"][row])
        phi, count = view["phi"][row], self._counts[:, 0].astype(np.float64)
        self._live = live = bucket > view["at"][row]
        empty = np.maximum(bucket - 1 - np.maximum(before, view["at"][row]), 0).astype(np.float64)
        factor, offset = evidence.moves(count, empty, rate, phi, width_h)
        self._factor, self._offset = np.where(live[:, None], factor, 1.0), np.where(live[:, None], offset, 0.0)
        self._fall = np.where(live, onset.change(np.zeros_like(count), rate * width_h * empty, phi), 0.0)
        self._rise = np.where(live, onset.change(count, rate * width_h, phi), 0.0)

    def _move(self, view: Rows, link: Rows, now: slice) -> None:
        level = view["evidence"]
        np.minimum(level * self._factor[now] + self._offset[now], link["cap_h"][:, None], out=level)
        calm = onset.step(view["cusum"], self._fall[now])
        begins = self._live[now] & (calm <= 0.0)
        view["onset"][begins] = self.bucket[now][begins]
        view["since"][begins] = 0
        view["since"] += self._counts[now]
        view["cusum"] = onset.step(calm, self._rise[now])
        np.maximum(view["at"], self.bucket[now], out=view["at"])

    def _limit(self, view: Rows, link: Rows, limited: Ints, begin: int) -> None:
        cell = self.bucket[begin + limited] * self._bucket_ms // link["limit_ms"][limited]
        row, count = np.arange(len(limited)), self._counts[begin + limited, 0]
        view["limit"][limited], view["limit_head"][limited] = windows.add(
            view["limit"][limited], view["limit_head"][limited], row, cell, count
        )
