"""The busiest windows of each policy outside labelled incidents: what a hard limit must leave room for.

A window slides by a tenth of its length, so the count is at most that of a tenth below the true maximum; memory is ten
numbers a policy and window.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from detector.backtest.part import Book, Ints, Mask, Part
from detector.backtest.result import Peak

WINDOWS_S: Final = 600, 3600, 86_400
CELLS: Final = 10


class Excluded(NamedTuple):
    """Actions of a policy in this time, ends included, say nothing of what is legitimate."""

    policy_id: str
    from_ms: int
    until_ms: int


class Peaks:
    """Counts parts, nearly in order of time, as they come."""

    def __init__(self, book: Book, excluded: Iterable[Excluded]) -> None:
        self._book = book
        self._excluded = tuple(excluded)
        self._windows = [_Window(per_s * 1000 // CELLS) for per_s in WINDOWS_S]

    def add(self, part: Part) -> None:
        """Count a part's actions."""
        counted = part.action & ~self._hidden(part)
        policy, time_ms = part.policy[counted], part.time_ms[counted]
        for each in self._windows:
            each.add(policy, time_ms, len(self._book.policies))

    def of(self, policy_id: str) -> tuple[Peak, ...]:
        """The busiest window of each length in `WINDOWS_S`; none of a policy that never acted."""
        code = self._book.policies.codes.get(policy_id, -1)
        found = ((per_s, *each.most(code)) for per_s, each in zip(WINDOWS_S, self._windows, strict=True))
        return tuple(Peak(per_s=per_s, count=count, at_ms=at_ms) for per_s, count, at_ms in found if count)

    def _hidden(self, part: Part) -> Mask:
        hidden = np.zeros(len(part.time_ms), bool)
        for each in self._excluded:
            code = self._book.policies.codes.get(each.policy_id, -1)
            hidden |= (part.policy == code) & (part.time_ms >= each.from_ms) & (part.time_ms <= each.until_ms)
        return hidden


class _Window:
    """Ten cells of each policy up to the newest one, and the highest sum of them that was seen."""

    def __init__(self, cell_ms: int) -> None:
        self._cell_ms = cell_ms
        self._head = 0
        self._cells = np.zeros((0, CELLS), np.int64)
        self._most = np.zeros((0, 2), np.int64)

    def add(self, policy: Ints, time_ms: Ints, policies: int) -> None:
        more = policies - len(self._cells)
        self._cells = np.vstack([self._cells, np.zeros((more, CELLS), np.int64)])
        self._most = np.vstack([self._most, np.zeros((more, 2), np.int64)])
        cell = time_ms // self._cell_ms
        for number in np.unique(cell).tolist():
            self._advance(number)
            if number > self._head - CELLS:
                self._cells[:, number % CELLS] += np.bincount(policy[cell == number], minlength=policies)
                self._note()

    def most(self, code: int) -> tuple[int, int]:
        if not 0 <= code < len(self._most):
            return 0, 0
        count, end = self._most[code].tolist()
        return count, end * self._cell_ms

    def _advance(self, to: int) -> None:
        for number in range(max(self._head, to - CELLS) + 1, to + 1):
            self._cells[:, number % CELLS] = 0
        self._head = max(self._head, to)

    def _note(self) -> None:
        total = self._cells.sum(axis=1)
        higher = total > self._most[:, 0]
        self._most[higher, 0], self._most[higher, 1] = total[higher], self._head + 1
