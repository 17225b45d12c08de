"""Resident memory of `detector run` with few and with many policies, after the same number of events.

`python -m tests.bench.memory [--events 400000]`
"""

from __future__ import annotations

import argparse
import time
from typing import NamedTuple

from detector.wire.cloudevents import parse_alert
from tests.bench import traffic
from tests.bench.bed import Bed, broker, conditions
from tests.bench.kafka_io import Reader, fill

FEW, MANY = 200, 20_000
CAP = 2000
"""Unlisted policies per log partition: 20,000 policies spread over 32 of them."""
CHECKPOINTS_S = 12.0
"""Time for a checkpoint of everything to pass: its bytes count as memory, too."""


class Result(NamedTuple):
    """Bytes resident: when ready, and after all events and a checkpoint."""

    policies: int
    ready_bytes: int
    full_bytes: int

    def __str__(self) -> str:
        per_policy = (self.full_bytes - self.ready_bytes) / self.policies / 1000
        return (
            f"{self.policies:6,} policies: {self.full_bytes / 1e6:4.0f} MB, of which {self.ready_bytes / 1e6:4.0f} MB "
            f"when ready; {per_policy:.1f} kB a policy"
        )


def measure(bootstrap: str, policies: int, *, events: int = 400_000) -> Result:
    """Memory with so many policies, of which none is listed."""
    rules = f"unknown_policies: {{mode: enforce, cap: {CAP}}}\npolicies:\n{traffic.the_end_policy()}\n"
    with Bed(bootstrap, rules) as bed, bed.detector() as worker:
        worker.wait_for("readiness", worker.is_ready)
        ready = worker.usage()
        end_ms = int(time.time() * 1000) + events // 40
        fill(bootstrap, bed.settings.events_topic, traffic.even(events, policies, end_ms))
        with Reader(bootstrap, bed.settings.alerts_topic) as alerts:
            worker.wait_for("end", lambda: any(_is_end(seen.value) for seen in alerts.take()), timeout_s=180)
        time.sleep(CHECKPOINTS_S)
        full = worker.usage()
        worker.stop()
    return Result(policies, ready.rss_bytes, full.rss_bytes)


def _is_end(value: bytes) -> bool:
    return parse_alert(value).scope.policy_id == traffic.THE_END


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=400_000)
    events = parser.parse_args().events
    print(conditions())
    with broker() as bootstrap:
        for policies in (FEW, MANY):
            print(measure(bootstrap, policies, events=events), flush=True)


if __name__ == "__main__":
    main()
