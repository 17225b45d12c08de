"""Events per second and CPU per million events, catching up: stock Faust, aiokafka alone, and the detector.

One broker, one run, one after the other, `--repeat` times in turn. Each figure is from the first record handled to the
last: the peers print both moments themselves; the detector's first step dates its policy file in the log, and its last
is the alert of a policy whose limit only the very last event of each source partition can pass.

`python -m tests.bench.throughput [--events 1500000] [--stock-events 60000] [--repeat 3]`
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from pathlib import Path
from typing import NamedTuple

from detector.events import Alert
from detector.wire.cloudevents import parse_alert
from tests.bench import traffic
from tests.bench.bed import Bed, broker, conditions
from tests.bench.kafka_io import Reader, Seen, fill

PEERS = Path(__file__).with_name("peers")
SAID = re.compile(r"\b(first|last) ([\d.]+) ([\d.]+)")
"""What a peer prints: moment, seconds since the epoch, CPU seconds used so far."""
PER_S = 20_000
STOCK_PER_S = 3_000
STOCK_LIMIT = 60_000
"""Events per second of event time: a hundred seconds of a large platform; of a smaller one for the stock program."""
STOCK_NAME, LIMIT_NAME, OURS_NAME = "stock Faust", "aiokafka getmany alone", "detector run"


class Caught(NamedTuple):
    """One catching up."""

    events: int
    took_s: float
    cpu_s: float
    rss_bytes: int

    @property
    def per_s(self) -> float:
        return self.events / self.took_s

    @property
    def cpu_per_million_s(self) -> float:
        return self.cpu_s / self.events * 1e6


class Result(NamedTuple):
    """All runs by program."""

    runs: dict[str, list[Caught]]

    def median(self, name: str, figure: str) -> float:
        return statistics.median(getattr(run, figure) for run in self.runs[name])

    def ratio(self, other: str) -> float:
        """Events per second of the detector over those of `other`."""
        return self.median(OURS_NAME, "per_s") / self.median(other, "per_s")

    def __str__(self) -> str:
        lines = [f"{'':24}{'events/s':>22}{'CPU-s per million':>22}{'RSS MB':>9}{'ours is':>9}"]
        for name, runs in self.runs.items():
            speeds = sorted(run.per_s for run in runs)
            cpus = sorted(run.cpu_per_million_s for run in runs)
            speed = f"{self.median(name, 'per_s'):,.0f} [{speeds[0]:,.0f}-{speeds[-1]:,.0f}]"
            cpu = f"{self.median(name, 'cpu_per_million_s'):.1f} [{cpus[0]:.1f}-{cpus[-1]:.1f}]"
            rss = max(run.rss_bytes for run in runs) / 1e6
            lines.append(f"{name:24}{speed:>22}{cpu:>22}{rss:9.0f}{self.ratio(name):8.2f}x")
        return "\n".join(lines)


def measure(bootstrap: str, *, events: int = 1_500_000, stock_events: int = 60_000, repeat: int = 1) -> Result:
    """Run all three in turn. Raises AssertionError when a program does not do its job."""
    runs: dict[str, list[Caught]] = {STOCK_NAME: [], LIMIT_NAME: [], OURS_NAME: []}
    for _ in range(repeat):
        runs[STOCK_NAME].append(_stock(bootstrap, stock_events))
        with Bed(bootstrap, traffic.policy_file(PER_S)) as bed:
            end_ms = int(time.time() * 1000) + events // 40
            count = fill(bootstrap, bed.settings.events_topic, traffic.history(events, PER_S, end_ms))
            runs[LIMIT_NAME].append(_peer(bed, "plain_aiokafka.py", bed.settings.events_topic, str(count), count=count))
            runs[OURS_NAME].append(_ours(bed, count))
    return Result(runs)


def _stock(bootstrap: str, events: int) -> Caught:
    with Bed(bootstrap, "") as bed:
        records = traffic.history(events, STOCK_PER_S, int(time.time() * 1000))
        source = bed.names.create("stock", traffic.SOURCES)
        alerts = bed.names.create("stock-alerts")
        bed.names.create("stock-windows-changelog", traffic.SOURCES, cleanup_policy="compact")
        count = fill(bootstrap, source, records)
        return _peer(bed, "stock_faust.py", source, alerts, str(STOCK_LIMIT), str(count), "all", count=count)


def _peer(bed: Bed, program: str, *arguments: str, count: int) -> Caught:
    with bed.program(PEERS / program, bed.bootstrap, *arguments) as worker:
        worker.wait_for("end", lambda: len(SAID.findall(worker.log.read_text())) == 2, timeout_s=300)
        rss = worker.usage().rss_bytes
        said = {what: (float(at), float(cpu)) for what, at, cpu in SAID.findall(worker.log.read_text())}
    (from_s, from_cpu_s), (to_s, to_cpu_s) = said["first"], said["last"]
    return Caught(count, to_s - from_s, to_cpu_s - from_cpu_s, rss)


def _ours(bed: Bed, count: int) -> Caught:
    with bed.detector() as worker:
        first: list[Seen] = []
        with Reader(bed.bootstrap, bed.settings.intake_topic) as log:
            worker.wait_for("first step", lambda: first.extend(log.take()) or first)
        before = worker.usage()
        alerts: list[Alert] = []
        with Reader(bed.bootstrap, bed.settings.alerts_topic) as reader:
            last: list[Seen] = []

            def ended() -> list[Seen]:
                for seen in reader.take():
                    alerts.append(parse_alert(seen.value))
                    if alerts[-1].scope.policy_id == traffic.THE_END:
                        last.append(seen)
                return last

            worker.wait_for("end", ended, timeout_s=300)
        after = worker.usage()
        worker.stop()
    _check(alerts)
    took_s = (last[0].timestamp_ms - first[0].timestamp_ms) / 1000
    return Caught(count, took_s, after.cpu_s - before.cpu_s, after.rss_bytes)


def _check(alerts: list[Alert]) -> None:
    """Exactly the versions that went wrong were paused, and the last policy, which proves that all events counted."""
    paused = {alert.scope.id for alert in alerts if alert.type == "breaker.opened"}
    bad = {f"{traffic.name(i)}|rule_version={traffic.name(i)}-rule@2" for i in traffic.BURSTS}
    if paused != bad | {traffic.THE_END}:
        raise AssertionError(f"paused were {sorted(paused)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_500_000)
    parser.add_argument("--stock-events", type=int, default=60_000)
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    print(conditions())
    with broker() as bootstrap:
        print(measure(bootstrap, events=asked.events, stock_events=asked.stock_events, repeat=asked.repeat))


if __name__ == "__main__":
    main()
