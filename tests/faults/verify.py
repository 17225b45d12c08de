"""What must hold after any fault: the log is the valid input, and all that came out is what one process makes of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import xxhash

from detector.config import policies
from detector.errors import BadRecord
from detector.events import KINDS, Action, AppealDecision, Automated, Reversal, Review
from detector.fold import Fold, LogRecord
from detector.fold.state import PolicyValue, freeze_policy, position_of
from detector.wire import log
from detector.wire.cloudevents import HEARTBEAT_PREFIX, alert_message, breaker_message
from detector.wire.decode import Decoder
from tests.faults.reading import read
from tests.logs import totals

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from detector.events import AnyEvent
    from tests.faults.commits import Sample
    from tests.faults.reading import Stored
    from tests.faults.world import World

ACTION = KINDS.index(Action)


class Row(NamedTuple):
    """An event as the log must hold it, once, in one log partition."""

    policy: str
    time_ms: int
    kind: int
    flags: int
    origin: str
    region: str
    event: int


Rows = dict[tuple[int, int, int], Row]
"""(log partition, source partition, source offset) -> row"""


def expected_rows(source: Iterable[Stored], partitions: int) -> Rows:
    """The rows that valid records of the source must have become."""
    decoder = Decoder()
    rows: Rows = {}
    for record in source:
        try:
            event = decoder.decode(record.value, list(record.headers.items()), record.timestamp_ms)
        except BadRecord:
            continue
        row = Row(
            event.policy_id or "",
            event.time,
            KINDS.index(type(event)),
            _flags(event),
            f"{event.rule_id}@{event.rule_version}" if event.rule_version else "",
            event.region or "",
            xxhash.xxh3_64_intdigest(event.id.encode()) or 1,
        )
        targets = [log.partition_of(row.policy, partitions)] if row.policy else range(partitions)
        rows.update({(target, record.partition, record.offset): row for target in targets})
    return rows


def _flags(event: AnyEvent) -> int:
    if isinstance(event, AppealDecision):
        return log.WRONG * (event.outcome == "overturned") | log.AUTOMATED * (event.decided_by == "automated")
    if isinstance(event, Reversal):
        return log.NO_ERROR if event.reason in {"expiry", "legal"} else log.WRONG
    if isinstance(event, Review):
        return log.WRONG * (event.verdict == "disagree")
    if not isinstance(event, Action):
        return 0
    automated = log.AUTOMATED if event.automated_decision is Automated.FULLY else 0
    held = log.HELD if event.status == "held" else 0
    return automated | held | (log.IRREVERSIBLE if event.reversible is False else 0)


class Logged(NamedTuple):
    """Rows of the log, how many stood in it more than once, and when each source position had come there at last."""

    rows: Rows
    repeated: int
    complete_ms: dict[tuple[int, int], int]


def logged_rows(records: Iterable[Stored]) -> Logged:
    """What the log holds. Raises AssertionError when two rows of one source position differ."""
    rows: Rows = {}
    complete_ms: dict[tuple[int, int], int] = {}
    repeated = 0
    for stored in records:
        record = log.decode(stored.value)
        if not isinstance(record, log.Rows):
            continue
        columns = {name: record.column(name).tolist() for name in log.COLUMNS}
        for i, (source, offset) in enumerate(zip(columns["source"], columns["offset"], strict=True)):
            row = Row(
                record.policies[columns["policy"][i]],
                columns["time"][i],
                columns["kind"][i],
                columns["flags"][i],
                record.origins[columns["origin"][i]],
                record.regions[columns["region"][i]],
                columns["event"][i],
            )
            kept = rows.get((stored.partition, source, offset))
            if kept is None:
                rows[stored.partition, source, offset] = row
                complete_ms[source, offset] = max(complete_ms.get((source, offset), 0), stored.timestamp_ms)
            else:
                repeated += 1
                assert kept == row, f"{source}/{offset} stands in the log as {kept} and as {row}"
    return Logged(rows, repeated, complete_ms)


class Said(NamedTuple):
    """What one process says about a log."""

    alerts: dict[str, bytes]
    breakers: dict[bytes, bytes]


def log_records(records: Iterable[Stored]) -> dict[int, list[LogRecord]]:
    """The log by partition, decoded."""
    found: dict[int, list[LogRecord]] = defaultdict(list)
    for each in records:
        found[each.partition].append(LogRecord(each.partition, each.offset, each.timestamp_ms, log.decode(each.value)))
    return found


def run(fold: Fold, records: list[LogRecord]) -> Said:
    """Apply records of one partition, a few at a time."""
    said = Said({}, {})
    for start in range(0, len(records), 50):
        outcome = fold.apply(records[start : start + 50])
        said.alerts.update((each.alert_id, alert_message(each).value) for each in outcome.alerts)
        messages = map(breaker_message, outcome.breakers)
        said.breakers.update((each.key, each.value) for each in messages)
    return said


class Figures(NamedTuple):
    """What a verified run was made of."""

    records: int
    rows: int
    repeated_rows: int
    log_records: int
    actions: int
    policies: int
    alerts: int
    repeated_alerts: int
    open_breakers: int
    samples: int

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self._asdict().items())


def verify(world: World, *, ahead: Collection[str] = ()) -> Figures:
    """Hold all that stands in the topics against the input, and against one process that reads the log.

    To be called after a clean stop of all workers. `ahead`: policies whose producers' clocks are too fast to count.
    Raises AssertionError.
    """
    settings = world.settings
    source = read(world.bootstrap, settings.events_topic)
    intake = read(world.bootstrap, settings.intake_topic)
    changelog = read(world.bootstrap, world.changelog)
    expected = expected_rows(source, settings.partitions)
    rows, repeated_rows, complete_ms = logged_rows(intake)
    assert not (lost := expected.keys() - rows.keys()), f"{len(lost)} lost: {sorted(lost)[:5]}"
    assert not (extra := rows.keys() - expected.keys()), f"{len(extra)} extra: {sorted(extra)[:5]}"
    assert rows == expected

    samples = world.commits.stop()
    check_source_commits(samples, settings.events_topic, complete_ms)
    check_log_commits(samples, settings.intake_topic, changelog)
    stream = policies.load(settings.policies).ruleset.stream
    alone, restored = Fold(stream), Fold(stream)
    said = Said({}, {})
    for partition, records in log_records(intake).items():
        alone.assign(partition, {})
        sealed = restored.assign(partition, table(each for each in changelog if each.partition == partition))
        assert sealed is not None, f"partition {partition} was never sealed"
        told = run(alone, [each for each in records if each.offset <= sealed])
        said.alerts.update(told.alerts)
        said.breakers.update(told.breakers)
        committed = samples[-1].committed.get((settings.intake_topic, partition), 0)
        run(restored, [each for each in records if committed <= each.offset <= sealed])

    repeated_alerts = check_alerts(read(world.bootstrap, settings.alerts_topic), said.alerts)
    words = [
        each for each in read(world.bootstrap, settings.breakers_topic) if not each.key.startswith(HEARTBEAT_PREFIX)
    ]
    assert {each.key: each.value for each in words} == said.breakers
    counted = totals(alone)
    assert not (wrong := differing(states(restored), states(alone))), f"state after a recovery: {wrong}"
    assert not (wrong := differing(totals(restored), counted)), f"the table's totals against one process: {wrong}"
    wrong = differing(counted, action_counts(expected))
    assert wrong.keys() == set(ahead), f"totals against the input: {wrong}"
    return Figures(
        records=len(source),
        rows=len(rows),
        repeated_rows=repeated_rows,
        log_records=len(intake),
        actions=sum(counted.values()),
        policies=len(counted),
        alerts=len(said.alerts),
        repeated_alerts=repeated_alerts,
        open_breakers=sum(b'"OPEN"' in each for each in said.breakers.values()),
        samples=len(samples),
    )


def table(changelog: Iterable[Stored]) -> dict[bytes, bytes]:
    """What a recovery makes of a changelog: the highest position of each key."""
    values: dict[bytes, bytes] = {}
    for each in changelog:
        if each.key not in values or position_of(each.value) >= position_of(values[each.key]):
            values[each.key] = each.value
    return values


def states(fold: Fold) -> dict[str, PolicyValue]:
    """Everything that is known of each policy."""
    return {policy.id: freeze_policy(fold.engine, policy) for policy in fold.policies()}


def differing(found: dict[str, Any], expected: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Policies of which two things differ: found, expected."""
    names = sorted(found.keys() | expected.keys())
    return {name: (found.get(name), expected.get(name)) for name in names if found.get(name) != expected.get(name)}


