"""The channels of scopes, moved through final minutes.

A share could rise by rows that are missing, so it waits for them; volume can not, and does not. Of whom later ones
speak, the next minute hears.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.engine import channels, latecomers
from detector.engine.cases import ACTION, EVALUATED, Case, mix, other, undone
from detector.engine.channel_state import field
from detector.engine.channels import Items
from detector.engine.columns import MINUTES_CELLS, picked, put, taken
from detector.engine.denominators import Denominators
from detector.engine.scopes import Scopes
from detector.engine.tallies import Taken, Tallies
from detector.engine.touched import Touched
from detector.engine.transition import Batch
from detector.stats import windows
from detector.units import HOUR_MS, MINUTE_MS

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
ACTIONS: Final = field("actions")[0]


class Moved(NamedTuple):
    """Table rows whose channels a minute moved, ascending, and a copy of those channels."""

    rows: Ints
    channel: NDArray[np.void]


class Minutes:
    """Counts of minutes that are not final, and what final ones do to the channels of scopes."""

    def __init__(self, scopes: Scopes, bucket_ms: int) -> None:
        self._scopes = scopes
        self._bucket_ms = bucket_ms
        self._tallies = Tallies()
        self._denominators = Denominators()

    def __len__(self) -> int:
        return len(self._tallies)

    def over(self, bucket: int) -> int:
        """Minutes since the epoch that are over when `bucket` begins; the one in which it lies is not."""
        return bucket * self._bucket_ms // MINUTE_MS

    def tally(self, batch: Batch, touched: Touched, limit: Ints) -> None:
        """Count what channels ask of a batch's events, in minutes that are not final.

        `touched`: all of them that count for a scope. `limit`: per record, the last bucket that is not too far ahead.
        """
        self._evaluated(batch, limit)
        others, kinds = list(other(batch, self._again(batch))), mix(batch)[touched.events]
        if not (others or kinds.any()):
            return
        slot, time_ms = batch.slot[touched.events], batch.time_ms[touched.events]
        last = ((time_ms // MINUTE_MS + 1) * MINUTE_MS - 1) // self._bucket_ms  # bucket that begins in the minute
        counts = touched.beyond(touched.born, batch.offsets[slot] + 1) & (time_ms // self._bucket_ms <= limit[slot])
        open_ = touched.beyond(touched.settled, last)
        _count(self._tallies, batch, touched, counts & open_, time_ms // MINUTE_MS, kinds, others)
        if (behind := counts & ~open_).any():
            chosen = behind & latecomers.chosen(self._scopes, batch, touched, self._bucket_ms)
            late = Tallies()
            _count(late, batch, touched, chosen, time_ms // HOUR_MS * (HOUR_MS // MINUTE_MS), kinds, others)
            latecomers.hear(self._scopes, late, self._bucket_ms)

    def _evaluated(self, batch: Batch, limit: Ints) -> None:
        """Take note of items evaluated: of one policy, or, without its name, of all in the record's partition."""
        table = self._scopes.table.rows
        for i in np.flatnonzero(batch.kind == EVALUATED).tolist():
            slot, name = int(batch.slot[i]), batch.policies[batch.policy[i]]
            partition, time_ms = int(batch.partitions[slot]), int(batch.time_ms[i])
            if time_ms // self._bucket_ms > limit[slot]:
                continue
            for row in self._scopes.wholes(partition, name).tolist():
                minute = time_ms // MINUTE_MS
                open_ = minute >= (int(table["settled"][row]) + 1) * self._bucket_ms // MINUTE_MS
                if open_ and table["born"][row] <= batch.offsets[slot]:
                    self._denominators.add(row, minute, int(batch.evaluated[i]), int(batch.interval_ms[i]))

    def _again(self, batch: Batch) -> NDArray[np.bool_]:
        """Actions on subjects reinstated of late; takes note of those that the batch itself reinstates."""
        again, reinstates, acts = np.zeros(len(batch.kind), bool), undone(batch), batch.kind == ACTION
        told = set(batch.policy[reinstates].tolist())
        everyone = enumerate(map(self._scopes.policies.get, batch.policies))
        for code, policy in [(c, p) for c, p in everyone if p is not None and (p.reinstated or c in told)]:
            mine = batch.policy == code
            if code in told:
                new = mine & reinstates
                policy.reinstated.add(batch.subject[new], batch.time_ms[new])
                policy.changed = True
            mine &= acts
            again[mine] = policy.reinstated.again(batch.subject[mine], batch.time_ms[mine])
        return again

    def settle(self, rows: Ints, after: int, through: int) -> Iterator[tuple[Moved, int]]:
        """Move the channels of `rows` through the minutes that end with buckets in (after, through]."""
        first, end = self.over(after + 1), self.over(through + 1)
        if first == end:
            return
        link = self._scopes.links.rows
        heard = np.isin(rows, self._denominators.rows(first, end))
        mine = rows[(link["channel"][rows] >= 0) | self._tallies.knows(rows) | heard]
        if not len(mine):
            return
        waiting = latecomers.waiting(self._scopes, mine)
        self._scopes.mark_changed(mine[waiting], parts=True)
        rings = picked(self._scopes.table.rows, mine, "minutes", "minutes_head")
        minutes = np.arange(max(first, end - MINUTES_CELLS), end)
        acted = windows.cells(rings["minutes"], rings["minutes_head"], minutes)
        for i, minute in enumerate(minutes.tolist()):
            found = self._tallies.take(minute, mine)
            counts = found.counts
            counts[:, ACTIONS] = acted[:, i] * ((link["channel"][mine] >= 0) | counts.any(axis=1))
            items = self._denominators.take(minute, mine, rings)
            moved = waiting | counts.any(axis=1)
            some = np.flatnonzero(moved if items is None else moved | (items.evaluated > 0))
            if len(some):
                waiting[some] = False
                part = items and Items(*(each[some] for each in items))
                yield self._move(mine[some], found.of(some), part, minute), minute

    def close_hour(self, rows: Ints, hour: int, frozen: NDArray[np.bool_], guard_h: int) -> None:
        """End an hour (since the epoch) of the channels of `rows`; of `frozen` ones nothing is learned."""
        links = self._scopes.links.rows
        at = links["channel"][rows]
        some = at >= 0
        if some.any():
            channel = taken(self._scopes.channels.rows, at[some])
            channels.close_hour(channel, hour, frozen[some], guard_h)
            put(self._scopes.channels.rows, at[some], channel)
        for row in rows[links["whole"][rows]].tolist():
            if len(reinstated := self._scopes.owner[row][0].reinstated):
                reinstated.prune((hour + 1) * HOUR_MS)

    def clear_rows(self, rows: list[int]) -> None:
        """Forget what is counted of rows that were given back."""
        self._tallies.clear_rows(rows)
        self._denominators.clear_rows(rows)

    def _move(self, rows: Ints, found: Taken, items: Items | None, minute: int) -> Moved:
        at = np.array([self._scopes.channel(row, minute - 1) for row in rows.tolist()])
        channel = taken(self._scopes.channels.rows, at)
        channels.step(channel, found.counts, minute, items, (found.met, found.followed))
        put(self._scopes.channels.rows, at, channel)
        return Moved(rows, channel)


def _count(
    tallies: Tallies, batch: Batch, touched: Touched, counts: NDArray[np.bool_], minute: Ints, kinds: Bytes,
    others: list[Case],
) -> None:  # fmt: skip
    """Count events in minutes, shape (events,), for the scopes in `touched.rows` where a mask of that shape holds.

    `kinds`, shape (events,), and `others`: what `cases` says of them.
    """
    events, place, some = touched.events, touched.where(counts), counts.any(axis=0)
    met = np.where(some, kinds, np.uint8(0))  # what counts for nothing must not leave a minute that nobody takes
    follows = np.zeros(len(events), np.uint8)
    for case in others:
        mask = case.events[events] & some
        chosen = np.flatnonzero(mask)
        fields = case.fields[events[chosen]] if isinstance(case.fields, np.ndarray) else case.fields
        tallies.add(touched.distinct, place.take(chosen, axis=1), minute[chosen], fields)
        follows[mask] |= case.bit
    for note, kind in ((tallies.meet, met), (tallies.follow, follows)):
        chosen = np.flatnonzero(kind)
        subjects = batch.subject[events[chosen]]
        note(touched.distinct, place.take(chosen, axis=1), minute[chosen], kind[chosen], subjects)
