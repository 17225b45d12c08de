"""Which scopes a batch's events count for: each for its policy, and for its value of each watched dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

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
    among them; their number for nothing. `settled`, `born`: what the table says of each, `FOREVER` of nothing.
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
        place = index[rows]
        settled, born = (_spread(table[name][distinct], place) for name in ("settled", "born"))
        return cls(events, rows, distinct, place, settled, born)

    def only(self, chosen: Mask) -> Touched:
        """The part of some events, shape (n,); `distinct` stays as it is."""
        if chosen.all():
            return self
        at = np.flatnonzero(chosen)
        rows, place, settled, born = (each[:, at] for each in (self.rows, self.place, self.settled, self.born))
        return Touched(self.events[at], rows, self.distinct, place, settled, born)

    def each(self, column: NDArray[Any]) -> NDArray[Any]:
        """What a column of the table says of each of `rows`; `FOREVER` of nothing."""
        return _spread(column[self.distinct], self.place)

    def where(self, holds: Mask) -> Ints:
        """`place`, with nothing where a mask of its shape does not hold."""
        return np.where(holds, self.place, len(self.distinct))

    def least(self, values: Ints, holds: Mask) -> Ints:
        """For each of `distinct` the least value of its events, of those for which a mask holds; else `FOREVER`."""
        falling = scan.order(values.max(initial=0) - values)
        found: Ints = np.full(len(self.distinct) + 1, FOREVER)
        found[self.where(holds).take(falling, axis=1)] = values[falling]  # of several the last one stays
        return found[:-1]


def _spread(values: NDArray[Any], place: Ints) -> NDArray[Any]:
    return np.append(values, FOREVER).take(place)
