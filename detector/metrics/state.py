"""What a worker remembers, and the rules that it goes by."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from detector.metrics.labels import SECONDS
from detector.policy import Ruleset


class Checkpoints:
    """The durable state."""

    def __init__(self, registry: CollectorRegistry, started_s: float) -> None:
        self.seconds = Histogram(
            "detector_checkpoint_seconds",
            "Time of a checkpoint from its first write to its seal.",
            buckets=SECONDS,
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
