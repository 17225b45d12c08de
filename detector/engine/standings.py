"""How rows stood after some of their open buckets, so that the next test walks only what came since.

A standing holds until an event comes at or behind its bucket, or anything but a walk moves the row or its link. What is
settled meanwhile changes nothing: settling takes the same steps. It is never stored: without it a test walks further.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.engine.columns import FOREVER, NEVER, ROW
from detector.engine.patience import Patience

Rows = NDArray[np.void]
Ints = NDArray[np.int64]

_LAST: Final = "more"
"""A row begins with the fields that walks over open buckets move, down to this one.

What else is among them, no test asks for. The rings of hard limits are elsewhere: rows with one have no standing.
"""
_NAMES: Final = ROW.names or ()
STANDING: Final = np.dtype([(name, ROW[name]) for name in _NAMES[: _NAMES.index(_LAST) + 1]])
_HEAD: Final = np.dtype((np.void, STANDING.itemsize))
"""The same as plain bytes, which numpy copies ten times faster."""


def heads(view: Rows, some: Ints) -> Rows:
    """Copies of how some of these rows stand, to be moved on."""
    return _heads(view)[some].view(STANDING)


def _heads(view: Rows) -> Rows:
    return np.ndarray(view.shape, _HEAD, view, strides=view.strides)


class Standings:
    """Per table row: how it stood, after which bucket, and what was heard of since the last test."""

    def __init__(self, bucket_ms: int) -> None:
        self.patience = Patience(bucket_ms)
        self._rows = np.zeros(0, _HEAD)
        self._through: Ints = np.empty(0, np.int64)
        self._oldest: Ints = np.empty(0, np.int64)
        self._heard: Ints = np.empty(0, np.int64)

    def forget(self, rows: Ints | int) -> None:
        """These rows were moved otherwise."""
        self._grow(int(np.max(rows, initial=-1)) + 1)
        self._through[rows] = NEVER
        self.patience.forget(rows)

    def hear(self, rows: Ints, oldest: Ints, count: Ints) -> None:
        """So many events came for these rows (each once), the oldest of them in these buckets."""
        self._grow(int(rows.max(initial=-1)) + 1)
        self._oldest[rows] = np.minimum(self._oldest[rows], oldest)
        self._heard[rows] += count

    def through(self, rows: Ints, settled: Ints) -> Ints:
        """The bucket from which each row's walk may go on: that of its standing, or the last settled one."""
        held = self._through[rows]
        return np.where((held > settled) & (held < self._oldest[rows]), held, settled)

    def restore(self, view: Rows, rows: Ints, settled: Ints) -> None:
        """Let copies of table rows stand as they stood, where that still holds."""
        some = np.flatnonzero(self.through(rows, settled) > settled)
        if len(some):
            _heads(view)[some] = self._rows[rows[some]]

    def oldest(self, rows: Ints) -> Ints:
        """The oldest bucket of each row that has changed since its last test."""
        return self._oldest[rows]

    def heard(self, rows: Ints) -> Ints:
        """How many events came for each row since its last test."""
        return self._heard[rows]

    def keep(self, rows: Ints, through: Ints, standing: Rows) -> None:
        """Rows stood like this after these buckets."""
        self._through[rows], self._rows[rows] = through, _heads(standing)

    def tested(self, rows: Ints) -> None:
        """All that was heard of these rows has been walked; what it made stale must not hold again."""
        self._through[rows[self._through[rows] >= self._oldest[rows]]] = NEVER
        self._oldest[rows], self._heard[rows] = FOREVER, 0

    def _grow(self, size: int) -> None:
        missing = max(size, 2 * len(self._through)) - len(self._through) if size > len(self._through) else 0
        if missing:
            self._rows = np.concatenate([self._rows, np.zeros(missing, _HEAD)])
            self._through = np.concatenate([self._through, np.full(missing, NEVER)])
            self._oldest = np.concatenate([self._oldest, np.full(missing, FOREVER)])
            self._heard = np.concatenate([self._heard, np.zeros(missing, np.int64)])
