"""What the fold promises whatever happens around it: batches, crashes, repetitions, disorder."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from detector import events
from detector.fold import Fold, LogRecord
from tests.logs import MONDAY_MS, LogWriter, action, deploy, totals
from tests.properties.worlds import RULES, SOURCES, histories, written

slow = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


def outcome(records: list[LogRecord], cuts: list[int]) -> tuple[list[bytes], list[bytes], dict[str, int]]:
    """Alerts and breaker records as bytes, and totals, of a fold fed in pieces."""
    fold, alerts, breakers = Fold(RULES.stream), [], []
    fold.assign(0, {})
    edges = sorted({0, len(records), *(cut % len(records) for cut in cuts)})
    for start, end in pairwise(edges):
        said = fold.apply(records[start:end])
        alerts += [msgspec.json.encode(alert) for alert in said.alerts]
        breakers += [msgspec.json.encode(breaker) for breaker in said.breakers]
    return alerts, breakers, totals(fold)


class Worker:
    """A worker that checkpoints and dies: what it sent, what it saved, where a restart reads from."""

    def __init__(self, log: LogWriter) -> None:
        self.records, self.sent, self.table, self.committed = log.records, {}, {}, 0
        self.breakers: dict[str, bytes] = {}
        self.start()

    def start(self) -> None:
        self.fold = Fold(RULES.stream)
        self.fold.assign(0, self.table)
        self.at = self.committed

    def run(self, to: int) -> None:
        said = self.fold.apply(self.records[self.at : to])
        for alert in said.alerts:
            body = msgspec.json.encode(alert)
            assert self.sent.setdefault(alert.alert_id, body) == body
        for breaker in said.breakers:
            self.breakers[breaker.scope.id] = msgspec.json.encode(breaker)
        self.at = max(self.at, to)

    def checkpoint(self, stop_after: int | None, commit: bool) -> None:
        """Write values, at most `stop_after` of them before dying; without `commit` it dies before the commit."""
        snapshot = self.fold.snapshot()
        values = list(snapshot.policies())
        for _, key, value in values[:stop_after]:
            self.table[key] = value
        if stop_after is not None and stop_after < len(values):
            return
        for _, key, value in snapshot.seals():
            self.table[key] = value
        if commit:
            self.committed = snapshot.floors[0]


@slow
@given(histories(), st.lists(st.integers(0, 10_000), max_size=12))
def test_batch_boundaries_of_the_reader_change_no_byte(history, cuts):
    log = written(history, [0] * SOURCES)
    assert outcome(log.records, cuts) == outcome(log.records, [])


@slow
@given(
    histories(),
    st.lists(st.tuples(st.floats(0, 1), st.none() | st.integers(0, 5), st.booleans(), st.booleans()), max_size=6),
)
def test_a_worker_that_dies_anywhere_says_the_same_alerts_and_ends_in_the_same_state(history, plan):
    log = written(history, [0, 300, 900])
    worker = Worker(log)
    for share, stop_after, commit, dies in sorted(plan, key=lambda step: step[0]):
        worker.run(max(worker.at, int(share * len(log.records))))
        worker.checkpoint(stop_after, commit)
        if dies or stop_after is not None or not commit:
            worker.start()
    worker.run(len(log.records))
    alerts, breakers, counted = outcome(log.records, [])
    assert sorted(worker.sent.values()) == sorted(alerts)
    assert totals(worker.fold) == counted
    last = {msgspec.json.decode(b, type=events.Breaker).scope.id: b for b in breakers}
    assert worker.breakers == last


@slow
@given(histories(), st.lists(st.integers(0, 10_000), min_size=1, max_size=5))
def test_rows_that_intake_sends_twice_count_once(history, again):
    log = written(history, [0] * SOURCES)
    doubled = list(log.records)
    for where in again:
        doubled.insert(where % len(doubled) + 1, doubled[where % len(doubled)])
    repeated = [LogRecord(0, i, record.timestamp_ms, record.value) for i, record in enumerate(doubled)]
    assert outcome(repeated, [])[2] == outcome(log.records, [])[2]


def moves(log: LogWriter) -> list[tuple[str, str, str]]:
    """State changes, and the scopes that warned without ever opening: a jump over both lines skips the warning."""
    alerts = [msgspec.json.decode(alert, type=events.Alert) for alert in outcome(log.records, [])[0]]
    opened = {alert.scope.id for alert in alerts if alert.to_state is events.State.OPEN}
    kept = [a for a in alerts if a.type != "breaker.warned" or a.scope.id not in opened]
    return sorted((a.scope.id, a.type, a.to_state.value) for a in kept)


@slow
@given(histories(), st.lists(st.integers(0, 50_000), min_size=SOURCES, max_size=SOURCES))
def test_disorder_between_sources_within_lateness_changes_no_transition(history, delays):
    assert moves(written(history, delays)) == moves(written(history, [0] * SOURCES))


def a_bad_version() -> list[events.AnyEvent]:
    """So quick that the version and its whole policy pass their lines in the same bucket."""
    return [deploy("hate", MONDAY_MS, "42", "17"), *(action("hate", MONDAY_MS + 1000 + 900 * n) for n in range(10))]


@slow
@example(a_bad_version(), [0] * SOURCES)
@given(histories(), st.lists(st.integers(0, 50_000), min_size=SOURCES, max_size=SOURCES))
def test_what_tests_remember_of_earlier_ones_changes_no_byte(history, delays):
    log, ends = written(history, delays), []
    for forgetful, anxious in ((False, False), (False, True), (True, True)):
        fold, said = Fold(RULES.stream), []
        fold.assign(0, {})
        known = fold.engine.scopes.standings
        if forgetful:
            known.through = lambda rows, settled: settled
        if anxious:
            known.patience.lost = lambda rows, *_: np.ones(len(rows), bool)
        for record in log.records:
            found = fold.apply([record])
            said += [msgspec.json.encode(each) for each in (*found.alerts, *found.breakers)]
        ends.append((said, [value for _, _, value in fold.snapshot().policies()]))
    assert ends[0] == ends[1] == ends[2]


def a_bad_deploy_in_the_first_minutes() -> list[events.AnyEvent]:
    """So early that the first tick must not decide whether enough was seen before it."""
    at_ms = MONDAY_MS + 254_531
    bad = [action("fraud", at_ms + 1000 + 2500 * n, rule_version="19") for n in range(9)]
    return [deploy(None, at_ms, "42", "19"), *bad]


@slow
@example(a_bad_deploy_in_the_first_minutes(), 7000)
@given(histories(), st.sampled_from((200, 1000, 7000)))
def test_batch_boundaries_of_intake_change_no_transition(history, poll_ms):
    assert moves(written(history, [0] * SOURCES, poll_ms)) == moves(written(history, [0] * SOURCES))


@slow
@given(histories(), histories(), st.lists(st.integers(0, 10_000), max_size=8))
def test_partitions_that_one_worker_holds_do_not_touch_each_other(one, other, cuts):
    for event in other:
        event.policy_id = f"other-{event.policy_id}" if event.policy_id else None
    logs = [written(one, [0] * SOURCES).records, written(other, [0, 400, 0]).records]
    logs[1] = [record._replace(partition=1) for record in logs[1]]
    together, said = Fold(RULES.stream), {0: [], 1: []}
    for number in said:
        together.assign(number, {})
    for number, log in enumerate(logs):
        alone = Fold(RULES.stream)
        alone.assign(number, {})
        said[number] = [msgspec.json.encode(alert) for alert in alone.apply(log).alerts]
    mixed = sorted((record for log in logs for record in log), key=lambda record: (record.offset, record.partition))
    edges = sorted({0, len(mixed), *(cut % len(mixed) for cut in cuts)})
    found = [alert for start, end in pairwise(edges) for alert in together.apply(mixed[start:end]).alerts]
    assert sorted(msgspec.json.encode(alert) for alert in found) == sorted(said[0] + said[1])
