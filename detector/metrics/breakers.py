"""Breakers as they stand."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Gauge

from detector.events import Breaker, Directive
from detector.metrics.labels import PolicyLabels


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
        for shown, count in Counter(self._shown.values()).items():
            self._cell(shown).inc(count)

    def _cell(self, shown: _Shown) -> Gauge:
        return self._gauge.labels(self._labels.of(shown.policy_id), shown.mode, shown.state, shown.enforced)
