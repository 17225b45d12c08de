"""The engine: rows in, transitions out. A pure function of what it is given; the single seam of stream and backtest.

Rows only add integers to open event-time buckets. `test` looks at open buckets at once, `advance` makes buckets final,
learns, and runs timers; both apply the same step. Missing rows can only lower evidence, so a test never waits for a
bucket to close and never trips on disorder. Of late rows volume hears nothing; whom they are about waits for the next
minute (`latecomers`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.breaker import Moment
from detector.engine import deploys
from detector.engine.actuator import Actuator
from detector.engine.buckets import Cells, OpenBuckets
from detector.engine.columns import FOREVER, NEVER, put
from detector.engine.counting import Counting
from detector.engine.hearing import Hearing
from detector.engine.hours import Hours
from detector.engine.minutes import Minutes
from detector.engine.policy_state import note_deploy
from detector.engine.scopes import Scopes
from detector.engine.transition import Added, Batch, Transition
from detector.engine.walk import Walk
from detector.policy import StreamSettings
from detector.units import HOUR_MS, MINUTE_MS, hour_end

Ints = NDArray[np.int64]
HORIZON_S: Final = 600.0
"""Open buckets further ahead of the stream clock are judged only when it gets there."""
SILENCE_H: Final = 168
"""Hours without any event at all are passed over, not learned as zeros, from this many in a row."""


class Engine:
    """Evidence, baselines and breakers of all policies of all log partitions that a worker holds."""

    def __init__(self, stream: StreamSettings) -> None:
        self.bucket_ms = int(stream.bucket_s * 1000)
        self.lateness = -(-int(stream.lateness_s * 1000) // self.bucket_ms) + 1
        """Buckets that the last final one is behind that of the stream clock: that one is still running."""
        self.ahead = int(stream.ahead_s * 1000) // self.bucket_ms
        self._silence = SILENCE_H * HOUR_MS // self.bucket_ms
        self.scopes = Scopes(self.bucket_ms, self.lateness * self.bucket_ms + int(stream.catching_up_s * 1000))
        self.open = OpenBuckets()
        self.minutes = Minutes(self.scopes, self.bucket_ms)
        self._counting = Counting(self.scopes, self.open, self.minutes, self.bucket_ms)
        self.actuator = Actuator(self.scopes, self.open, self.bucket_ms, event_clock=stream.clock == "events")
        self._hearing = Hearing(self.scopes, self.actuator, self.bucket_ms)
        self._hours = Hours(self.scopes, self.minutes, self.bucket_ms, guard_h=-(-int(stream.guard_s) // 3600))
        self.stream: dict[int, int] = {}
        """Stream clock of each partition, as a bucket number."""

    def settled(self, partition: int) -> int:
        """The last bucket that is final on a partition."""
        stream = self.stream.get(partition)
        return NEVER if stream is None else stream - self.lateness

    def final(self, partition: int) -> int:
        """The last bucket of the last minute that is wholly final: channels take minutes."""
        settled = self.settled(partition)
        return settled if settled == NEVER else self.minutes.over(settled + 1) * MINUTE_MS // self.bucket_ms - 1

    def forget(self, partition: int) -> None:
        """The partition went to another worker."""
        self.scopes.forget_partition(partition)
        self.actuator.forget(partition)
        self.stream.pop(partition, None)
        self._counting.forget_freed()

    # --- rows ---------------------------------------------------------------------------------------------------------

    def add(self, batch: Batch) -> Added:
        """Count a batch's events. Actions at or behind what a scope has settled are late; the result says how many."""
        partitions = batch.partitions.tolist()
        settled = [self.settled(partition) for partition in partitions]
        limit = np.array([self.stream.get(partition, FOREVER - self.ahead) + self.ahead for partition in partitions])
        return self._counting.add(batch, settled, limit)

    def deploy(self, partition: int, policy_id: str, origin: str, time_ms: int, offset: int) -> None:
        """Note that an origin ("" unknown) of a policy ("" every one of the partition) was changed at `time_ms`."""
        if policy_id:
            named = self.scopes.policy(policy_id, partition, self.settled(partition), offset)
            policies = [named] if named else []
        else:
            everyone = self.scopes.deploys.setdefault(partition, {})
            note_deploy(everyone, origin, time_ms)
            policies = [policy for policy in self.scopes.policies.values() if policy.partition == partition]
        for policy in policies:
            if policy.position < offset:
                deploys.told(self.scopes, policy, origin, time_ms, self.bucket_ms)

    def test(self, rows: Ints, moments: Mapping[int, Moment], *, first: bool = False) -> list[Transition]:
        """Judge scopes by what is new in their open buckets; the `first` time by all of it.

        `rows` ascending; `moments` by partition.
        """
        links = self.scopes.links.rows
        rows = rows[np.isfinite(links["warn_h"][rows])]
        if not len(rows):
            return []
        horizon = np.full(max(moments) + 1, NEVER)
        for partition in moments:
            horizon[partition] = self.stream.get(partition, NEVER) + int(HORIZON_S * 1000) // self.bucket_ms
        limit = horizon[links["partition"][rows]]
        known, table, heard = self.scopes.standings, self.scopes.table.rows, rows
        newest = self.open.newest
        if first:
            known.forget(rows)
        else:
            lost = known.patience.lost(rows, known.heard(rows), known.oldest(rows), newest) | (newest > limit)
            rows, limit = rows[lost], limit[lost]
        if not len(rows):
            known.tested(heard)
            return []
        cells = self.open.cells(rows, known.through(rows, table["settled"][rows]), limit)
        walk = Walk(table, links, cells, self.bucket_ms, None if first else known)
        walk.keep(known)
        known.patience.forget(rows[newest > limit])  # what lies beyond the horizon was not walked
        known.tested(heard)
        found: list[Transition] = []
        for bucket, speaking in walk.moments():
            found += self._hearing.walk(walk, bucket, speaking, moments)
        return found

    def test_all(self, moments: Mapping[int, Moment]) -> list[Transition]:
        """Judge all scopes of partitions that have just caught up: their open buckets came untested.

        Those whose loaded state is ahead of this moment were tested before, and rows that it holds are still to come.
        """
        return self.test(self._rows(moments, moments), moments, first=True) if moments else []

    # --- time ---------------------------------------------------------------------------------------------------------

    def advance(self, to: Mapping[int, Moment]) -> list[Transition]:
        """Move the stream clock of partitions to their moments: settle, learn, run timers."""
        groups: dict[tuple[int | None, int, int], list[int]] = {}
        for partition, now in to.items():
            start, end = self.stream.get(partition), now.stream_ms // self.bucket_ms
            alone = partition if start is None or end - start >= self._silence else -1  # looks for its own first event
            groups.setdefault((start, end, alone), []).append(partition)
        found: list[Transition] = []
        for (start, end, _), partitions in groups.items():
            found += self._advance(partitions, start, end, {p: to[p] for p in partitions})
        return found

    def _advance(
        self, partitions: list[int], start: int | None, end: int, moments: Mapping[int, Moment]
    ) -> list[Transition]:
        found: list[Transition] = []
        at = self._begin(partitions, end) if start is None else start
        rows = self._rows(partitions, moments)
        # No step settles more than a trip in it stays open: what comes after a timer must be judged after it.
        shortest = min(self.scopes.rules.shortest_ms(partition) for partition in partitions) // self.bucket_ms
        while at < end:
            at = self._skip_silence(rows, at, end)
            self.scopes.glimpses.settle(partitions)
            step_to = min(end, hour_end(at - self.lateness + 1, self.bucket_ms) + self.lateness, at + shortest)
            due = self.scopes.glimpses.due(partitions, after=at - self.lateness)
            step_to = min([step_to, *(b + self.lateness for b in due), *self.actuator.timers(partitions, after=at)])
            found += self._settle(rows, at - self.lateness, step_to - self.lateness, moments)
            while moved := self.actuator.run_timers(partitions, step_to, moments):
                found += moved
            at = step_to
        self.scopes.glimpses.settle(partitions)
        for partition in partitions:
            self.stream[partition] = max(at, self.stream.get(partition, at))
        return found

    def _begin(self, partitions: list[int], end: int) -> int:
        """Bucket at which the stream clock of new partitions starts: just before their first event."""
        rows = self._all_rows(partitions)
        firsts = [b for b in self.open.between(NEVER, end) if self.open.counts(b, rows).any()]
        at = min(end, firsts[0] + self.lateness - 1) if firsts else end
        for name in ("settled", "at", "onset"):
            column = self.scopes.table.rows[name]
            column[rows] = np.maximum(column[rows], at - self.lateness)
        self.scopes.standings.forget(rows)
        self.scopes.mark_changed(rows)
        return at

    def _settle(self, rows: Ints, after: int, through: int, moments: Mapping[int, Moment]) -> list[Transition]:
        found = self._settle_buckets(self.open.cells(rows, after, through), moments)
        for final in self.open.between(after, through):
            self.open.clear(final, rows)
        settled = self.scopes.table.rows["settled"]
        settled[rows] = np.maximum(settled[rows], through)
        for moved, minute in self.minutes.settle(rows, after, through):
            self.scopes.mark_changed(moved.rows)
            found += self._hearing.channels(moved, minute, moments)
        if self.minutes.over(after + 1) != self.minutes.over(through + 1):
            self.actuator.acted(moments)
            for row in self._hearing.in_turn(self._hours.silent(rows, through)):
                found += self._hearing.row(row, through, moments)
        if through == hour_end(through, self.bucket_ms):
            self.scopes.mark_changed(rows)
            spoke = self._hours.close(rows, through)
            self.scopes.standings.forget(rows)
            for row in self._hearing.in_turn(spoke):
                found += self._hearing.row(row, through, moments)
            self.actuator.calm(moments, through)
        return found

    def _settle_buckets(self, cells: Cells, moments: Mapping[int, Moment]) -> list[Transition]:
        if not len(cells.row):
            return []
        table, found = self.scopes.table.rows, list[Transition]()
        walk = Walk(table, self.scopes.links.rows, cells, self.bucket_ms)
        walk.view["peak"] = np.maximum(walk.view["peak"], walk.peaks())
        for bucket, speaking in walk.moments():
            walk.record(bucket)
            put(table, walk.rows, walk.view)
            found += self._hearing.walk(walk, bucket, speaking, moments)
        walk.record()
        walk.finish()
        put(table, walk.rows, walk.view)
        self.scopes.mark_changed(walk.rows)
        return found

    def _skip_silence(self, rows: Ints, at: int, end: int) -> int:
        """Jump over a week or more without a single event: nothing can be learned from it."""
        if end - at < self._silence:
            return at
        open_ = self.open.between(at - self.lateness, end)
        quiet = next((b for b in open_ if self.open.counts(b, rows).any()), end) - self.lateness - 1
        if quiet - (at - self.lateness) < self._silence:
            return at
        jump = hour_end(quiet, self.bucket_ms, hours=-1)
        self._hours.skip(rows, jump)
        self.scopes.standings.forget(rows)
        self.scopes.mark_changed(rows)
        return jump + self.lateness

    def _rows(self, partitions: Iterable[int], moments: Mapping[int, Moment]) -> Ints:
        """Rows of partitions, without those whose loaded state already holds this moment."""
        mine = [(self.scopes.of_partition(p), moments[p].offset) for p in partitions]
        position = self.scopes.links.rows["position"]
        return np.sort(np.concatenate([rows[position[rows] < offset] for rows, offset in mine]))

    def _all_rows(self, partitions: Iterable[int]) -> Ints:
        return np.sort(np.concatenate([self.scopes.of_partition(p) for p in partitions]))
