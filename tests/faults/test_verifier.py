"""The verifier itself: each check fails on the defect that it is there for."""

from __future__ import annotations

import msgspec
import pytest

from detector.events import Action, Automated
from detector.fold.state import pack
from detector.wire.log import partition_of
from detector.wire.rows import RowsBuilder
from tests.faults import verify
from tests.faults.commits import Sample
from tests.faults.reading import Stored
from tests.hostile import hostile_records

NOW_MS = 1_790_000_000_000
ACTIONS = [
    Action(
        id=f"e{number}",
        time=NOW_MS - number,
        policy_id=f"p{number % 3}",
        rule_id="r",
        rule_version="1",
        region="EU",
        subject_id="u",
        action_id="a",
        action_type="ban",
        automated_decision=Automated.FULLY,
        status="held",
        reversible=False,
    )
    for number in range(30)
]
SOURCE = [Stored(0, number, NOW_MS, None, msgspec.json.encode(each), {}) for number, each in enumerate(ACTIONS)]
LOG_PARTITIONS = 4


def log_of(actions: dict[int, Action], at_ms: int = NOW_MS) -> list[Stored]:
    """The log's records for actions by source offset."""
    rows = RowsBuilder(LOG_PARTITIONS, b"0123456789abcdef")
    for offset, action in actions.items():
        rows.add(0, offset, action)
    messages = rows.build({0: max(actions)}, lambda *_: -1)
    return [Stored(each.partition, 0, at_ms, None, each.value, {}) for each in messages]


EVERYTHING = dict(enumerate(ACTIONS))


def test_rows_of_the_log_are_those_of_the_source_and_bad_records_become_none():
    bad = [Stored(1, offset, NOW_MS, None, each.value, dict(each.headers)) for offset, each in hostile_few()]
    assert verify.logged_rows(log_of(EVERYTHING)).rows == verify.expected_rows([*SOURCE, *bad], LOG_PARTITIONS)


def hostile_few():
    return enumerate(each for each in hostile_records(NOW_MS, 300) if len({name for name, _ in each.headers}) < 2)


def test_a_missing_row_is_seen():
    without = verify.logged_rows(log_of({number: each for number, each in EVERYTHING.items() if number != 7})).rows
    lost = verify.expected_rows(SOURCE, LOG_PARTITIONS).keys() - without.keys()
    assert lost == {(partition_of("p1", LOG_PARTITIONS), 0, 7)}


def test_a_row_that_comes_twice_is_counted_and_one_that_comes_back_different_is_refused():
    assert verify.logged_rows(log_of(EVERYTHING) * 2).repeated == len(ACTIONS)
    forged = EVERYTHING | {7: msgspec.structs.replace(ACTIONS[7], region="US")}
    with pytest.raises(AssertionError, match="0/7 stands in the log as"):
        verify.logged_rows(log_of(EVERYTHING) + log_of(forged))


def test_an_event_sent_twice_is_one_action():
    twice = verify.expected_rows([*SOURCE, SOURCE[0]._replace(offset=99)], LOG_PARTITIONS)
    assert verify.action_counts(twice) == {"p0": 10, "p1": 10, "p2": 10}


def test_a_source_position_committed_before_the_log_held_all_below_it_is_refused():
    complete_ms = verify.logged_rows(log_of(EVERYTHING, at_ms=500)).complete_ms
    verify.check_source_commits([Sample(500, {("source", 0): 30})], "source", complete_ms)
    with pytest.raises(AssertionError, match="0/30 was committed 1 ms before"):
        verify.check_source_commits([Sample(499, {("source", 0): 30})], "source", complete_ms)


def test_a_log_position_committed_beyond_the_seal_of_that_moment_is_refused():
    seals = [Stored(0, 0, 100, b"seal/0", pack(9, b""), {}), Stored(0, 1, 200, b"seal/0", pack(19, b""), {})]
    verify.check_log_commits([Sample(150, {("log", 0): 10}), Sample(200, {("log", 0): 20})], "log", seals)
    with pytest.raises(AssertionError, match="0/11 was committed when the seal was at 9"):
        verify.check_log_commits([Sample(150, {("log", 0): 11})], "log", seals)


@pytest.mark.parametrize(
    ("found", "problem"),
    [({}, "1 alerts lost"), ({"a": b"1", "b": b"2"}, "too many"), ({"a": b"2"}, "1 alerts differ")],
)
def test_alerts_that_are_lost_invented_or_changed_are_refused(found, problem):
    records = [Stored(0, 0, 0, None, value, {"ce_id": name.encode()}) for name, value in found.items()]
    with pytest.raises(AssertionError, match=problem):
        verify.check_alerts(records, {"a": b"1"})


def test_a_table_is_read_by_highest_position():
    late = [Stored(0, 0, 0, b"policy/p", pack(9, b"new"), {}), Stored(0, 1, 0, b"policy/p", pack(3, b"zombie"), {})]
    assert verify.table(late) == {b"policy/p": pack(9, b"new")}
