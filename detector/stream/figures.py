"""What /metrics shows of the stages: counted as it happens, or read off once a second."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from faust.types import TP

from detector import logs
from detector.fold import figures, report

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from detector.config.setting_types import Settings
    from detector.events import Alert, Breaker
    from detector.fold import Fold
    from detector.fold.partition import Partition
    from detector.metrics import Metrics, RowResult, Stage
    from detector.stream.batch import Batch
    from detector.stream.consumer import FoldConsumer

RESULTS: Final[dict[str, RowResult]] = {
    "late": "late",
    "ahead": "ahead",
    "duplicates": "duplicate",
    "refused": "untracked",
}
"""The fold's counters, which a restart goes on with, and the results that count up from this process's start."""


class Figures:
    """Metrics of both stages of one worker."""

    def __init__(self, settings: Settings, fold: Fold, consumer: FoldConsumer, metrics: Metrics) -> None:
        self._topics: dict[Stage, str] = {"intake": settings.events_topic, "watch": settings.intake_topic}
        self._fold = fold
        self._consumer = consumer
        self._metrics = metrics
        self._counted: dict[int, Counter[str]] = {}
        self._sources: set[int] = set()

    def finished(self, stage: Stage, batch: Batch, seconds: float) -> None:
        """A step ended."""
        stages = self._metrics.stages
        stages.batch_records.labels(stage).observe(len(batch))
        stages.batch_seconds.labels(stage).observe(seconds)
        stages.progress.labels(stage).set(time.time())

    def published(self, alerts: Sequence[Alert], breakers: Sequence[Breaker], heartbeats: int) -> None:
        """These were acknowledged."""
        for alert in alerts:
            self._metrics.watch.alert(alert)
            _say(alert)
        for breaker in breakers:
            self._metrics.breakers.update(breaker)
        self._metrics.watch.heartbeats.inc(heartbeats)

    def loaded(self, partitions: Collection[int]) -> None:
        """The fold now holds these, and only these, as the table has them."""
        for partition in self._counted:
            self._metrics.watch.forget(partition)
            self._metrics.breakers.forget(partition)
        self._counted = {each: _counters(self._fold.partitions[each]) for each in partitions}
        for policy, key in self._fold.breakers():
            mine = self._fold.partitions[policy.partition]
            self._metrics.breakers.update(report.breaker(policy, key, mine.clock.log_ms, mine.config_version))
        self._metrics.process.recovered.set(len(partitions))

    def read(self) -> None:
        """Once a second: what is not worth counting each time."""
        owned = {
            stage: {tp for tp in self._consumer.assignment() if tp.topic == topic}
            for stage, topic in self._topics.items()
        }
        for stage, partitions in owned.items():
            self._read_stage(stage, partitions)
        self._read_sources(owned["intake"])
        if self._counted and not owned["watch"]:
            self.loaded(())  # no batch comes any more to say so
        self._metrics.watch.rates(self._fold.rates())
        for partition, before in self._counted.items():
            mine = self._fold.partitions[partition]
            self._counted[partition] = now = _counters(mine)
            self._count(partition, now - before)
            lag_s = self._fold.lag_s(mine, mine.clock.log_ms)
            self._metrics.watch.clock(partition, log_time_s=mine.clock.log_ms / 1000, lag_s=lag_s)
        listed = Counter(policy.listed for policy in self._fold.policies())
        learning = Counter(policy.listed for policy in figures.learning(self._fold))
        for flag in (True, False):
            self._metrics.policy_file.tracked.labels(str(flag).lower()).set(listed[flag])
            self._metrics.policy_file.learning.labels(str(flag).lower()).set(learning[flag])

    def _read_stage(self, stage: Stage, owned: Collection[TP]) -> None:
        lag = sum(max(0, (self._consumer.end_of(tp) or 0) - self._consumer.next_of(tp)) for tp in owned)
        self._metrics.stages.partitions.labels(stage).set(len(owned))
        self._metrics.stages.lag_records.labels(stage).set(lag)
        if owned and not lag:
            self._metrics.stages.progress.labels(stage).set(time.time())

    def _read_sources(self, owned: Collection[TP]) -> None:
        for tp in owned:
            self._metrics.intake.stalled(tp.partition, is_stalled=self._consumer.is_stalled(tp))
        for partition in self._sources - {tp.partition for tp in owned}:
            self._metrics.intake.forget(partition)
        self._sources = {tp.partition for tp in owned}

    def _count(self, partition: int, new: Counter[str]) -> None:
        watch = self._metrics.watch
        for name, result in RESULTS.items():
            watch.rows(result, new[name])
        watch.rows("applied", max(0, new["rows"] - new["late"] - new["refused"]))
        watch.gaps.inc(new["gaps"])
        watch.repeats.inc(new["repeated"])
        if new["gaps"]:
            logs.error("log_gap", partition=partition, count=new["gaps"])


def _counters(mine: Partition) -> Counter[str]:
    return Counter({**mine.counters, "gaps": mine.ranges.gaps, "repeated": mine.ranges.repeated})


def _say(alert: Alert) -> None:
    if alert.type == "breaker.faulted":
        logs.error("policy_faulted", scope=alert.scope.id, reason=alert.reason)
    elif alert.type != "breaker.warned":
        logs.info(
            "breaker_moved",
            scope=alert.scope.id,
            from_state=alert.from_state.value,
            to_state=alert.to_state.value,
            directive=alert.directive.value,
            generation=alert.generation,
            reason=alert.reason,
        )
