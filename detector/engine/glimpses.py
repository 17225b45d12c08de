"""The bar of a scope that is changed before anything is learned of it: twice what little was seen, or a newborn's.

What was seen ends some minutes before the change: with the last minute that is final, wherever the stream is live, when
the change is made. So the bar is the same in whatever order and portions rows and deploys come, and who is live never
waits for it; where the stream lags, and nothing is judged at once, it is taken when that minute is final. Of several
changes the lowest bar holds, whichever is heard first: a bad version must not raise that of the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from detector.engine.columns import HOURS_CELLS, Table
from detector.engine.policy_state import Key, PolicyState, concerns
from detector.engine.standings import Standings
from detector.stats import baseline, surge, windows
from detector.units import DAY_MS, HOUR_MS, MINUTE_MS

HOUR_MIN: Final = HOUR_MS // MINUTE_MS


class Glimpses:
    """When the stream of each partition began, and which scopes wait for what was seen since then to be final.

    `behind_ms`: how far what is final is behind a change, at most, where the stream is live.
    """

    def __init__(self, table: Table, links: Table, standings: Standings, bucket_ms: int, behind_ms: int) -> None:
        self.started: dict[int, int] = {}
        """Bucket in which each partition's log began, or of its first action: who acted soon may have for years."""
        self._table, self._links, self._standings = table, links, standings
        self._bucket_ms, self._behind_ms = bucket_ms, behind_ms
        self._waiting: dict[int, list[tuple[int, PolicyState, Key, int]]] = {}
        """Per partition: the bucket that must be final first, the scope, and the bucket in which it was changed."""

    def begin(self, partition: int, bucket: int) -> None:
        """A partition's log, or an action in it, is as old as this."""
        self.started[partition] = min(bucket, self.started.get(partition, bucket))

    def is_first_day(self, partition: int, settled: int) -> bool:
        """Whether a partition's stream began less than a day before a bucket, or has not begun."""
        started = self.started.get(partition)
        return started is None or settled < started + DAY_MS // self._bucket_ms

    def forget(self, partition: int) -> None:
        """The partition went to another worker."""
        self.started.pop(partition, None)
        self._waiting.pop(partition, None)

    def changed(self, policy: PolicyState, key: Key, bucket: int) -> None:
        """A scope was changed in a bucket: hold it against what was seen before, once that is final."""
        if self._is_unknown(policy.rows[key]) and not self._waits(policy, key, bucket):
            self._take(policy, key, bucket)

    def catch_up(self, policy: PolicyState, key: Key) -> None:
        """A new scope was changed by all that its policy was told."""
        for bucket in self._changes(policy, key):
            self.changed(policy, key, bucket)

    def resume(self, policy: PolicyState) -> None:
        """A policy was loaded: what it waited for follows from its deploys."""
        for key in policy.rows:
            for bucket in self._changes(policy, key):
                self._waits(policy, key, bucket)

    def due(self, partitions: Iterable[int], after: int) -> list[int]:
        """Buckets beyond `after` that scopes wait for."""
        return [due for partition in partitions for due, *_ in self._waiting.get(partition, ()) if due > after]

    def settle(self, partitions: Iterable[int]) -> None:
        """Take what is final by now."""
        for partition in partitions:
            for _, policy, key, bucket in self._waiting.pop(partition, ()):
                if key in policy.rows:
                    self.changed(policy, key, bucket)

    def _changes(self, policy: PolicyState, key: Key) -> list[int]:
        return [at_ms // self._bucket_ms for origin, at_ms in policy.deploys.items() if concerns(origin, key)]

    def _waits(self, policy: PolicyState, key: Key, bucket: int) -> bool:
        due = ((self._last(bucket) + 1) * MINUTE_MS - 1) // self._bucket_ms
        waits = due > int(self._table.rows["settled"][policy.rows[key]])
        if waits:
            self._waiting.setdefault(policy.partition, []).append((due, policy, key, bucket))
        return waits

    def _last(self, bucket: int) -> int:
        """The last minute, since the epoch, that is seen of a scope that is changed in a bucket."""
        return (bucket * self._bucket_ms - self._behind_ms) // MINUTE_MS - 1

    def _is_unknown(self, row: int) -> bool:
        view = self._table.rows[row]
        young = view["level_b"] < baseline.KNOWN_H or view["bar"] == surge.NO_NEWS_PER_H
        return bool(view["stranger"] and young)

    def _take(self, policy: PolicyState, key: Key, bucket: int) -> None:
        row, last, started = policy.rows[key], self._last(bucket), self.started.get(policy.partition)
        seen_h = 0.0 if started is None else ((last + 1) * MINUTE_MS - started * self._bucket_ms) / HOUR_MS
        if seen_h < surge.GLIMPSE_H:
            return
        seen = self._seen([policy.rows[each] for each in policy.kin(key)], last)
        bar = max(surge.GLIMPSE_TIMES * seen / seen_h, float(self._links.rows["newborn"][row]))
        view = self._table.rows[row : row + 1]
        view["bar"] = np.minimum(view["bar"], bar)
        if view["level_b"][0] < baseline.KNOWN_H:  # else the next hour's is learned already
            view["next_bar"] = np.minimum(view["next_bar"], bar)
        policy.changed = True
        self._standings.forget(row)

    def _seen(self, rows: list[int], last: int) -> int:
        """Final actions through minute `last` of the row that has most: those of its hours, without the rest of one."""
        view, hour = self._table.rows[rows], np.full(len(rows), last // HOUR_MIN)
        through = windows.total(view["hours"], view["hours_head"], hour, HOURS_CELLS)
        end = hour * HOUR_MIN + HOUR_MIN - 1
        rest = windows.total(view["minutes"], view["minutes_head"], end, end - last)
        return int((through - rest).max())
