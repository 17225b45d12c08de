"""The busiest windows of each policy outside its labelled incidents: what a hard limit must leave room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.backtest.part import Book, Part
from detector.backtest.result import Peak
from detector.backtest.score import Incident
from detector.units import MINUTE_MS

WINDOWS: Final = (1, 10, 60, 1440)
"""Minutes, ascending."""

Ints = NDArray[np.int64]


class Peaks:
    """Follows parts; counts are kept by minute, and of the last day only."""

    def __init__(self, book: Book, incidents: Sequence[Incident]) -> None:
        self._book = book
        self._incidents = incidents
        self._tails: dict[int, tuple[Ints, Ints]] = {}
        self._best: dict[int, list[tuple[int, int]]] = {}

    def add(self, part: Part) -> None:
        """Count a part's actions."""
        chosen = part.action & ~self._labelled(part)
        if not chosen.any():
            return
        cells, number = np.unique(
            np.stack([part.policy[chosen], part.time_ms[chosen] // MINUTE_MS]), axis=1, return_counts=True
        )
        starts = np.flatnonzero(np.diff(cells[0], prepend=-1))
        for first, last in zip(starts.tolist(), [*starts[1:].tolist(), len(number)], strict=True):
            self._extend(int(cells[0, first]), cells[1, first:last], number[first:last])

    def of_policy(self, policy_id: str) -> tuple[Peak, ...]:
        """One entry a window, for a policy that acted."""
        best = self._best.get(self._book.policies.codes.get(policy_id, -1), [])
        return tuple(
            Peak(per_s=window * 60.0, count=count, at_ms=(minute + 1) * MINUTE_MS)
            for window, (count, minute) in zip(WINDOWS, best, strict=bool(best))
        )

    def _labelled(self, part: Part) -> NDArray[np.bool_]:
        inside = np.zeros(len(part.time_ms), bool)
        low_ms, high_ms = part.time_ms.min(), part.time_ms.max()
        for each in self._incidents:
            if each.onset_ms <= high_ms and low_ms <= each.fixed_ms:
                code = self._book.policies.codes.get(each.policy_id, -1)
                inside |= (part.policy == code) & (part.time_ms >= each.onset_ms) & (part.time_ms <= each.fixed_ms)
        return inside

    def _extend(self, policy: int, minutes: Ints, number: Ints) -> None:
        if policy in self._tails:
            minutes, number = (
                np.concatenate(pair) for pair in zip(self._tails[policy], (minutes, number), strict=True)
            )
            minutes, places = np.unique(minutes, return_inverse=True)
            number = np.bincount(places, weights=number).astype(np.int64)
        sums = np.concatenate([[0], np.cumsum(number)])
        best = self._best.setdefault(policy, [(0, 0)] * len(WINDOWS))
        for i, window in enumerate(WINDOWS):
            inside = sums[1:] - sums[np.searchsorted(minutes, minutes - window, side="right")]
            top = int(inside.argmax())
            if inside[top] > best[i][0]:
                best[i] = int(inside[top]), int(minutes[top])
        recent = minutes > minutes[-1] - WINDOWS[-1]
        self._tails[policy] = minutes[recent], number[recent]
