"""The worker itself."""

from __future__ import annotations

import platform
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from detector import __version__
from detector.metrics.labels import Sink


class Process:
    """What it is, how it keeps up, and what it sends."""

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