def action_counts(rows: Rows) -> dict[str, int]:
    """Actions per policy, each event id once: what must come out, counted without the engine."""
    actions = {(row.policy, row.event) for row in rows.values() if row.kind == ACTION}
    return dict(Counter(policy for policy, _ in actions))


def check_alerts(records: Iterable[Stored], expected: dict[str, bytes]) -> int:
    """Every alert is there, byte for byte, and no other; returns how many were sent more than once."""
    records = list(records)
    found: dict[str, set[bytes]] = defaultdict(set)
    for each in records:
        found[each.headers["ce_id"].decode()].add(each.value)
    assert not (lost := expected.keys() - found.keys()), f"{len(lost)} alerts lost: {sorted(lost)[:5]}"
    assert not (extra := found.keys() - expected.keys()), f"{len(extra)} alerts too many: {sorted(extra)[:5]}"
    differing = {name: values for name, values in found.items() if values != {expected[name]}}
    assert not differing, f"{len(differing)} alerts differ, such as {next(iter(differing.items()))}"
    return len(records) - len(found)


def check_source_commits(samples: Iterable[Sample], topic: str, complete_ms: dict[tuple[int, int], int]) -> None:
    """At no sampled moment was a source position committed whose rows the log did not hold by then."""
    by_source: dict[int, list[int]] = defaultdict(list)
    latest: dict[int, list[int]] = defaultdict(list)
    for (source, offset), at_ms in sorted(complete_ms.items()):
        by_source[source].append(offset)
        latest[source].append(max(at_ms, latest[source][-1] if latest[source] else 0))
    for sample in samples:
        for (name, source), committed in sample.committed.items():
            below = bisect_left(by_source[source], committed)
            if name == topic and below:
                late_ms = latest[source][below - 1] - sample.at_ms
                assert late_ms <= 0, f"{source}/{committed} was committed {late_ms} ms before the log held all of it"


def check_log_commits(samples: Iterable[Sample], topic: str, changelog: Iterable[Stored]) -> None:
    """At no sampled moment was a log position committed that no seal covered by then."""
    seals: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for each in changelog:
        if each.key.startswith(b"seal/"):
            so_far = seals[each.partition][-1][1] if seals[each.partition] else -1
            seals[each.partition].append((each.timestamp_ms, max(so_far, position_of(each.value))))
    for sample in samples:
        for (name, partition), committed in sample.committed.items():
            if name == topic and committed:
                known = bisect_right(seals[partition], (sample.at_ms, 2**63))
                sealed = seals[partition][known - 1][1] if known else -1
                assert sealed >= committed - 1, f"{partition}/{committed} was committed when the seal was at {sealed}"
