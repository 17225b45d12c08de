"""The rows of several log records, one per partition, as one set of columns: numpy is paid once, not per record."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.engine import Batch
from detector.policy import DIMENSIONS, Dimension
from detector.wire import log

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
DETAILS: Final = ("subject_age_h", "content_age_h", "prior", "acted_s", "count", "interval_ms")
"""Columns that the engine takes as they are, in the order of its own."""


class Joined:
    """Columns of `rows`, end to end. `slot`: for each row, which of them it came in."""

    def __init__(self, rows: list[log.Rows]) -> None:
        self._rows = rows
        sizes = [len(each.columns["time"]) // 8 for each in rows]
        self.ends = np.cumsum(sizes).tolist()
        self.slot = np.repeat(np.arange(len(rows)), sizes)
        self.time_ms: Ints = self._column("time")
        self.kind: Ints = self._column("kind").astype(np.int64)
        self.event: NDArray[np.uint64] = self._column("event")

    def part(self, slot: int) -> slice:
        """Where the rows of one record are."""
        return slice(self.ends[slot - 1] if slot else 0, self.ends[slot])

    def batch(self, keep: Ints, partitions: Ints, offsets: Ints, refills: Mask) -> Batch:
        """The kept rows for the engine; the other arguments say of each record where it stood, and if it is known."""
        flags = self._column("flags")[keep]
        policies, policy = self._names("policy", [each.policies for each in self._rows], keep)
        homes = np.repeat(np.arange(len(self._rows)), [len(each.policies) for each in self._rows])
        return Batch(
            partitions, offsets, refills, policies, homes, self._values(keep), self.slot[keep], policy,
            self.time_ms[keep], self.kind[keep], (flags & log.AUTOMATED) != 0, (flags & log.HELD) != 0,
            (flags & log.WRONG) != 0, self._column("subject")[keep],
            *(self._column(name)[keep].astype(np.int64) for name in DETAILS),
        )  # fmt: skip

    def _values(self, keep: Ints) -> dict[Dimension, tuple[list[str], Ints]]:
        found = {}
        for dimension, (column, field) in zip(DIMENSIONS, log.DIMENSIONS.items(), strict=True):
            names: list[list[str]] = [getattr(each, field) for each in self._rows]
            if any(name for each in names for name in each):
                found[dimension] = self._names(column, names, keep)
        return found

    def _column(self, name: str) -> NDArray[Any]:
        return np.concatenate([each.column(name) for each in self._rows])

    def _names(self, column: str, names: list[list[str]], keep: Ints) -> tuple[list[str], Ints]:
        """All names end to end, and the codes of the kept rows into them."""
        starts = np.cumsum([0, *(len(each) for each in names[:-1])])
        codes: Ints = self._column(column)[keep].astype(np.int64) + starts[self.slot[keep]]
        return [name for each in names for name in each], codes
