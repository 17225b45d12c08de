"""Histories in columns: what the fold is fed is what intake would have written of the same events."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import xxhash

from detector.config import policies
from detector.events import Action, Automated, Deploy
from detector.fold import Fold, LogRecord
from detector.wire import log
from detector.wire.rows import RowsBuilder
from tests.bench import history
from tests.bench.history import ACTION, DEPLOY, History

KEY = bytes(16)
HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000 // HOUR_MS * HOUR_MS
RULES = policies.resolve([("test", b"stream: {clock: events}\nunknown_policies: {mode: enforce}\n")]).ruleset


def _wave():
    """Two policies at three an hour for four days; then a deploy, and forty in a quarter of an hour of one of them."""
    rng = np.random.default_rng(1)
    time = np.concatenate([rng.integers(0, 96 * HOUR_MS, 600), 96 * HOUR_MS + rng.integers(60_000, 900_000, 40)])
    policy = np.concatenate([rng.integers(0, 2, 600), np.zeros(40, np.int64)])
    kind = np.full(640, ACTION)
    kind[599], time[599], policy[599] = DEPLOY, 96 * HOUR_MS, 0
    order = np.argsort(time, kind="stable")
    time, policy, kind = START_MS + time[order], policy[order], kind[order]
    columns = {
        "time": time,
        "policy": policy,
        "kind": kind,
        "flags": np.where(kind == ACTION, log.AUTOMATED, 0),
        "origin": (time >= START_MS + 96 * HOUR_MS).astype(np.int64),
        "type": np.where(kind == ACTION, 1, 0),
        "subject": np.array([_subject(row) for row in range(640)], np.uint64) * (kind == ACTION),
        "event": np.array([xxhash.xxh3_64_intdigest(f"e{row}".encode()) for row in range(640)], np.uint64),
    }
    return History(columns, {"policy": ["a", "b"], "origin": ["r@1", "r@2"], "type": ["", "ban"]})


def _subject(row):
    return int.from_bytes(hashlib.blake2b(f"s{row}".encode(), key=KEY, digest_size=8).digest(), "little")


def _event(known, row):
    at, version = int(known.columns["time"][row]), str(known.columns["origin"][row] + 1)
    common = {
        "id": f"e{row}", "time": at, "rule_id": "r", "rule_version": version,
        "policy_id": known.names["policy"][known.columns["policy"][row]],
    }  # fmt: skip
    if known.columns["kind"][row] == DEPLOY:
        return Deploy(change="edited", **common)
    return Action(
        subject_id=f"s{row}", action_id=f"a{row}", action_type="ban", automated_decision=Automated.FULLY, **common
    )


def _said_of_events(known):
    """The same history as single events, by way of intake's builder, in the same pieces."""
    fold, builder, told, said = Fold(RULES.stream), RowsBuilder(1, KEY), -1, []
    fold.assign(0, {})
    records = []
    for record in history.records(RULES, known):
        value = record.value
        if isinstance(value, log.Rows):
            (_, _, through) = value.ranges[0]
            builder.add_all(0, range(told + 1, through + 1), (_event(known, i) for i in range(told + 1, through + 1)))
            (message,) = builder.build({0: through}, lambda _, __, told=told: told)
            value, told = log.decode(message.value), through
        records.append(LogRecord(0, record.offset, record.timestamp_ms, value))
    for record in records:
        said += fold.apply([record]).alerts
    return said


def test_columns_say_what_the_same_events_one_by_one_say():
    known = _wave()
    said = history.alerts(RULES, known)
    assert [each.type for each in said if each.type == "breaker.opened"]
    assert [msgspec.json.encode(each) for each in said] == [msgspec.json.encode(e) for e in _said_of_events(known)]


def test_pieces_are_hours_and_never_too_long():
    times = np.sort(np.random.default_rng(2).integers(0, 3 * HOUR_MS, 17_000))
    deploys = np.zeros(len(times), bool)
    deploys[[40, 9_000]] = True
    pieces = list(history._pieces(times, deploys))
    assert {40, 9_000} <= {begin for begin, _ in pieces}
    assert [begin for begin, _ in pieces[1:]] == [end for _, end in pieces[:-1]]
    assert pieces[0][0] == 0
    assert pieces[-1][1] == len(times)
    for begin, end in pieces:
        assert end - begin <= history.MOST_ROWS
        assert times[begin] // HOUR_MS == times[end - 1] // HOUR_MS


def test_peers_see_each_policy_by_itself():
    series = _wave().series()
    assert series.keys() == {"a", "b"}
    assert series["a"].deploy_ms.tolist() == [START_MS + 96 * HOUR_MS]
    assert not len(series["b"].deploy_ms)
    assert (np.diff(series["a"].time_ms) >= 0).all()
    assert sum(len(each.time_ms) for each in series.values()) == 639
