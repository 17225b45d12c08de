"""Which scopes a batch's events count for: each for its policy, and for its value of each watched dimension."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detector.engine import scan
from detector.engine.columns import FOREVER

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Touched:
    """Events and the table rows that they count for.

    `events`: shape (n,), indices into the batch. `rows`: shape (1 + dimensions, n), table rows, those of policies
    first; -1 where an event counts for nothing. `distinct`: those rows, ascending. `place`: of `rows`, where each is
    among them; their number for nothing. `settled`, `born`: what the table says of each of `distinct`.
    """

    events: Ints
    rows: Ints
    distinct: Ints
    place: Ints
    settled: Ints
    born: Ints

    @classmethod
    def of(cls, events: Ints, rows: Ints, table: NDArray[np.void]) -> Self:
        """Events with their rows of a table."""
        there = np.zeros(len(table) + 1, bool)
        there[rows] = True  # nothing's -1 is the last
        distinct = np.flatnonzero(there[:-1])
        index = np.full(len(table) + 1, len(distinct))
        index[distinct] = np.arange(len(distinct))
        return cls(events, rows, distinct, index[rows], table["settled"][distinct], table["born"][distinct])

    def only(self, chosen: Mask) -> Touched:
        """The part of some events, shape (n,); `distinct` stays as it is."""
        if chosen.all():
            return self
        at = np.flatnonzero(chosen)
        return replace(self, events=self.events[at], rows=self.rows[:, at], place=self.place[:, at])

    def beyond(self, bounds: Ints, values: Ints) -> Mask:
        """Where an event's value, shape (n,), is above the bound of its row, one for each of `distinct`.

        Shape as `rows`; never of nothing.
        """
        if bounds.max(initial=-FOREVER) < values.min(initial=FOREVER):  # as usual: no look at each
            return self.place < len(self.distinct)
        found: Mask = np.append(bounds, FOREVER).take(self.place) < values
        return found

    def where(self, holds: Mask) -> Ints:
        """`place`, with nothing where a mask of its shape does not hold."""
        return np.where(holds, self.place, len(self.distinct))

    def least(self, values: Ints, holds: Mask) -> Ints:
        """For each of `distinct` the least value of its events, of those for which a mask holds; else `FOREVER`."""
        found: Ints = np.full(len(self.distinct) + 1, FOREVER)
        place = self.where(holds)
        for negative, here in scan.runs(-values):  # falling: of several the last one stays
            found[place[:, here]] = -negative
        return found[:-1]
