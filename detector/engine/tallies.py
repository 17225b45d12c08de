"""What channels ask of events, counted per scope and minute until the minute is final: sums, whatever the order.

Only scopes that such events ever named take room here; how much they act is known from the volume's own counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from detector.engine import scan
from detector.engine.buckets import ONE
from detector.engine.channel_state import CROWDS, FIELDS, FOLLOWED_WORDS, UNKNOWN
from detector.stats import surge

Ints = NDArray[np.int64]
Counts = NDArray[np.int32]
Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]


class Taken(NamedTuple):
    """What a minute holds of some rows: counts, shape (rows, len(FIELDS)), and marks of subjects, see `crowds`.

    `met`: of the mix, shape (rows, 256); `followed`: of what follows actions, shape (rows, 128).
    """

    counts: Counts
    met: Bytes
    followed: Bytes

    @classmethod
    def blank(cls, rows: int) -> Self:
        """Nothing of so many rows."""
        met, followed = (np.zeros((rows, size), np.uint8) for size in (surge.BITS, 64 * FOLLOWED_WORDS))
        return cls(np.zeros((rows, len(FIELDS)), np.int32), met, followed)

    def of(self, rows: Ints | slice) -> Taken:
        """That of some rows."""
        return Taken(self.counts[rows], self.met[rows], self.followed[rows])

    def put(self, rows: Ints | slice, values: Taken) -> None:
        """Let rows hold other values."""
        self.counts[rows], self.met[rows], self.followed[rows] = values


class Tallies:
    """Counts per (minute, scope, field) of all minutes that are not final everywhere, and subjects behind the mix."""

    def __init__(self) -> None:
        self._minutes: dict[int, Taken] = {}
        self._slots: NDArray[np.int32] = np.full(64, -1, np.int32)
        self._rows: list[int] = []

    def __len__(self) -> int:
        return len(self._minutes)

    def each(self) -> Iterator[tuple[int, Ints, Taken]]:
        """All that is counted: minutes, ascending, with the table rows that are named in any and what they hold."""
        rows = np.array(self._rows, np.int64)
        for minute in sorted(self._minutes):
            yield minute, rows, self.take(minute, rows)

    def add(self, rows: Ints, place: Ints, minutes: Ints, fields: Ints | int) -> None:
        """Count events for table rows.

        Args:
            rows: table rows, each once.
            place: shape (dimensions, events), which of them each event counts for; their number for nothing.
            minutes: shape (events,).
            fields: shape (events,), or one for all: what it counts as.
        """
        for minute, here in scan.runs(minutes):
            field = fields[here] if isinstance(fields, np.ndarray) else fields
            self._add(rows, place[:, here], minute, field)

    def _add(self, rows: Ints, place: Ints, minute: int, fields: Ints | int) -> None:
        some, slots = self._touched(rows, place)
        counts, slot = self._of(minute).counts, _among(len(rows), some, slots)
        np.add.at(counts.reshape(-1), (slot[place] * len(FIELDS) + fields).reshape(-1), ONE)

    def meet(self, rows: Ints, place: Ints, minutes: Ints, kinds: Bytes, subjects: Words) -> None:
        """Count actions for table rows, as `add`, and note whom they met.

        `kinds`: shape (events,), see `cases.mix`, none 0; `subjects`: their hashes.
        """
        for minute, here in scan.runs(minutes):
            mine, kind = place[:, here], kinds[here]
            sorts, code = scan.places(kind.astype(np.int64), 1 << CROWDS)
            named = _count(mine * len(sorts) + code, (len(rows) + 1) * len(sorts)).reshape(-1, len(sorts))[:-1]
            counts = named @ (sorts[:, None] >> np.arange(CROWDS) & 1).astype(np.float32)
            some = np.flatnonzero(counts.any(axis=1))
            slots = self._slot(rows[some])
            taken, slot = self._of(minute), _among(len(rows), some, slots)
            taken.counts[slots, :CROWDS] += counts[some].astype(np.int32)
            _mark(taken.met, slot[mine], subjects[here], kind)

    def follow(self, rows: Ints, place: Ints, minutes: Ints, kinds: Bytes, subjects: Words) -> None:
        """Note whose actions were followed up, of what was counted for table rows, as `add`.

        `kinds`: shape (events,), bits of `cases.Case`, none 0; `subjects`: their hashes, 0 unknown.
        """
        kinds = kinds | np.where(subjects == 0, np.uint8(UNKNOWN), np.uint8(0))
        for minute, here in scan.runs(minutes):
            mine = place[:, here]
            slot = _among(len(rows), *self._touched(rows, mine))
            _mark(self._of(minute).followed, slot[mine], subjects[here], kinds[here])

    def _touched(self, rows: Ints, place: Ints) -> tuple[Ints, Ints]:
        """Which of `rows` are named by `place`, and their slots."""
        some = np.flatnonzero(_count(place, len(rows) + 1)[:-1])
        return some, self._slot(rows[some])

    def knows(self, rows: Ints) -> NDArray[np.bool_]:
        """Which of `rows` ever had something counted."""
        found: NDArray[np.bool_] = self._slots_of(rows) >= 0
        return found

    def take(self, minute: int, rows: Ints) -> Taken:
        """What a minute holds of `rows`, which is forgotten here."""
        taken, mine = Taken.blank(len(rows)), self._minutes.get(minute)
        if mine is None:
            return taken
        slots = self._slots_of(rows)
        some = np.flatnonzero((slots >= 0) & (slots < len(mine.counts) - 1))
        here = slots[some]
        taken.put(some, mine.of(here))
        mine.put(here, Taken.blank(len(here)))
        if not mine.counts[:-1].any():
            del self._minutes[minute]
        return taken

    def _slots_of(self, rows: Ints) -> Ints:
        found: Ints = np.where(rows < len(self._slots), self._slots[np.minimum(rows, len(self._slots) - 1)], -1)
        return found

    def clear_rows(self, rows: list[int]) -> None:
        """Forget all that is counted of rows that were given back."""
        at = np.array(sorted(rows), np.int64)
        for minute in list(self._minutes):
            self.take(minute, at)

    def _slot(self, rows: Ints) -> Ints:
        most = int(rows.max(initial=0))
        if most >= len(self._slots):
            more = np.full(max(most + 1, 2 * len(self._slots)) - len(self._slots), -1, np.int32)
            self._slots = np.concatenate([self._slots, more])
        unknown = rows[self._slots[rows] < 0]
        for row in np.unique(unknown).tolist() if len(unknown) else ():
            self._slots[row] = len(self._rows)
            self._rows.append(row)
        found: Ints = self._slots[rows].astype(np.int64)
        return found

    def _of(self, minute: int) -> Taken:
        """What a minute holds, by slots; one more, the last, takes what counts for none."""
        known = self._minutes.get(minute)
        if known is not None and len(known.counts) > len(self._rows):
            return known
        self._minutes[minute] = grown = Taken.blank(max(64, 2 * len(self._rows)) + 1)
        if known is not None:
            grown.put(slice(len(known.counts) - 1), known.of(slice(-1)))
        return grown


def _mark(marks: Bytes, slots: Ints, subjects: Words, kinds: Bytes) -> None:
    """Mark the places of subjects, shape (events,), with their kinds, in slots of shape (dimensions, events)."""
    size = marks.shape[1]
    cells, flat = slots * size + surge.place(subjects).astype(np.int64) * size // surge.BITS, marks.reshape(-1)
    for each in np.flatnonzero(np.bincount(kinds)).tolist():  # alone, since a cell may be named twice
        flat[cells.take(np.flatnonzero(kinds == each), axis=1)] |= each


def _count(places: Ints, size: int) -> NDArray[np.float32]:
    """How often each of so many places is named."""
    return np.bincount(places.reshape(-1), minlength=size).astype(np.float32)


def _among(rows: int, some: Ints, slots: Ints) -> Ints:
    """Slots by place among rows: -1, the spare one, for the others and for nothing."""
    slot = np.full(rows + 1, -1)
    slot[some] = slots
    return slot
