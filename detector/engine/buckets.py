"""Open event-time buckets: integers that rows add to until their bucket is final.

Adding is a sum, so neither the order of rows nor the size of batches can change what a bucket holds in the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.engine import scan
from detector.engine.columns import FOREVER, NEVER
from detector.stats import surge

Ints = NDArray[np.int64]
ONE: Final = np.int32(1)
"""Of the cells' own type: `np.add.at` is sixty times slower where it has to convert."""
COUNTED: Final = 3
"""Per cell: all actions, fully automated ones, held ones."""


class Cells(NamedTuple):
    """Counts, shape (cells, 3), and bitmaps of subjects, (cells, words), of a row in a bucket each; by buckets."""

    row: Ints
    bucket: Ints
    counts: NDArray[np.int32]
    subjects: NDArray[np.uint64]


class OpenBuckets:
    """Counts per (bucket, row), of all buckets that are not final everywhere."""

    def __init__(self) -> None:
        self._buckets: dict[int, tuple[NDArray[np.int32], NDArray[np.uint64]]] = {}

    @property
    def newest(self) -> int:
        """Number of the newest open bucket."""
        return max(self._buckets, default=NEVER)

    def __len__(self) -> int:
        return len(self._buckets)

    def __iter__(self) -> Iterator[int]:
        return iter(self._buckets)

    def add(
        self, rows: Ints, buckets: Ints, automated: NDArray[np.bool_], held: NDArray[np.bool_],
        subjects: NDArray[np.uint64], size: int,
    ) -> None:  # fmt: skip
        """Count actions, each for its table rows, shape (dimensions, actions), -1 for none.

        `subjects`: their hashes. `size`: rows of the table now.
        """
        word, mark = surge.bits(subjects)
        for bucket, here in scan.runs(buckets):
            row, (cells, marks) = rows[:, here], self._bucket(bucket, size)
            kinds = row, *(row.take(np.flatnonzero(which[here]), axis=1) for which in (automated, held))
            for kind, some in enumerate(kinds):
                np.add.at(cells.reshape(-1), (some * COUNTED + kind).reshape(-1), ONE)
            place = (row * surge.WORDS + word[here]).reshape(-1)
            np.bitwise_or.at(marks.reshape(-1), place, np.tile(mark[here], len(row)))

    def cells(self, rows: Ints, after: Ints | int, through: Ints | int) -> Cells:
        """What the buckets in (after, through] hold of `rows` (ascending); one number for all, or one for each."""
        after, through = (np.broadcast_to(each, len(rows)) for each in (after, through))
        by_after = scan.order(after - after.min(initial=FOREVER))
        order, last = rows[by_after], through[by_after]
        numbers = self.between(int(after.min(initial=FOREVER)), int(through.max(initial=NEVER)))
        ends = np.searchsorted(after[by_after], numbers).tolist()  # those whose `after` lies before the bucket
        found = [Cells(rows[:0], rows[:0], np.empty((0, COUNTED), np.int32), np.empty((0, surge.WORDS), np.uint64))]
        for number, end in zip(numbers, ends, strict=True):
            cells, marks = self._bucket(number, int(rows[-1]) + 1)
            here = order[:end][(last[:end] >= number) & (cells[order[:end], 0] > 0)]
            found.append(Cells(here, np.full(len(here), number), cells.take(here, axis=0), marks.take(here, axis=0)))
        return Cells(*(np.concatenate(column) for column in zip(*found, strict=True)))

    def between(self, after: int, through: int) -> list[int]:
        """Numbers of the open buckets in (after, through], ascending."""
        if through - after < len(self._buckets):
            return [bucket for bucket in range(after + 1, through + 1) if bucket in self._buckets]
        return sorted(bucket for bucket in self._buckets if after < bucket <= through)

    def counts(self, bucket: int, rows: Ints) -> NDArray[np.int32]:
        """Counts so far, shape (rows, 3)."""
        cells, _ = self._bucket(bucket, int(rows.max(initial=-1)) + 1)
        return cells.take(rows, axis=0)

    def clear(self, bucket: int, rows: Ints) -> None:
        """Forget a bucket's counts of these rows (ascending); a bucket without any goes altogether."""
        cells, marks = self._buckets[bucket]
        some = np.flatnonzero(cells[:-1, 0])
        mine = some[np.searchsorted(rows, some, side="right") > np.searchsorted(rows, some)]
        cells[mine], marks[mine] = 0, 0
        if len(mine) == len(some):
            del self._buckets[bucket]

    def clear_rows(self, rows: list[int]) -> None:
        """Forget all that open buckets hold of these rows."""
        at = np.array(sorted(rows), np.int64)
        for bucket in list(self._buckets):
            self.clear(bucket, at)

    def _bucket(self, bucket: int, size: int) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
        """Counts and bitmaps of at least `size` rows; one more, the last, takes what counts for none."""
        known = self._buckets.get(bucket)
        if known is not None and len(known[0]) > size:
            return known
        cells, marks = np.zeros((size + 1, COUNTED), np.int32), np.zeros((size + 1, surge.WORDS), np.uint64)
        if known is not None:
            rows = len(known[0]) - 1
            cells[:rows], marks[:rows] = known[0][:rows], known[1][:rows]
        self._buckets[bucket] = cells, marks
        return cells, marks
