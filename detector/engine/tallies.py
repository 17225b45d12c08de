"""What channels ask of events, counted per scope and minute until the minute is final: sums, whatever the order.

Only scopes that such events ever named take room here; how much they act is known from the volume's own counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.engine import scan
from detector.engine.buckets import ONE
from detector.engine.channel_state import CONTENT_OLD_S, CROWDS, FIELDS, TENURED_S, field
from detector.engine.transition import Batch
from detector.stats import ages, surge

Ints = NDArray[np.int64]
Counts = NDArray[np.int32]
Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]

ACTION, APPEAL, DECISION, REVERSAL, REVIEW, _, EVALUATED = range(7)
"""Kinds of events, as in `events.KINDS`; those up to reviews count for scopes."""
_FIELD: Final = {name: field(name)[0] for name in FIELDS}
_TENURED_H: Final = TENURED_S // 3600 + 1
_CONTENT_OLD_H: Final = CONTENT_OLD_S // 3600 + 1


def mix(batch: Batch) -> Bytes:
    """What each action says of whom it meets, a bit for each of the first `CROWDS` of `FIELDS`; 0 of other events."""
    ages_h = (batch.subject_age_h, _TENURED_H), (batch.content_age_h, _CONTENT_OLD_H)
    known = [(age_h > 0, age_h >= old) for age_h, old in ages_h] + [(batch.prior > 0, batch.prior == 1)]
    kinds = np.packbits([mask for pair in known for mask in pair], axis=0, bitorder="little")[0]
    found: Bytes = np.where(batch.kind == ACTION, kinds, np.uint8(0))
    return found


def other(batch: Batch, again: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.bool_], Ints | int]]:
    """What else a batch's events count for: a mask of events each, and their column of `FIELDS` (one each, or one).

    `again`: actions on subjects that were reinstated of late.
    """
    if again.any():
        yield again, _FIELD["rebans"]
    if (batch.kind != ACTION).any():
        yield from _follow_ups(batch)


def undone(batch: Batch) -> NDArray[np.bool_]:
    """Events that reinstate their subject."""
    found: NDArray[np.bool_] = batch.wrong & ((batch.kind == DECISION) | (batch.kind == REVERSAL))
    return found


def _follow_ups(batch: Batch) -> Iterator[tuple[NDArray[np.bool_], Ints | int]]:
    age = ages.bin_of(batch.acted_s)
    wrong = batch.wrong
    decision = batch.kind == DECISION
    decided = decision | (batch.kind == REVIEW)
    yield batch.kind == APPEAL, _FIELD["appeals_0"] + age
    yield decided, _FIELD["decided_0"] + age
    yield decided & wrong, _FIELD["overturned_0"] + age
    yield (batch.kind == REVERSAL) & wrong, _FIELD["reversals_0"] + age
    yield undone(batch), _FIELD["reinstated"]
    yield decision & ~wrong & batch.automated, _FIELD["quick_rejections"]


class Taken(NamedTuple):
    """What a minute holds of some rows: counts, shape (rows, len(FIELDS)), and marks of subjects, see `crowds`."""

    counts: Counts
    marks: Bytes


class Tallies:
    """Counts per (minute, scope, field) of all minutes that are not final everywhere, and subjects behind the mix."""

    def __init__(self) -> None:
        self._minutes: dict[int, Taken] = {}
        self._slots: NDArray[np.int32] = np.full(64, -1, np.int32)
        self._rows: list[int] = []

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

        `kinds`: shape (events,), see `mix`, none 0; `subjects`: their hashes.
        """
        for minute, here in scan.runs(minutes):
            mine, kind = place[:, here], kinds[here]
            some, slots = self._touched(rows, mine)
            taken, slot = self._of(minute), _among(len(rows), some, slots)
            fields = (np.flatnonzero(kind & np.uint8(1 << at)) for at in range(CROWDS))
            counts = [_count(mine.take(those, axis=1), len(rows))[some] for those in fields]
            taken.counts[slots, :CROWDS] += np.stack(counts, axis=1)
            cells = slot[mine] * surge.BITS + surge.place(subjects[here]).astype(np.int64)
            marks = taken.marks.reshape(-1)
            for each in np.flatnonzero(np.bincount(kind)).tolist():  # alone, since a cell may be named twice
                marks[cells.take(np.flatnonzero(kind == each), axis=1)] |= each

    def _touched(self, rows: Ints, place: Ints) -> tuple[Ints, Ints]:
        """Which of `rows` are named by `place`, and their slots."""
        some = np.flatnonzero(_count(place, len(rows)))
        return some, self._slot(rows[some])

    def knows(self, rows: Ints) -> NDArray[np.bool_]:
        """Which of `rows` ever had something counted."""
        found: NDArray[np.bool_] = self._slots_of(rows) >= 0
        return found

    def take(self, minute: int, rows: Ints) -> Taken:
        """What a minute holds of `rows`, which is forgotten here."""
        taken, mine = _blank(len(rows)), self._minutes.get(minute)
        if mine is None:
            return taken
        slots = self._slots_of(rows)
        some = (slots >= 0) & (slots < len(mine.counts) - 1)
        here = slots[some]
        taken.counts[some], taken.marks[some] = mine.counts[here], mine.marks[here]
        mine.counts[here], mine.marks[here] = 0, 0
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
        self._minutes[minute] = grown = _blank(max(64, 2 * len(self._rows)) + 1)
        if known is not None:
            rows = len(known.counts) - 1
            grown.counts[:rows], grown.marks[:rows] = known.counts[:-1], known.marks[:-1]
        return grown


def _blank(rows: int) -> Taken:
    return Taken(np.zeros((rows, len(FIELDS)), np.int32), np.zeros((rows, surge.BITS), np.uint8))


def _count(place: Ints, rows: int) -> Counts:
    """How often each of so many rows is named."""
    return np.bincount(place.reshape(-1), minlength=rows + 1)[:-1].astype(np.int32)


def _among(rows: int, some: Ints, slots: Ints) -> Ints:
    """Slots by place among rows: -1, the spare one, for the others and for nothing."""
    slot = np.full(rows + 1, -1)
    slot[some] = slots
    return slot
