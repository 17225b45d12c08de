"""A real year through the real thing: English Wikipedia's filter hits of 2012, by Kafka, to trips of `detector run`.

Filter hits are actions, filter edits deploys, every filter falls under one default. The loader sends the year by event
time, never more than `MOST_AHEAD_MS` beyond what the detector has committed: events further ahead of the stream clock
would give no evidence. Afterwards the log is read back and given to a `Fold` of this process, which must say the same
alerts to the byte.

`python -m tests.bench.wikipedia [--direct]`: `--direct` feeds the fold without Kafka, to try settings quickly.
"""

from __future__ import annotations

import argparse
import time
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from detector.config import policies
from detector.events import Alert, Heartbeat
from detector.fold import Fold, LogRecord
from detector.wire import log
from detector.wire.cloudevents import alert_message, parse_alert, parse_breaker_record
from detector.wire.rows import RowsBuilder
from tests.bench import wikipedia_data as data
from tests.bench.bed import Bed, Worker, broker, conditions
from tests.bench.kafka_io import Reader, committed, producer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from detector.events import Action, Deploy
    from detector.policy import Ruleset

POLICY_FILE = Path(__file__).with_name("wikipedia.policies.yaml")
SOURCES = 4
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
MOST_AHEAD_MS = 5 * DAY_MS
BATCH = 256
TRIPS = ("breaker.opened", "breaker.reopened")


class Result(NamedTuple):
    """What the year came to."""

    events: int
    took_s: float
    alerts: list[Alert]
    incidents: list[data.Incident]

    @property
    def trips(self) -> list[Alert]:
        return sorted((each for each in self.alerts if each.type in TRIPS), key=lambda each: each.detected_at)

    def found(self, incident: data.Incident) -> Alert | None:
        """The first trip of the incident's filter between the bad edit and its repair."""
        return next((trip for trip in self.trips if _belongs(trip, incident)), None)

    def __str__(self) -> str:
        lines = [_line(trip, self.incidents) for trip in self.trips]
        named = [self.found(incident) for incident in self.incidents]
        other = [trip for trip in self.trips if not any(_belongs(trip, incident) for incident in self.incidents)]
        lines.append(
            f"{self.events:,} events in {self.took_s:.0f} s; {sum(map(bool, named))} of {len(named)} labelled incidents"
            f" found; {len(other)} other trips; {len(self.alerts) - len(self.trips)} warnings and later transitions"
        )
        return "\n".join(lines)


def by_kafka(bootstrap: str, folder: Path) -> Result:
    """The year through a running detector. Raises AssertionError when a fold, fed the log directly, says otherwise."""
    with Bed(bootstrap, POLICY_FILE.read_text(), sources=SOURCES) as bed, bed.detector() as worker:
        worker.wait_for("readiness", worker.is_ready)
        began_s = time.monotonic()
        count = _send(bed, worker, folder)
        _wait_until_judged(bed, worker, count)
        took_s = time.monotonic() - began_s
        worker.stop()
        with Reader(bootstrap, bed.settings.alerts_topic) as reader:
            said = {parse_alert(seen.value).alert_id: seen.value for seen in reader.all()}
        ruleset = policies.load([str(POLICY_FILE)]).ruleset
        with Reader(bootstrap, bed.settings.intake_topic) as reader:
            alone = _alerts(ruleset, bed.settings.partitions, _log(reader))
    expected = {alert.alert_id: alert_message(alert).value for alert in alone}
    assert said == expected, (
        f"{len(said)} alerts by the detector, {len(expected)} by the fold: {_first(said, expected)}"
    )
    return Result(count, took_s, alone, data.incidents(folder))


def direct(folder: Path, *, partitions: int = 32, tick_ms: int = 6 * HOUR_MS) -> Result:
    """The year through the fold alone, with a tick each `tick_ms` of event time."""
    ruleset = policies.load([str(POLICY_FILE)]).ruleset
    records = list(_written(ruleset, partitions, tick_ms, data.stream(folder)))
    began_s = time.monotonic()
    alerts = _alerts(ruleset, partitions, records)
    took_s = time.monotonic() - began_s
    count = sum(len(each.value.column("time")) for each in records if isinstance(each.value, log.Rows))
    return Result(count, took_s, alerts, data.incidents(folder))


def _send(bed: Bed, worker: Worker, folder: Path) -> int:
    """Produce the year in order of time, round the source partitions; wait for the detector where it falls behind."""
    out, topic = producer(bed.bootstrap, linger_ms=5), bed.settings.events_topic
    encode, count = msgspec.json.Encoder().encode, 0
    sent: list[tuple[int, int]] = []
    for event in data.stream(folder):
        at_ms = int(event.time)  # the loader gives epoch ms
        if not sent or at_ms >= sent[-1][0] + DAY_MS:
            sent.append((at_ms, count))
            oldest = next((number for since_ms, number in sent if since_ms > at_ms - MOST_AHEAD_MS), count)
            out.flush()
            worker.wait_for("progress", lambda oldest=oldest: _handled(bed) >= oldest)
        out.produce(topic, encode(event), partition=count % SOURCES)
        out.poll(0)
        count += 1
    out.flush()
    return count


