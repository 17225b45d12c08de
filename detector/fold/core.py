"""The fold: a pure function of the log. Stream, tests and backtest run this very code.

One `apply` takes any number of records of any partitions. Records of one partition take effect in order, one after the
other; partitions do not touch each other, so the i-th records of all of them are handled in one pass over the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from detector import events
from detector.breaker import Moment
from detector.engine import Batch, Engine, Transition
from detector.engine.policy_state import Key, PolicyState
from detector.engine.rates import rolling
from detector.fold import loading, report
from detector.fold.joined import Ints, Joined, Mask
from detector.fold.partition import Partition
from detector.fold.snapshot import Snapshot
from detector.policy import DECIDERS, Ruleset, StreamSettings
from detector.wire import log

REFRESH_MS: Final = 600_000
"""Breaker records are written again this often, for readers that missed one."""
DEPLOY: Final = events.KINDS.index(events.Deploy)


class LogRecord(NamedTuple):
    """One record of the log: `timestamp_ms` is the broker's LogAppendTime."""

    partition: int
    offset: int
    timestamp_ms: int
    value: log.Record


class Outcome(Struct):
    """What must be sent before the log position may be committed."""

    alerts: list[events.Alert] = []
    breakers: list[events.Breaker] = []
    heartbeats: list[events.Heartbeat] = []


