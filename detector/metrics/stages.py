"""The two stages: from the source topic into the log, and from the log to alerts and breakers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from detector.events import Alert, DeadLetterReason
from detector.metrics.labels import SECONDS, PolicyLabels, RowResult, Stage, drop

if TYPE_CHECKING:
    from collections.abc import Mapping

_RECORDS: Final = (1, 10, 100, 300, 1000, 3000, 10_000, 30_000)


class Stages:
    """What both agents have in common."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ["stage"]
        self.partitions = Gauge(
            "detector_assigned_partitions", "Partitions that this worker owns.", labels, registry=registry
        )
        self.lag_records = Gauge(
            "detector_consumer_lag_records",
            "Records behind the end of the owned partitions.",
            labels,
            registry=registry,
        )
        self.progress = Gauge(
            "detector_last_progress_timestamp_seconds",
            "When this worker last finished a batch, or found itself at the end of its partitions.",
            labels,
            registry=registry,
        )
        self.batch_records = Histogram(
            "detector_batch_records", "Records per polled batch.", labels, buckets=_RECORDS, registry=registry
        )
        self.batch_seconds = Histogram(
            "detector_batch_seconds",
            "Time per batch, acknowledgements of what it sent included.",
            labels,
            buckets=SECONDS,
            registry=registry,
        )
        for stage in get_args(Stage):
            self.partitions.labels(stage)
            self.lag_records.labels(stage)


class Intake:
    """From the source topic into the log."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.records = Counter("detector_source_records", "Records read from the source topic.", registry=registry)
        self._dead_letters = Counter(
            "detector_dead_letters", "Records that could not be used, by reason.", ["reason"], registry=registry
        )
        self._stalled = Gauge(
            "detector_source_partition_stalled",
            "1 while a source partition is stopped or silent with a backlog, and so left out of the stream clock.",
            ["partition"],
            registry=registry,
        )
        for reason in DeadLetterReason:
            self._dead_letters.labels(reason.value)

    def dead_letter(self, reason: str, count: int = 1) -> None:
        """Count bad records. Raises ValueError for a reason that is no `DeadLetterReason`."""
        self._dead_letters.labels(DeadLetterReason(reason).value).inc(count)

    def stalled(self, partition: int, *, is_stalled: bool) -> None:
        """Show whether an owned source partition is stalled."""
        self._stalled.labels(str(partition)).set(is_stalled)

    def forget(self, partition: int) -> None:
        """Drop what is shown of a source partition that this worker no longer owns."""
        drop(self._stalled, str(partition))


class Watch:
    """From the log to alerts and breakers."""

    def __init__(self, registry: CollectorRegistry, labels: PolicyLabels) -> None:
        self._labels = labels
        self._rows = Counter(
            "detector_rows", "Rows read from the log, each under one result.", ["result"], registry=registry
        )
        self.gaps = Counter("detector_log_gaps", "Ranges of the source that the log does not hold.", registry=registry)
        self.repeats = Counter(
            "detector_repeated_messages", "Messages that intake sent again after a crash: skipped.", registry=registry
        )
        self.heartbeats = Counter("detector_heartbeats", "Heartbeats sent to gates.", registry=registry)
        self._alerts = Counter(
            "detector_alerts", "Alerts sent, warnings included, by type.", ["policy", "type"], registry=registry
        )
        self._lag = Gauge("detector_stream_lag_seconds", "Log time less stream time.", ["partition"], registry=registry)
        self._log_clock = Gauge(
            "detector_log_clock_timestamp_seconds",
            "Broker time of the last tick that was applied.",
            ["partition"],
            registry=registry,
        )
        self._rates = Gauge(
            "detector_actions",
            "Actions of a listed policy in a rolling window of event time: 1m, 10m, 1h, 24h.",
            ["policy", "window"],
            registry=registry,
        )
        for result in get_args(RowResult):
            self._rows.labels(result)

    def rows(self, result: RowResult, count: int) -> None:
        """Count rows of the log; every row once."""
        self._rows.labels(result).inc(count)

    def alert(self, alert: Alert) -> None:
        """Count an alert that was acknowledged."""
        self._alerts.labels(self._labels.of(alert.scope.policy_id), alert.type).inc()

    def rates(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Show rolling counts by policy and window; policies without a label of their own are left out."""
        self._rates.clear()
        for policy_id, windows in counts.items():
            if self._labels.of(policy_id) == policy_id:
                for window, count in windows.items():
                    self._rates.labels(policy_id, window).set(count)

    def clock(self, partition: int, *, log_time_s: float, lag_s: float) -> None:
        """Show the clocks of an owned log partition: epoch seconds of its last tick, and how far the stream trails."""
        self._log_clock.labels(str(partition)).set(log_time_s)
        self._lag.labels(str(partition)).set(lag_s)

    def forget(self, partition: int) -> None:
        """Drop what is shown of a log partition that this worker no longer owns."""
        drop(self._log_clock, str(partition))
        drop(self._lag, str(partition))