def _handled(bed: Bed) -> int:
    """Events from the start of the year whose rows and ticks the log has: what the group has committed."""
    return min(committed(bed.bootstrap, bed.settings.group, bed.settings.events_topic, SOURCES)) * SOURCES


def _wait_until_judged(bed: Bed, worker: Worker, count: int) -> None:
    """Return once the watch stage has applied all that the log held when the last event was in it."""
    worker.wait_for("end of the source", lambda: _handled(bed) >= count // SOURCES * SOURCES, timeout_s=300)
    with Reader(bed.bootstrap, bed.settings.intake_topic) as reader:
        ends = reader.ends()
    with Reader(bed.bootstrap, bed.settings.breakers_topic) as reader:
        position: dict[int, int] = {}

        def judged() -> bool:
            for seen in reader.take():
                word = parse_breaker_record(seen.key or b"", seen.value)
                if isinstance(word, Heartbeat):
                    position[word.partition] = word.position
            return all(position.get(partition, -1) >= end - 1 for partition, end in ends.items())

        worker.wait_for("end of the log", judged, timeout_s=300)


def _log(reader: Reader) -> Iterator[LogRecord]:
    for seen in reader.all():
        yield LogRecord(seen.partition, seen.offset, seen.timestamp_ms, log.decode(seen.value))


def _alerts(ruleset: Ruleset, partitions: int, records: Iterable[LogRecord]) -> list[Alert]:
    """What one process says about a log."""
    fold, alerts = Fold(ruleset.stream), list[Alert]()
    for partition in range(partitions):
        fold.assign(partition, {})
    records = iter(records)
    while some := list(islice(records, BATCH)):
        alerts += fold.apply(some).alerts
    return alerts


def _written(ruleset: Ruleset, partitions: int, tick_ms: int, events: Iterable[Action | Deploy]) -> Iterator[LogRecord]:
    """The log that one worker would write of `events`, all of one source partition, at its own event time."""
    builder, offsets = RowsBuilder(partitions, bytes(16)), [0] * partitions
    told = [-1] * partitions

    def record(partition: int, at_ms: int, value: log.Record) -> LogRecord:
        offsets[partition] += 1
        return LogRecord(partition, offsets[partition] - 1, at_ms, value)

    settings = log.Settings(version=ruleset.version, ruleset=msgspec.json.encode(ruleset))
    yield from (record(partition, 0, settings) for partition in range(partitions))
    numbered = enumerate(events)
    for _, some in groupby(numbered, lambda each: int(each[1].time) // tick_ms):
        number, newest_ms = 0, 0
        for number, event in some:
            newest_ms = int(event.time)
            builder.add(0, number, event)
        for message in builder.build({0: number}, lambda partition, _: told[partition]):
            told[message.partition] = number
            yield record(message.partition, newest_ms, log.decode(message.value))
        tick = log.Tick(worker="direct", sources=[log.SourceReport(0, number, number + 1, newest_ms)])
        yield from (record(partition, newest_ms, tick) for partition in range(partitions))


def _belongs(trip: Alert, incident: data.Incident) -> bool:
    at_ms = trip.detected_at.timestamp() * 1000
    return trip.scope.policy_id == incident.policy_id and incident.onset_ms <= at_ms <= incident.fixed_ms


def _line(trip: Alert, incidents: list[data.Incident]) -> str:
    label = "  <- labelled incident" if any(_belongs(trip, incident) for incident in incidents) else ""
    why = trip.evidence[0]
    return (
        f"{trip.detected_at:%Y-%m-%d %H:%M:%S}  filter {trip.scope.policy_id:>4} {trip.type[8:]:8} "
        f"{why.signal}: {why.observed:5.0f} in {why.window_s / 60:5.0f} min where {why.expected:6.1f} were due "
        f"(strength {why.strength:.2f}, {why.detail}){label}"
    )


def _first(said: dict[str, bytes], expected: dict[str, bytes]) -> str:
    """The first alert that differs."""
    differing = sorted(name for name in said.keys() | expected.keys() if said.get(name) != expected.get(name))
    return f"{differing[0]}: {said.get(differing[0])!r} and {expected.get(differing[0])!r}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--direct", action="store_true", help="without Kafka")
    asked = parser.parse_args()
    folder = data.folder()
    if folder is None:
        raise SystemExit(data.ABSENT)
    print(conditions())
    if asked.direct:
        print(direct(folder))
        return
    with broker() as bootstrap:
        print(by_kafka(bootstrap, folder))


if __name__ == "__main__":
    main()
