"""Milliseconds from the produce of the event that crosses a limit to its alert at a consumer, at a steady pace.

Ten policies a second each get their 21st action within a minute, which their hard limit does not tolerate, among the
actions of 200 other policies. The feeder takes the time before it hands the crossing event to its producer, the reader
when the alert came out of its consumer: both are this process, so one clock.

`python -m tests.bench.latency [--seconds 40]`
"""

from __future__ import annotations

import argparse
import math
import random
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from detector.wire.cloudevents import parse_alert
from tests.bench import traffic
from tests.bench.bed import Bed, Worker, broker, conditions
from tests.bench.kafka_io import Reader, producer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STOCK = Path(__file__).with_name("peers") / "stock_faust.py"
TURN_S = 0.01
WARM_UP_S = 12.0
"""Past the first checkpoint: the first write to each partition of a new topic costs the broker an fsync."""
TOLERATED = 20
TURNS_PER_CROSSING = 10
GRACE_S = 10.0


class Result(NamedTuple):
    """Latencies of one run, ascending, and the CPU seconds that the program used per second."""

    title: str
    latencies_ms: list[float]
    cpu_ratio: float

    def percentile(self, share: float) -> float:
        return self.latencies_ms[math.ceil(share * len(self.latencies_ms)) - 1]

    def __str__(self) -> str:
        p50, p90, p99 = (self.percentile(share) for share in (0.5, 0.9, 0.99))
        ends = f"p50 {p50:7.0f}   p90 {p90:7.0f}   p99 {p99:7.0f}   worst {self.latencies_ms[-1]:7.0f} ms"
        return f"{self.title:28}{ends}   {len(self.latencies_ms)} alerts   {self.cpu_ratio:4.0%} of a core"


def crosser(number: int) -> str:
    """The id of a policy that crosses its limit."""
    return f"crosser-{number:04}"


