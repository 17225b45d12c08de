"""Every metric of the product. Names are an API: rules, dashboards and runbooks use them, and tests hold them to it.

Base units; no label takes a value that a producer chooses: policies are labelled only when the policy file lists them,
up to `MAX_POLICY_LABELS`, and all others share `__unknown__`. Label sets that a rule takes `increase()` of exist from
the start at zero, because a counter that appears at 1 has not increased for Prometheus.
"""

from __future__ import annotations

import platform
from collections import Counter as Tally
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from detector import __version__
from detector.events import Alert, Breaker, DeadLetterReason, Directive
from detector.policy import Ruleset

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNKNOWN_POLICY: Final = "__unknown__"
MAX_POLICY_LABELS: Final = 1000

Stage = Literal["intake", "watch"]
Sink = Literal["log", "deadletters", "alerts", "breakers", "changelog"]
RowResult = Literal[
    "applied",  # counted, and evidence
    "late",  # counted, but its bucket had settled: no evidence
    "ahead",  # too far ahead of the stream clock: no evidence
    "duplicate",  # its event id was seen within the lateness horizon
    "untracked",  # of an unlisted policy above the cap
]

_RECORDS: Final = (1, 10, 100, 300, 1000, 3000, 10_000, 30_000)
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class PolicyLabels:
    """Which policies may be label values."""

    def __init__(self) -> None:
        self._listed: frozenset[str] = frozenset()

    def take(self, policy_ids: Iterable[str]) -> None:
        """Take the policies of the file in force; the first `MAX_POLICY_LABELS` get labels of their own."""
        self._listed = frozenset(list(dict.fromkeys(policy_ids))[:MAX_POLICY_LABELS])

    def of(self, policy_id: str) -> str:
        """The label of a policy."""
        return policy_id if policy_id in self._listed else UNKNOWN_POLICY


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
            buckets=_SECONDS,
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
        _drop(self._stalled, str(partition))


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
        _drop(self._log_clock, str(partition))
        _drop(self._lag, str(partition))


class _Shown(NamedTuple):
    partition: int
    policy_id: str
    mode: str
    state: str
    enforced: str


class Breakers:
    """How many breakers stand where: a scope's own name is no label, because producers choose origins and regions."""

    def __init__(self, registry: CollectorRegistry, labels: PolicyLabels) -> None:
        self._labels = labels
        self._shown: dict[str, _Shown] = {}
        self._gauge = Gauge(
            "detector_breakers",
            "Breakers by state; enforced is true while gates are told to hold.",
            ["policy", "mode", "state", "enforced"],
            registry=registry,
        )

    def update(self, breaker: Breaker) -> None:
        """Show the current word on one scope."""
        enforced = "false" if breaker.directive is Directive.NONE else "true"
        new = _Shown(breaker.partition, breaker.scope.policy_id, breaker.mode, breaker.state.value, enforced)
        old = self._shown.get(breaker.scope.id)
        if new == old:
            return
        if old is not None:
            self._cell(old).dec()
        self._cell(new).inc()
        self._shown[breaker.scope.id] = new

    def forget(self, partition: int) -> None:
        """Drop the scopes of a log partition that this worker no longer owns."""
        self._shown = {scope: shown for scope, shown in self._shown.items() if shown.partition != partition}
        self.redraw()

    def redraw(self) -> None:
        """Count afresh, for instance because other policies are listed now."""
        self._gauge.clear()
        for shown, count in Tally(self._shown.values()).items():
            self._cell(shown).inc(count)

    def _cell(self, shown: _Shown) -> Gauge:
        return self._gauge.labels(self._labels.of(shown.policy_id), shown.mode, shown.state, shown.enforced)


