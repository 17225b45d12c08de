"""Whose action was undone of late: a bounded set per policy, so that acting on them again can be seen.

What is held depends on what was added, not on its order or batches, until the bound bites: then the longest reinstated
go, and are counted. A subject that was reinstated again is held with its newest time.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.engine.channel_state import REBAN_S
from detector.errors import StateError

Subjects = NDArray[np.uint64]
Times = NDArray[np.int64]

MOST: Final = 4096
"""Subjects held per policy: 64 KiB. A mass reinstatement beyond it is seen by those that remain."""
_ENTRY: Final = np.dtype([("subject", "<u8"), ("time_ms", "<i8")])
_COUNT: Final = np.dtype("<i8")


class Reinstated:
    """Hashes of subjects (0: unknown, never held), ascending, and when each was reinstated last, epoch ms."""

    __slots__ = ("_held", "dropped")

    def __init__(self) -> None:
        self._held = np.empty(0, _ENTRY)
        self.dropped = 0
        """Subjects that had to go before their time."""

    def __len__(self) -> int:
        return len(self._held)

    def add(self, subjects: Subjects, times_ms: Times) -> None:
        """Hold subjects reinstated at `times_ms`; arrays of one length."""
        new = np.empty(len(subjects), _ENTRY)
        new["subject"], new["time_ms"] = subjects, times_ms
        every = np.sort(np.concatenate([self._held, new[new["subject"] != 0]]), order=("subject", "time_ms"))
        newest = np.append(every["subject"][1:] != every["subject"][:-1], True)[: len(every)]
        held = every[newest]
        if len(held) > MOST:
            self.dropped += len(held) - MOST
            by_age = np.lexsort((held["subject"], held["time_ms"]))
            held = held[np.sort(by_age[-MOST:])]
        self._held = held

    def again(self, subjects: Subjects, times_ms: Times) -> NDArray[np.bool_]:
        """Which actions, on `subjects` at `times_ms`, hit one that was reinstated less than 72 hours before."""
        if not len(self._held):
            return np.zeros(len(subjects), bool)
        at = np.minimum(np.searchsorted(self._held["subject"], subjects), len(self._held) - 1)
        found = self._held[at]
        since = times_ms - found["time_ms"]
        again: NDArray[np.bool_] = (found["subject"] == subjects) & (since >= 0) & (since < REBAN_S * 1000)
        return again

    def prune(self, now_ms: int) -> None:
        """Let go of those whose 72 hours are over at `now_ms` (event time that is final)."""
        self._held = self._held[self._held["time_ms"] > now_ms - REBAN_S * 1000]

    def to_bytes(self) -> bytes:
        """Its state; equal sets give equal bytes."""
        return np.array(self.dropped, _COUNT).tobytes() + self._held.tobytes()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Reinstated:
        """The set behind `to_bytes`. Raises StateError when the bytes are none."""
        size = len(raw) - _COUNT.itemsize
        if size < 0 or size % _ENTRY.itemsize or size > MOST * _ENTRY.itemsize:
            raise StateError(f"a stored set of reinstated subjects can't have {len(raw)} bytes")
        made = cls()
        made.dropped = int(np.frombuffer(raw, _COUNT, 1)[0])
        made._held = np.frombuffer(raw, _ENTRY, offset=_COUNT.itemsize).copy()
        return made
