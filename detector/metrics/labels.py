"""Values that labels take. A producer chooses none of them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Gauge

UNKNOWN_POLICY: Final = "__unknown__"
MAX_POLICY_LABELS: Final = 1000

Stage = Literal["intake", "watch"]
Sink = Literal["log", "deadletters", "alerts", "breakers", "changelog"]
RowResult = Literal[
    "applied",  # counted, and evidence
    "late",  # counted, but its bucket had settled: no evidence of volume
    "ahead",  # too far ahead of the stream clock: no evidence
    "duplicate",  # its event id was seen within the lateness horizon
    "untracked",  # of an unlisted policy above the cap
]

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Buckets of durations."""


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


def drop(gauge: Gauge, label: str) -> None:
    """Show nothing of a label any more."""
    with suppress(KeyError):  # older releases of the library raise when there is nothing to remove
        gauge.remove(label)