class Checkpoints:
    """The durable state."""

    def __init__(self, registry: CollectorRegistry, started_s: float) -> None:
        self.seconds = Histogram(
            "detector_checkpoint_seconds",
            "Time of a checkpoint from its first write to its seal.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.bytes = Counter("detector_checkpoint_bytes", "Bytes of state written.", registry=registry)
        self.failures = Counter("detector_checkpoint_failures", "Checkpoints that did not seal.", registry=registry)
        self.last_success = Gauge(
            "detector_checkpoint_last_success_timestamp_seconds",
            "When a checkpoint last sealed; before the first, when the process started.",
            registry=registry,
        )
        self.last_success.set(started_s)


class PolicyFile:
    """The policy file in force (the built-in rules before one is loaded), and how much it makes the worker track."""

    def __init__(self, registry: CollectorRegistry, started_s: float) -> None:
        self.tracked = Gauge(
            "detector_tracked_policies", "Policies that this worker tracks.", ["listed"], registry=registry
        )
        self.learning = Gauge(
            "detector_learning_policies",
            "Tracked policies that are too new for their volume, or a surge without a deploy, to be judged.",
            ["listed"],
            registry=registry,
        )
        self.unlisted_cap = Gauge(
            "detector_unlisted_policies_cap", "Unlisted policies tracked per log partition, at most.", registry=registry
        )
        self._ok = Gauge(
            "detector_policy_file_last_reload_successful",
            "1 when the policy file last read was valid.",
            registry=registry,
        )
        self._success = Gauge(
            "detector_policy_file_last_reload_success_timestamp_seconds",
            "When a valid policy file was last read.",
            registry=registry,
        )
        self._info = Gauge(
            "detector_policy_file_info", "Digest of the policy file last read.", ["version"], registry=registry
        )
        self.loaded(Ruleset().version, started_s)
        for listed in ("true", "false"):
            self.tracked.labels(listed)
            self.learning.labels(listed)

    def loaded(self, version: str, now_s: float) -> None:
        """A valid file was read at `now_s`, epoch seconds."""
        self._info.clear()
        self._info.labels(version).set(1)
        self._success.set(now_s)
        self._ok.set(1)

    def rejected(self) -> None:
        """A file was refused; the one before stays in force."""
        self._ok.set(0)


class Process:
    """The worker itself."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.log_partitions = Gauge(
            "detector_log_partitions", "Partitions of the log topic, all workers together.", registry=registry
        )
        self.recovered = Gauge(
            "detector_recovered_log_partitions",
            "Owned log partitions whose state was proved complete and is being kept up.",
            registry=registry,
        )
        self.loop_lag = Gauge("detector_loop_lag_seconds", "How late the event loop last woke up.", registry=registry)
        self._sends = Counter("detector_sends", "Records acknowledged by the broker.", ["sink"], registry=registry)
        self._send_failures = Counter(
            "detector_send_failures",
            "Records that the broker did not take; the worker stops.",
            ["sink"],
            registry=registry,
        )
        build = Gauge("detector_build_info", "What runs here.", ["version", "python"], registry=registry)
        build.labels(__version__, platform.python_version()).set(1)
        for sink in get_args(Sink):
            self._sends.labels(sink)
            self._send_failures.labels(sink)

    def sent(self, sink: Sink, count: int = 1) -> None:
        """Count acknowledged records."""
        self._sends.labels(sink).inc(count)

    def send_failed(self, sink: Sink) -> None:
        """Count a record that was not taken."""
        self._send_failures.labels(sink).inc()


class Metrics:
    """One worker's metrics, in a registry of their own. `started_s`: epoch seconds."""

    def __init__(self, *, started_s: float) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library does not annotate it
        self.registry = CollectorRegistry()
        self._labels = PolicyLabels()
        ProcessCollector(registry=self.registry)
        self.process = Process(self.registry)
        self.stages = Stages(self.registry)
        self.intake = Intake(self.registry)
        self.watch = Watch(self.registry, self._labels)
        self.breakers = Breakers(self.registry, self._labels)
        self.checkpoints = Checkpoints(self.registry, started_s)
        self.policy_file = PolicyFile(self.registry, started_s)

    def list_policies(self, policy_ids: Iterable[str]) -> None:
        """Give the policies of the file in force labels of their own."""
        self._labels.take(policy_ids)
        self.breakers.redraw()

    def render(self) -> bytes:
        """The exposition, in Prometheus' text format (`prometheus_client.CONTENT_TYPE_LATEST`)."""
        return generate_latest(self.registry)


def _drop(gauge: Gauge, label: str) -> None:
    with suppress(KeyError):  # older releases of the library raise when there is nothing to remove
        gauge.remove(label)