class Fold:
    """State of all log partitions that this worker holds.

    `stream` holds for the life of the fold: another bucket width or lateness takes effect with a restart.
    """

    def __init__(self, stream: StreamSettings | None = None) -> None:
        self._stream = stream or StreamSettings()
        self.engine = Engine(self._stream)
        self.partitions: dict[int, Partition] = {}

    # --- ownership ----------------------------------------------------------------------------------------------------

    def assign(self, partition: int, table: Mapping[bytes, bytes]) -> int | None:
        """Take over a partition with its table values; returns the sealed position (None: nothing was ever sealed).

        Raises StateError when the partition's own values can't be read; a policy's unreadable value moves that policy
        alone to FAULT.
        """
        mine = self.partitions[partition] = Partition(partition)
        return loading.load(self.engine, mine, table)

    def revoke(self, partition: int) -> None:
        """Forget a partition: another worker has it now."""
        self.partitions.pop(partition, None)
        self.engine.forget(partition)

    # --- the log ------------------------------------------------------------------------------------------------------

    def apply(self, records: Sequence[LogRecord]) -> Outcome:
        """Let records take effect; per partition they come in the order of their offsets."""
        lanes: dict[int, list[LogRecord]] = {}
        for record in records:
            lanes.setdefault(record.partition, []).append(record)
        outcome = Outcome()
        for round_ in zip_longest(*lanes.values()):
            self._round([record for record in round_ if record is not None], outcome)
        return outcome

    def _round(self, records: list[LogRecord], outcome: Outcome) -> None:
        """At most one record of each partition."""
        self._begin(records)
        self._lost(records, outcome)
        rows = [record for record in records if isinstance(record.value, log.Rows)]
        ticks = [record for record in records if isinstance(record.value, log.Tick) and self._is_new(record)]
        for record in records:
            if isinstance(record.value, log.Settings) and self._is_new(record):
                self._settings(self.partitions[record.partition], record.value, record, outcome)
        if rows:
            self._rows(rows, outcome)
        if ticks:
            self._tick(ticks, outcome)
        for record in records:
            mine = self.partitions[record.partition]
            mine.position = max(mine.position, record.offset)

    def _begin(self, records: list[LogRecord]) -> None:
        """A stream is as old as its first record, or an older action in it; with the event clock, as its first action.

        Not as its first tick: how soon that comes is chance.
        """
        glimpses = self.engine.scopes.glimpses
        for record in records:
            if self._stream.clock == "log" and record.partition not in glimpses.started:
                glimpses.begin(record.partition, record.timestamp_ms // self.engine.bucket_ms)

    def _lost(self, records: list[LogRecord], outcome: Outcome) -> None:
        """Tell of the policies whose state could not be read. Readers take a generation of this time for the newest."""
        for record in filter(self._is_new, records):
            mine = self.partitions[record.partition]
            now = Moment(mine.clock.stream_ms, record.timestamp_ms + 1, offset=record.offset)
            for policy, reason in mine.lost:
                self._tell(self.engine.actuator.lost(policy, reason, now), outcome)
            mine.lost = []

    def _is_new(self, record: LogRecord) -> bool:
        return record.offset > self.partitions[record.partition].position

    def _rows(self, records: list[LogRecord], outcome: Outcome) -> None:
        """Count what is new in records of rows, and judge at once the scopes that it touches."""
        added = self._add(records)
        now = {record.partition: self._moment(self.partitions[record.partition], record) for record in records}
        live = {partition: moment for partition, moment in now.items() if not moment.catching_up}
        if live and len(added):
            at = self.engine.scopes.links.rows["partition"][added]
            self._tell(self.engine.test(added[np.isin(at, list(live))], live), outcome)

    def _add(self, records: list[LogRecord]) -> Ints:
        """Returns the table rows that are worth a test."""
        joined = Joined([record.value for record in records if isinstance(record.value, log.Rows)])
        mines = [self.partitions[record.partition] for record in records]
        refills = [record.offset <= mine.sealed for mine, record in zip(mines, records, strict=True)]
        fresh = self._arrived(joined, records, refills)
        keep = np.flatnonzero(fresh)
        partitions, offsets = (np.array(column) for column in zip(*(record[:2] for record in records), strict=True))
        batch = joined.batch(keep, partitions, offsets, np.array(refills))
        self._deploys(batch)
        added = self.engine.add(batch)
        counts = zip(np.bincount(batch.slot, minlength=len(records)), *added[1:], strict=True)
        for mine, is_refill, (rows, late, ahead, refused) in zip(mines, refills, counts, strict=True):
            if not is_refill:
                for name, count in (("rows", rows), ("late", late), ("ahead", ahead), ("refused", refused)):
                    mine.count(name, int(count))
        return added.rows

    def _arrived(self, joined: Joined, records: list[LogRecord], refills: list[bool]) -> Mask:
        """Rows that were not applied before, and whose time is not plainly ahead of the log's."""
        fresh = np.ones(len(joined.slot), bool)
        if self._stream.clock == "log":
            limit = np.array([record.timestamp_ms for record in records]) + int(self._stream.lateness_s * 1000)
            fresh = joined.time_ms <= limit[joined.slot]
        bucket = joined.time_ms // self.engine.bucket_ms
        for slot, record in enumerate(records):
            mine, part = self.partitions[record.partition], joined.part(slot)
            if not refills[slot] and isinstance(record.value, log.Rows):
                new = mine.ranges.new(record.value)
                mine.count("ahead", int((~fresh[part] & new).sum()))
                fresh[part] &= new
            open_ = np.flatnonzero(fresh[part] & (bucket[part] > self.engine.final(record.partition)))
            first = mine.seen.new(joined.event[part][open_], bucket[part][open_], record.offset)
            if not first.all():
                mine.count("duplicates", int((~first).sum()) * (not refills[slot]))
                fresh[part.start + open_[~first]] = False
        return fresh

    def _deploys(self, batch: Batch) -> None:
        for i in np.flatnonzero(batch.kind == DEPLOY).tolist():
            policy, slot = batch.policies[batch.policy[i]], batch.slot[i]
            if batch.refills[slot]:
                continue
            place = int(batch.partitions[slot]), int(batch.offsets[slot])
            named = [names[codes[i]] for names, codes in (batch.values[d] for d in DECIDERS if d in batch.values)]
            for origin in [name for name in named if name] or [""]:
                self.engine.deploy(place[0], policy, origin, int(batch.time_ms[i]), place[1])

    def _settings(self, mine: Partition, settings: log.Settings, record: LogRecord, outcome: Outcome) -> None:
        if settings.version == mine.config_version:
            return
        ruleset = msgspec.json.decode(settings.ruleset, type=Ruleset)
        mine.config_version, mine.ruleset = settings.version, settings.ruleset
        now = self._moment(mine, record)
        for policy, is_new in self.engine.scopes.configure(mine.number, ruleset):
            if policy.position >= record.offset:
                continue
            moved = self.engine.actuator.configured(policy, now, is_new=is_new)
            self._tell(moved, outcome)
            told = {said.key for said in moved}
            outcome.breakers += [
                report.breaker(policy, key, record.timestamp_ms, mine.config_version)
                for key in sorted(policy.breakers)
                if key not in told
            ]

    def _tick(self, ticks: list[LogRecord], outcome: Outcome) -> None:
        to: dict[int, Moment] = {}
        for record in ticks:
            mine = self.partitions[record.partition]
            before = self._moment(mine, record)
            if isinstance(record.value, log.Tick):
                mine.clock.tick(record.value, record.timestamp_ms, self._stream)
                for source in record.value.sources:
                    mine.ranges.acknowledged(source.source, source.through)
            now = self._moment(mine, record)
            if mine.clock.stream_ms:
                to[record.partition] = now._replace(catching_up=now.catching_up or before.catching_up)
            mine.catching_up, arrived = now.catching_up, mine.catching_up and not now.catching_up
            mine.arrived = arrived or (before.catching_up and not now.catching_up)
        self._tell(self.engine.advance(to), outcome)
        live = {n: now._replace(catching_up=False) for n, now in to.items() if self.partitions[n].arrived}
        self._tell(self.engine.test_all(live), outcome)
        for record in ticks:
            self._after_tick(self.partitions[record.partition], record, outcome)

    def _after_tick(self, mine: Partition, record: LogRecord, outcome: Outcome) -> None:
        mine.seen.settle(self.engine.final(mine.number))
        log_ms = record.timestamp_ms
        if mine.arrived:
            for policy, key in self.engine.actuator.issue(mine.number, self._moment(mine, record)):
                outcome.breakers.append(report.breaker(policy, key, log_ms, mine.config_version))
        if log_ms // REFRESH_MS != mine.refreshed:
            mine.refreshed = log_ms // REFRESH_MS
            for policy in self.policies(mine.number):
                if policy.position < record.offset:  # a loaded state ahead of the log has said its word already
                    outcome.breakers += [
                        report.breaker(policy, key, log_ms, mine.config_version) for key in sorted(policy.breakers)
                    ]
        outcome.heartbeats.append(
            events.Heartbeat(
                partition=mine.number,
                position=record.offset,
                stream_time=report.moment(mine.clock.stream_ms),
                log_time=report.moment(log_ms),
                lag_s=self.lag_s(mine, log_ms),
            )
        )

    def _moment(self, mine: Partition, record: LogRecord) -> Moment:
        """Where a partition stands when a record comes. With the event clock there is nothing to catch up with."""
        stream_ms, log_ms = mine.clock.stream_ms, record.timestamp_ms
        behind = self._stream.clock == "log" and log_ms - stream_ms > self._stream.catching_up_s * 1000
        return Moment(stream_ms, log_ms, behind, record.offset)

    def _tell(self, transitions: Sequence[Transition], outcome: Outcome) -> None:
        for said in transitions:
            mine = self.partitions[said.policy.partition]
            quality = mine.quality(said.now.log_ms if self._stream.clock == "log" else mine.clock.stream_ms)
            outcome.alerts.append(report.alert(said, quality, mine.config_version))
            if said.type != "breaker.warned":
                outcome.breakers.append(report.breaker(said.policy, said.key, said.now.log_ms, mine.config_version))

    # --- the outside --------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Everything that changed since the last snapshot, as of now."""
        return Snapshot.take(self.engine, self.partitions)

    def policies(self, partition: int | None = None) -> Iterator[PolicyState]:
        """Policies in order of their ids."""
        for _, policy in sorted(self.engine.scopes.policies.items()):
            if partition is None or policy.partition == partition:
                yield policy

    def rates(self) -> dict[str, dict[str, int]]:
        """Actions per listed policy in the rolling windows `1m`, `10m`, `1h` and `24h` of event time."""
        return rolling(self.engine.scopes, self.engine.bucket_ms)

    def lag_s(self, mine: Partition, log_ms: int) -> float:
        """How far a partition's stream clock is behind a log time; with the event clock there is no lag."""
        return mine.clock.behind_ms(log_ms) / 1000 if self._stream.clock == "log" else 0.0

    def breakers(self) -> Iterator[tuple[PolicyState, Key]]:
        """Every scope whose breaker ever moved, in order."""
        for policy in self.policies():
            for key in sorted(policy.breakers):
                yield policy, key
