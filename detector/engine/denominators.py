"""Items evaluated, as told for policies, until the minute in which that is told is final."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.engine.channels import Items
from detector.engine.columns import MINUTES_CELLS
from detector.stats import windows
from detector.units import MINUTE_MS

Ints = NDArray[np.int64]


class Denominators:
    """Per minute and row of a whole policy: items, and the minutes in which they were evaluated."""

    def __init__(self) -> None:
        self._minutes: dict[int, dict[int, tuple[float, int]]] = {}

    def add(self, row: int, minute: int, count: int, interval_ms: int) -> None:
        """Several that tell of one minute share the work: their items add up."""
        told = self._minutes.setdefault(minute, {})
        before, width = told.get(row, (0.0, 1))
        told[row] = before + count, max(width, -(-interval_ms // MINUTE_MS))

    def rows(self, first: int, end: int) -> Ints:
        """Rows that something is told of in minutes first .. end - 1, ascending."""
        found = {row for minute, told in self._minutes.items() if first <= minute < end for row in told}
        return np.array(sorted(found), np.int64)

    def take(self, minute: int, rows: Ints, rings: Mapping[str, NDArray[Any]]) -> Items | None:
        """What is told in a final minute of `rows`, whose `minutes` and heads are `rings`; it is forgotten here.

        An interval beyond the rolling hour is judged by its last hour.
        """
        told = self._minutes.get(minute, {})
        if not told or told.keys().isdisjoint(rows.tolist()):
            return None
        items, minutes = zip(*(told.pop(row, (0.0, 0)) for row in rows.tolist()), strict=True)
        if not told:
            del self._minutes[minute]
        width = np.array(minutes)
        cells = np.minimum(width, MINUTES_CELLS)
        evaluated = np.array(items) * cells / np.maximum(width, 1)
        acted = windows.total(rings["minutes"], rings["minutes_head"], np.full(len(rows), minute), cells)
        return Items(evaluated, np.where(evaluated > 0, acted, 0).astype(np.float64))

    def clear_rows(self, rows: list[int]) -> None:
        """Forget what is told of rows that were given back."""
        gone = set(rows)
        left = {minute: {row: each[row] for row in each.keys() - gone} for minute, each in self._minutes.items()}
        self._minutes = {minute: told for minute, told in left.items() if told}
