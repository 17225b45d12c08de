"""Open event-time buckets: integers that rows add to until their bucket is final.

Adding is a sum, so neither the order of rows nor the size of batches can change what a bucket holds in the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
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
        self._cells: dict[int, NDArray[np.int32]] = {}
        self._subjects: dict[int, NDArray[np.uint64]] = {}

    @property
    def newest(self) -> int:
        """Number of the newest open bucket."""
        return max(self._cells, default=NEVER)

    def __len__(self) -> int:
        return len(self._cells)

    def __iter__(self) -> Iterator[int]:
        return iter(self._cells)

    def add(
        self, rows: Ints, buckets: Ints, automated: NDArray[np.bool_], held: NDArray[np.bool_],
        subjects: NDArray[np.uint64], size: int,
    ) -> None:  # fmt: skip
        """Count actions, each for its table rows, shape (dimensions, actions), -1 for none.

        `subjects`: their hashes. `size`: rows of the table now.
        """
        order = scan.order(buckets - buckets.min(initial=FOREVER))
        rows, buckets = rows[:, order], buckets[order]
        word, mark = surge.bits(subjects[order])
        there, marks = rows >= 0, np.broadcast_to(mark, rows.shape)
        kinds = there, there & automated[order], there & held[order]
        start = np.flatnonzero(np.diff(buckets, prepend=NEVER))
        for begin, end in pairwise([*start.tolist(), len(order)]):
            here, number = np.s_[:, begin:end], int(buckets[begin])
            cells, row, some = self._bucket(number, size).reshape(-1), rows[here], there[here]
            for kind, which in enumerate(kinds):
                np.add.at(cells, row[which[here]] * COUNTED + kind, ONE)
            place = row * surge.WORDS + word[begin:end]
            np.bitwise_or.at(self._subjects[number].reshape(-1), place[some], marks[here][some])

    def cells(self, rows: Ints, after: Ints | int, through: Ints | int) -> Cells:
        """What the buckets in (after, through] hold of `rows` (ascending); one number for all, or one for each."""
        after, through = (np.broadcast_to(each, len(rows)) for each in (after, through))
        later = scan.order(after - after.min(initial=FOREVER))
        numbers = self.between(int(after.min(initial=FOREVER)), int(through.max(initial=NEVER)))
        ends = np.searchsorted(after[later], numbers).tolist()  # those whose `after` lies before the bucket
        found = [Cells(rows[:0], rows[:0], np.empty((0, COUNTED), np.int32), np.empty((0, surge.WORDS), np.uint64))]
        for number, end in zip(numbers, ends, strict=True):
            here = rows[later[:end][through[later[:end]] >= number]]
            cells = self._bucket(number, int(rows[-1]) + 1)
            here = here[cells[here, 0] > 0]
            subjects = self._subjects[number].take(here, axis=0)
            found.append(Cells(here, np.full(len(here), number), cells.take(here, axis=0), subjects))
        return Cells(*(np.concatenate(column) for column in zip(*found, strict=True)))

    def between(self, after: int, through: int) -> list[int]:
        """Numbers of the open buckets in (after, through], ascending."""
        if through - after < len(self._cells):
            return [bucket for bucket in range(after + 1, through + 1) if bucket in self._cells]
        return sorted(bucket for bucket in self._cells if after < bucket <= through)

    def counts(self, bucket: int, rows: Ints) -> NDArray[np.int32]:
        """Counts so far, shape (rows, 3)."""
        cells = self._cells[bucket]
        if len(rows) and rows[-1] >= len(cells):
            cells = self._bucket(bucket, int(rows[-1]) + 1)
        return cells.take(rows, axis=0)

    def clear(self, bucket: int, rows: Ints) -> None:
        """Forget a bucket's counts of these rows (ascending); a bucket without any goes altogether."""
        cells = self._cells[bucket]
        some = np.flatnonzero(cells[:, 0])
        mine = some[np.searchsorted(rows, some, side="right") > np.searchsorted(rows, some)]
        cells[mine], self._subjects[bucket][mine] = 0, 0
        if len(mine) == len(some):
            del self._cells[bucket], self._subjects[bucket]

    def clear_rows(self, rows: list[int]) -> None:
        """Forget all that open buckets hold of these rows."""
        at = np.array(sorted(rows), np.int64)
        for bucket in list(self._cells):
            self.clear(bucket, at)

    def _bucket(self, bucket: int, size: int) -> NDArray[np.int32]:
        cells = self._cells.get(bucket)
        if cells is None or len(cells) < size:
            grown, subjects = np.zeros((size, COUNTED), np.int32), np.zeros((size, surge.WORDS), np.uint64)
            if cells is not None:
                grown[: len(cells)] = cells
                subjects[: len(cells)] = self._subjects[bucket]
            self._cells[bucket], self._subjects[bucket] = grown, subjects
            cells = grown
        return cells
