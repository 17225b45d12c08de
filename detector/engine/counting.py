"""Takes batches of events in: what counts for which scope, what comes too late or too early, what is worth a test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.engine import scan
from detector.engine.buckets import OpenBuckets
from detector.engine.cases import ACTION
from detector.engine.columns import FOREVER
from detector.engine.intern import intern
from detector.engine.minutes import Minutes
from detector.engine.scopes import Scopes
from detector.engine.touched import Touched
from detector.engine.transition import Added, Batch

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Counting:
    """Adds events to open buckets, and to minutes that are not final."""

    def __init__(self, scopes: Scopes, open_: OpenBuckets, minutes: Minutes, bucket_ms: int) -> None:
        self._scopes = scopes
        self._open = open_
        self._minutes = minutes
        self._bucket_ms = bucket_ms

    def add(self, batch: Batch, settled: list[int], limit: Ints) -> Added:
        """Count a batch's events.

        `settled`, `limit`: of each record, the last bucket that is final for its partition, and the last that is not
        too far ahead.
        """
        touched = intern(self._scopes, batch, settled)
        self.forget_freed()
        self._minutes.tally(batch, touched, limit)
        acts = batch.kind == ACTION
        touched = touched.only(acts[touched.events])
        slot, bucket = batch.slot[touched.events], batch.time_ms[touched.events] // self._bucket_ms
        past, ahead = bucket <= np.array(settled)[slot], bucket > limit[slot]
        known = touched.rows[0] >= 0
        self._begun(batch, slot, np.where(known & ~past & ~ahead, bucket, FOREVER))
        news = self._count(batch, touched, bucket, ahead)
        late, early, counted = (_of_record(slot[known & some], batch) for some in (past, ahead, True))
        return Added(self._heard(touched, bucket, news), late, early, _of_record(batch.slot[acts], batch) - counted)

    def forget_freed(self) -> None:
        """Rows given back may be used anew: their open counts must not be inherited."""
        if self._scopes.freed:
            self._open.clear_rows(self._scopes.freed)
            self._minutes.clear_rows(self._scopes.freed)
            self._scopes.freed.clear()

    def _begun(self, batch: Batch, slot: Ints, bucket: Ints) -> None:
        """Actions of these records came in these buckets: a stream is at least as old as they are."""
        first = np.full(len(batch.partitions), FOREVER)
        np.minimum.at(first, slot, bucket)
        for at in np.flatnonzero(first < FOREVER).tolist():
            self._scopes.glimpses.begin(int(batch.partitions[at]), int(first[at]))

    def _count(self, batch: Batch, touched: Touched, bucket: Ints, ahead: Mask) -> Mask:
        """Count actions in their buckets, those `ahead` in none; returns where in `touched.rows` that is news."""
        table, events = self._scopes.table.rows, touched.events
        offset = batch.offsets[batch.slot[events]]
        open_ = touched.beyond(touched.settled, bucket) & ~ahead
        fresh = touched.beyond(self._scopes.links.rows["position"][touched.distinct], offset)
        self._scopes.mark_changed(scan.distinct(touched.rows[0, fresh[0]], len(table)))
        if (gone := fresh & ~open_).any():
            np.add.at(table["total"], touched.rows[gone], 1)
        counted = open_ & touched.beyond(touched.born, offset + 1)
        some = _where(np.logical_or.reduce(counted))  # or a bucket would be left that nobody clears
        rows, events = np.where(counted, touched.rows, -1)[:, some], events[some]
        held, subjects = batch.held[events], batch.subject[events]
        self._open.add(rows, bucket[some], batch.automated[events], held, subjects, len(table))
        news: Mask = counted & fresh  # a refill's were heard before the restart
        return news

    def _heard(self, touched: Touched, bucket: Ints, news: Mask) -> Ints:
        """Rows that there is news of, ascending."""
        count = np.bincount(touched.where(news).reshape(-1), minlength=len(touched.distinct) + 1)[:-1]
        some = np.flatnonzero(count)
        self._scopes.standings.hear(touched.distinct[some], touched.least(bucket, news)[some], count[some])
        return touched.distinct[some]


def _where(holds: Mask) -> Ints | slice:
    """Which entries a mask holds for: a slice where it is all."""
    return slice(None) if holds.all() else np.flatnonzero(holds)


def _of_record(slot: Ints, batch: Batch) -> Ints:
    return np.bincount(slot, minlength=len(batch.partitions))
