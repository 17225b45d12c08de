"""Every metric of the product. Names are an API: rules, dashboards and runbooks use them, and tests hold them to it.

Base units; no label takes a value that a producer chooses: policies are labelled only when the policy file lists them,
up to `MAX_POLICY_LABELS`, and all others share `__unknown__`. Label sets that a rule takes `increase()` of exist from
the start at zero, because a counter that appears at 1 has not increased for Prometheus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics, generate_latest

from detector.metrics.breakers import Breakers
from detector.metrics.labels import MAX_POLICY_LABELS, UNKNOWN_POLICY, PolicyLabels, RowResult, Sink, Stage
from detector.metrics.process import Process
from detector.metrics.stages import Intake, Stages, Watch
from detector.metrics.state import Checkpoints, PolicyFile

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "MAX_POLICY_LABELS",
    "UNKNOWN_POLICY",
    "Breakers",
    "Checkpoints",
    "Intake",
    "Metrics",
    "PolicyFile",
    "Process",
    "RowResult",
    "Sink",
    "Stage",
    "Stages",
    "Watch",
]


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