class Feed(threading.Thread):
    """Sends `per_s` events per second, among them `crossings`; `sent_ns`: when each crossing event was sent."""

    def __init__(self, bootstrap: str, topic: str, *, per_s: int, crossings: int) -> None:
        super().__init__(daemon=True)
        self.bootstrap = bootstrap
        self._topic = topic
        self._per_turn = int(per_s * TURN_S)
        self._crossings = crossings
        self._out = producer(bootstrap, linger_ms=0)
        self._chance = random.Random(per_s)
        self._numbers = iter(range(0, 10**9, 4))  # every fourth event of `traffic` is fully automated: all of these
        self.sent_ns: dict[str, int] = {}

    def run(self) -> None:
        began_s = time.monotonic()
        for turn, due in enumerate(self._turns()):
            time.sleep(max(0.0, began_s + turn * TURN_S - time.monotonic()))
            others = self._chance.choices(range(traffic.POLICIES), traffic.shares(), k=self._per_turn - len(due))
            for policy in others:
                self._send(traffic.name(policy), policy)
            for number, is_crossing in due:
                sent_ns = self._send(crosser(number), number)
                if is_crossing:
                    self.sent_ns[crosser(number)] = sent_ns
            self._out.poll(0)
        self._out.flush(GRACE_S)

    def _turns(self) -> Iterator[list[tuple[int, bool]]]:
        """For each turn the crossing policies that act in it: one action every other turn until the crossing one."""
        last = {number: int(WARM_UP_S / TURN_S) + number * TURNS_PER_CROSSING for number in range(self._crossings)}
        plan: dict[int, list[tuple[int, bool]]] = {}
        for number, turn in last.items():
            for before in range(TOLERATED + 1):
                plan.setdefault(turn - 2 * before, []).append((number, before == 0))
        for turn in range(max(plan) + 1):
            yield plan.get(turn, [])

    def _send(self, policy_id: str, policy: int) -> int:
        now_ns = time.time_ns()
        value = traffic.action(policy_id, next(self._numbers), now_ns // 10**6, "1", self._chance)
        self._out.produce(self._topic, value, partition=policy % traffic.SOURCES)
        return now_ns


def policy_file(crossings: int, per_s: int) -> str:
    """The policies of `traffic`, and those that cross."""
    limit = f"hard_limit: {{max: {TOLERATED}, per: 1m}}"
    crossers = [f"  - {{id: {crosser(i)}, mode: enforce, min_rate_per_h: 1000000, {limit}}}" for i in range(crossings)]
    return traffic.policy_file(per_s) + "\n".join(crossers) + "\n"


def measure_ours(bootstrap: str, *, per_s: int, seconds: int) -> Result:
    """Latency of `detector run`."""
    crossings = _crossings(seconds)
    with Bed(bootstrap, policy_file(crossings, per_s)) as bed, bed.detector() as worker:
        worker.wait_for("readiness", worker.is_ready)
        feed = Feed(bootstrap, bed.settings.events_topic, per_s=per_s, crossings=crossings)
        result = _measure(f"detector run, {per_s:,}/s", worker, feed, bed.settings.alerts_topic, _tripped)
        worker.stop()
    return result


def measure_stock(bootstrap: str, *, per_s: int, seconds: int) -> Result:
    """Latency of the stock Faust program."""
    with Bed(bootstrap, "") as bed:
        source = bed.names.create("stock", traffic.SOURCES)
        alerts = bed.names.create("stock-alerts")
        bed.names.create("stock-windows-changelog", traffic.SOURCES, cleanup_policy="compact")
        with bed.program(STOCK, bootstrap, source, alerts, str(TOLERATED), "0", "automated") as worker:
            worker.wait_for("readiness", lambda: "Worker ready" in worker.log.read_text())
            feed = Feed(bootstrap, source, per_s=per_s, crossings=_crossings(seconds))
            return _measure(f"stock Faust, {per_s:,}/s", worker, feed, alerts, _stock_policy)


def _measure(title: str, worker: Worker, feed: Feed, topic: str, policy_of: Callable[[bytes], str | None]) -> Result:
    """Run the feed to its end and time each alert. Raises AssertionError when one is missing or told twice."""
    came_ns: dict[str, int] = {}
    before = worker.usage()
    with Reader(feed.bootstrap, topic) as reader:
        feed.start()
        deadline_s = math.inf
        while len(came_ns) < len(feed.sent_ns) or feed.is_alive():
            if not feed.is_alive():
                deadline_s = min(deadline_s, time.monotonic() + GRACE_S)
            if time.monotonic() > deadline_s:
                break
            for seen in reader.take(0.05):
                policy = policy_of(seen.value)
                if policy is not None and policy.startswith("crosser-"):
                    assert policy not in came_ns, f"{policy} was told twice"
                    came_ns[policy] = seen.seen_ns
    after = worker.usage()
    missing = feed.sent_ns.keys() - came_ns.keys()
    assert not missing, f"{len(missing)} crossings without an alert, such as {min(missing)}:\n{worker.tail()}"
    latencies_ms = sorted((came_ns[policy] - sent_ns) / 1e6 for policy, sent_ns in feed.sent_ns.items())
    return Result(title, latencies_ms, (after.cpu_s - before.cpu_s) / (after.at_s - before.at_s))


def _crossings(seconds: int) -> int:
    return int((seconds - WARM_UP_S) / (TURNS_PER_CROSSING * TURN_S))


def _tripped(value: bytes) -> str | None:
    alert = parse_alert(value)
    return alert.scope.policy_id if alert.type == "breaker.opened" else None


def _stock_policy(value: bytes) -> str | None:
    return str(msgspec.json.decode(value)["policy_id"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=40)
    seconds = parser.parse_args().seconds
    print(conditions())
    with broker() as bootstrap:
        print(measure_stock(bootstrap, per_s=1000, seconds=seconds))
        for per_s in (1000, 5000):
            print(measure_ours(bootstrap, per_s=per_s, seconds=seconds), flush=True)


if __name__ == "__main__":
    main()
