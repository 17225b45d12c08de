"""Which rows of a log record are new: by the source ranges that were applied, and by event id while buckets are open.

Ranges make `intake`'s own repetition harmless for ever; ids catch producers that send an event twice, as long as the
event's bucket is not final. The sets live in memory only: the commit trails by the open buckets, and what is read again
after a restart fills them anew.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.wire.log import Rows

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Ranges:
    """Source offsets applied so far, per source partition."""

    def __init__(self, applied: dict[int, int]) -> None:
        self.applied = applied
        self.repeated = 0
        self.gaps = 0

    def new(self, rows: Rows) -> Mask | bool:
        """Rows not applied before (True: all of them); counts whole repetitions, and gaps."""
        if all(through <= self.applied.get(source, -2) for source, _, through in rows.ranges):
            self.repeated += 1
            return False
        mask: Mask | bool = True
        for number, prev, through in rows.ranges:
            applied = self.applied.get(number, prev)
            self.gaps += prev > applied
            if prev < applied:
                mask &= (rows.column("source") != number) | (rows.column("offset") > applied)
            self.applied[number] = max(applied, through)
        return mask

    def acknowledged(self, source: int, through: int) -> None:
        """A tick says that all rows up to here stand earlier in the log."""
        self.applied[source] = max(self.applied.get(source, through), through)


class Seen:
    """Ids of events in open buckets, and where in the log each open bucket begins."""

    def __init__(self) -> None:
        self._ids: set[int] = set()
        self._of_bucket: dict[int, list[Ints]] = {}
        self._first: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def new(self, ids: NDArray[np.uint64], buckets: Ints, offset: int) -> Mask:
        """First sightings among `ids` (all in open buckets), now remembered."""
        listed = ids.tolist()
        distinct = set(listed)
        if len(distinct) == len(listed) and self._ids.isdisjoint(distinct):
            mask = np.ones(len(ids), bool)
        else:
            mask = np.array([self._fresh(one) for one in listed], bool)
        self._ids |= distinct
        for bucket in np.unique(buckets).tolist():
            self._of_bucket.setdefault(bucket, []).append(ids[mask & (buckets == bucket)])
            self._first.setdefault(bucket, offset)
        return mask

    def settle(self, through: int) -> None:
        """Forget buckets that are final."""
        for bucket in [bucket for bucket in self._of_bucket if bucket <= through]:
            for ids in self._of_bucket.pop(bucket):
                self._ids.difference_update(ids.tolist())
            del self._first[bucket]

    def floor(self, position: int) -> int:
        """The log offset from which a restart must read: where the oldest open bucket begins."""
        return min(self._first.values(), default=position + 1)

    def _fresh(self, one: int) -> bool:
        known = one in self._ids
        self._ids.add(one)
        return not known
