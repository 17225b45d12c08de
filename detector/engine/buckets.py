"""Open event-time buckets: integers that rows add to until their bucket is final.

Adding is a sum, so neither the order of rows nor the size of batches can change what a bucket holds in the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
COUNTED: Final = 3
"""Per cell: all actions, fully automated ones, held ones."""


class OpenBuckets:
    """Counts per (bucket, row), of all buckets that are not final everywhere."""

    def __init__(self) -> None:
        self._cells: dict[int, NDArray[np.int32]] = {}

    def __len__(self) -> int:
        return len(self._cells)

    def __iter__(self) -> Iterator[int]:
        return iter(self._cells)

    def add(self, rows: Ints, buckets: Ints, automated: NDArray[np.bool_], held: NDArray[np.bool_], size: int) -> None:
        """Count one action per entry. `size`: rows of the table now."""
        for bucket in np.unique(buckets).tolist():
            here = buckets == bucket
            flat = self._bucket(bucket, size).reshape(-1)
            at = rows[here] * COUNTED
            np.add.at(flat, at, 1)
            np.add.at(flat, at[automated[here]] + 1, 1)
            np.add.at(flat, at[held[here]] + 2, 1)

    def between(self, after: int, through: int) -> list[int]:
        """Numbers of the open buckets in (after, through], ascending."""
        return sorted(bucket for bucket in self._cells if after < bucket <= through)

    def counts(self, bucket: int, rows: Ints) -> NDArray[np.int32]:
        """Counts so far, shape (rows, 3)."""
        cells = self._cells[bucket]
        if len(rows) and rows[-1] >= len(cells):
            cells = self._bucket(bucket, int(rows[-1]) + 1)
        return cells[rows]

    def clear(self, bucket: int, rows: Ints) -> None:
        """Forget a bucket's counts of these rows; a bucket without any goes altogether."""
        cells = self._cells[bucket]
        cells[rows[rows < len(cells)]] = 0
        if not cells.any():
            del self._cells[bucket]

    def clear_rows(self, rows: list[int]) -> None:
        """Forget all that open buckets hold of these rows."""
        at = np.array(sorted(rows), np.int64)
        for bucket in list(self._cells):
            self.clear(bucket, at)

    def _bucket(self, bucket: int, size: int) -> NDArray[np.int32]:
        cells = self._cells.get(bucket)
        if cells is None or len(cells) < size:
            grown = np.zeros((size, COUNTED), np.int32)
            if cells is not None:
                grown[: len(cells)] = cells
            self._cells[bucket] = cells = grown
        return cells
