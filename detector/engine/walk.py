"""Takes rows through the buckets in which something happened; the same walk serves final and still open buckets.

A step gives each row its next bucket. Only evidence needs one step after the other: a line of arithmetic on slices, the
rows with the most buckets standing first. All else is computed for all buckets at once, and a row is put together from
it when somebody asks how it stood.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from detector.engine import judge, scan
from detector.engine.buckets import Cells
from detector.engine.columns import FOREVER, NEVER, SECONDS_CELL_MS, put, taken
from detector.engine.effects import Effects, K, W
from detector.engine.standings import Standings, heads
from detector.stats import onset, surge, windows
from detector.units import HOUR_MS, MINUTE_MS

Rows = NDArray[np.void]
Ints = NDArray[np.int64]
_NONE = np.uint64(0)
WINDOWS = (("seconds", SECONDS_CELL_MS), ("minutes", MINUTE_MS), ("hours", HOUR_MS))


class Walk:
    """`view` and `link` are copies of the table's rows number `rows`, in an order of the walk's own.

    `place` and `bucket` say, for each cell in the order of steps, its row (index into `rows`) and its bucket.
    """

    def __init__(self, table: Rows, links: Rows, cells: Cells, bucket_ms: int, known: Standings | None = None) -> None:
        rows, place = scan.places(cells.row, len(table))
        size = np.bincount(place, minlength=len(rows))
        busiest = scan.order(size.max(initial=0) - size)
        self.rows: Ints = rows[busiest]
        self.view, self.link = taken(table, self.rows), taken(links, self.rows)
        self._news = np.full(len(self.rows), NEVER)
        if known is not None:
            known.restore(self.view, self.rows, self.view["settled"])
            self._news = known.oldest(self.rows)
        self._links = links
        self._bucket_ms = bucket_ms
        by_row = scan.order(scan.inverse(busiest)[place])
        self._does = Effects(
            self.view, self.link, size[busiest], cells.bucket[by_row], cells.counts.take(by_row, axis=0),
            cells.subjects.take(by_row, axis=0), bucket_ms,
        )  # fmt: skip
        step = np.arange(len(by_row)) - self._does.first[self._does.row]
        self._order = scan.order(step)  # of cells by row, in the order of steps
        self._rank = scan.inverse(self._order)
        self._ends = np.cumsum(np.bincount(step)) if len(step) else step
        self.place, self.bucket = self._does.row[self._order], self._does.bucket[self._order]
        self._recorded = NEVER
        self._renew_limits()
        self._run()
        self._said = self._speaking()

    # --- one step after the other -------------------------------------------------------------------------------------

    def _run(self) -> None:
        """Evidence and CUSUM after each cell, in the order of steps."""
        view, order = self.view, self._order
        factor, offset = self._does.factor.take(order, axis=0), self._does.offset.take(order, axis=0)
        fall, rise = self._does.fall[order], self._does.rise[order]
        level = np.concatenate([view["evidence"], view["change"], view["surge"]], axis=1)
        cap = np.full(level.shape, surge.CAP)
        cap[:, :W] = self.link["cap_h"][:, None]
        cusum, begin = view["cusum"].copy(), 0
        self._levels, self._calm, self._cusum = np.empty_like(factor), np.empty_like(fall), np.empty_like(fall)
        for end in self._ends.tolist():
            rows = end - begin
            here = level[:rows]
            np.multiply(here, factor[begin:end], out=here)
            np.add(here, offset[begin:end], out=here)
            np.minimum(here, cap[:rows], out=here)
            self._levels[begin:end] = here
            calm = onset.step(cusum[:rows], fall[begin:end])
            cusum[:rows] = onset.step(calm, rise[begin:end])
            self._calm[begin:end], self._cusum[begin:end] = calm, cusum[:rows]
            begin = end
        self._mark(self._does.live & (self._calm <= 0.0)[self._rank])
        self._limits = self._limit_counts()

    def _mark(self, begun: NDArray[np.bool_]) -> None:
        """Onset after each cell, and what was seen since then and since the deploy; `begun`: cells with an onset."""
        view, does, row = self.view, self._does, self._does.row
        first = np.zeros(len(row), bool)
        first[does.first] = True
        own, begin = scan.begins(first), scan.begins(first | begun)
        carried = ~begun[begin]
        self._onset = np.where(carried, view["onset"][row], does.bucket[begin])
        self._seen = scan.sums(does.counts, begin) + np.where(carried[:, None], view["since"][row], 0)
        self._crowd = scan.unions(does.marks, begin) | np.where(carried[:, None], view["crowd"][row], _NONE)
        begin = scan.begins(first | does.anew)
        carried = (begin == own) & ~does.anew[begin]
        self._changed = scan.unions(does.marks, begin) | np.where(carried[:, None], view["changed"][row], _NONE)

    # --- telling ------------------------------------------------------------------------------------------------------

    def moments(self) -> Iterator[tuple[int, list[int]]]:
        """Buckets after which rows speak, ascending, and those rows; `view` then stands as after that bucket.

        By time, not by steps: whose step it is depends on what a test remembers of earlier ones.
        """
        said = self._said.copy()
        while said.any():
            now = int(self.bucket[said].min())
            self._stand(now)
            links = self.link
            yield now, self.place[said & (self.bucket == now)].tolist()
            if links is not self.link:  # a breaker moved: its lines did, too
                said = self._speaking()
            said[self.bucket <= now] = False

    def finish(self) -> None:
        """Let `view` stand as after all buckets."""
        if len(self.rows):
            self._write(self.view, self._does.last)
            self._ring(FOREVER)

    def keep(self, known: Standings) -> None:
        """Note how rows stand now, and before the oldest bucket that may still be counting."""
        now, last = heads(self.view, np.arange(len(self.rows))), self._does.last
        self._write(now, last)
        least = judge.lines(self.view, self.link)
        known.patience.renew(self.rows, now, self.view, self.link, least, self._does.full[last])
        passed = np.bincount(
            self._does.row[self._does.bucket < known.oldest(self.rows)[self._does.row]], minlength=len(self.rows)
        )
        some = np.flatnonzero((passed > 0) & (self.link["limit_max"] == 0))
        if len(some):
            last, standing = self._does.first[some] + passed[some] - 1, heads(self.view, some)
            self._write(standing, last)
            known.keep(self.rows[some], self._does.bucket[last], standing)

    def _speaking(self) -> NDArray[np.bool_]:
        """Cells, in the order of steps, after which their row is worth a decision.

        What a test has already decided on is not decided again before it is final: an attack would cost too much.
        """
        least = judge.lines(self.view, self.link).of(self.place)
        loud = judge.speaks(self._levels, self.link, self.place, least, self._limits)
        return loud & (self.bucket >= self._news[self.place])

    def listen(self) -> None:
        """Take in the lines that matter next: they move when breakers do."""
        self.link = taken(self._links, self.rows)

    def peaks(self) -> NDArray[np.float64]:
        """Highest evidence of volume, hours, of each row in any step."""
        if not len(self.rows):
            return np.empty(0)
        return np.maximum.reduceat(judge.volume(self._levels)[self._rank], self._does.first)

    def _stand(self, bucket: int) -> None:
        """Put the rows together as they stand after a bucket; those whose first is later stand as they came."""
        passed = np.bincount(self._does.row[self._does.bucket <= bucket], minlength=len(self.rows))
        some = np.flatnonzero(passed)
        standing = taken(self.view, some)
        self._write(standing, self._does.first[some] + passed[some] - 1)
        put(self.view, some, standing)
        self._ring(bucket)

    def _write(self, view: Rows, last: Ints) -> None:
        """Let rows stand as after these cells, one of each."""
        level = self._levels.take(self._rank[last], axis=0)
        view["evidence"], view["change"], view["surge"] = level[:, :W], level[:, W : W + K], level[:, W + K :]
        view["cusum"] = self._cusum[self._rank[last]]
        view["onset"], view["since"], view["crowd"] = self._onset[last], self._seen[last], self._crowd[last]
        view["changed"], view["met"], view["more"] = self._changed[last], self._does.met[last], self._does.more[last]
        view["met_hour"] = np.maximum(view["met_hour"], self._does.hour[last])
        view["at"] = np.maximum(view["at"], self._does.bucket[last])

    # --- rings --------------------------------------------------------------------------------------------------------

    def record(self, through: int = FOREVER) -> None:
        """Add the cells through a bucket to rolling windows and totals, unless they are there: they are final."""
        new = np.flatnonzero((self.bucket > self._recorded) & (self.bucket <= through))
        view, row, count = self.view, self.place[new], self._does.counts[self._order[new], 0]
        for name, cell_ms in WINDOWS:
            cell = self.bucket[new] * self._bucket_ms // cell_ms
            view[name], view[f"{name}_head"] = windows.add(view[name], view[f"{name}_head"], row, cell, count)
        np.add.at(view["total"], row, count.astype(np.int64))
        np.maximum.at(view["settled"], row, self.bucket[new])
        self._recorded = through

    def _renew_limits(self) -> None:
        """Forget what was counted in cells of an earlier limit."""
        view, link = self.view, self.link
        other = (link["limit_max"] > 0) & (view["limit_ms"] != link["limit_ms"])
        view["limit"][other], view["limit_head"][other] = 0, NEVER
        view["limit_ms"][other] = link["limit_ms"][other]

    def _limit_counts(self) -> Ints:
        """Actions in the hard limit's window that ends with each cell, in the order of steps; 0 without a limit."""
        found = np.zeros(len(self.place), np.int64)
        self._limited = some = np.flatnonzero(self.link["limit_max"] > 0)
        if not len(some):
            return found
        self._limits_before = self.view["limit"][some], self.view["limit_head"][some]
        ring, head = (before.copy() for before in self._limits_before)
        link, begin = self.link[some], 0
        for end in self._ends.tolist():
            rows = int(np.searchsorted(some, end - begin))
            at, number = begin + some[:rows], np.arange(rows)
            cell = self.bucket[at] * self._bucket_ms // link["limit_ms"][:rows]
            count = self._does.counts[self._order[at], 0]
            ring[:rows], head[:rows] = windows.add(ring[:rows], head[:rows], number, cell, count)
            found[at] = windows.total(ring[:rows], head[:rows], head[:rows], link["limit_cells"][:rows])
            begin = end
        return found

    def _ring(self, through: int) -> None:
        """The hard limits' rings after a bucket."""
        limited = np.flatnonzero((self.link["limit_max"][self.place] > 0) & (self.bucket <= through))
        if len(limited):
            row, view = self.place[limited], self.view
            cell = self.bucket[limited] * self._bucket_ms // self.link["limit_ms"][row]
            count = self._does.counts[self._order[limited], 0]
            number = np.searchsorted(self._limited, row)
            ring, head = windows.add(*self._limits_before, number, cell, count)
            view["limit"][self._limited], view["limit_head"][self._limited] = ring, head
