"""Stray bad records pass, a stream of them stops; nothing but their order matters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.contract import topics
from detector.errors import PoisonedPartition
from detector.events import DeadLetter, DeadLetterReason
from detector.wire.deadletters import (
    MAX_KEY_BYTES,
    MAX_MESSAGE_BYTES,
    DeadLetterLimit,
    dead_letter_content,
    dead_letter_headers,
)

LIMIT = {"bad_per_good": 2, "max_consecutive": 10, "allowance": 3}


def bad_until_poisoned(limit, source=0, most=10_000):
    """How many bad records in a row the partition still may send."""
    for count in range(most):
        try:
            limit.bad(source)
        except PoisonedPartition:
            return count
    return most


def test_a_partition_of_nothing_but_bad_records_stops_after_the_allowance():
    limit = DeadLetterLimit(**LIMIT)
    for _ in range(3):
        limit.bad(4)
    with pytest.raises(PoisonedPartition, match=r"source partition 4 .* mend the producer"):
        limit.bad(4)


def test_ten_thousand_bad_records_between_good_ones_all_pass():
    limit = DeadLetterLimit()
    for number in range(10_000):
        if number % 10 == 0:
            limit.good(0)
        limit.bad(0)


def test_no_more_than_the_limit_pass_in_a_row_however_much_was_good():
    limit = DeadLetterLimit(**LIMIT)
    limit.good(0, 1_000_000)
    assert bad_until_poisoned(limit) == 10


def test_a_long_run_may_hold_only_so_many_bad_ones_for_each_good_one():
    limit, passed = DeadLetterLimit(**LIMIT), 0
    for _ in range(1_000):
        limit.good(0)
        passed += bad_until_poisoned(limit, most=3)
    assert passed == 3 + 2 * 1_000


def test_once_stopped_it_stays_stopped_until_something_good_comes():
    limit = DeadLetterLimit(**LIMIT)
    assert bad_until_poisoned(limit) == 3
    assert bad_until_poisoned(limit) == 0
    limit.good(0)
    assert bad_until_poisoned(limit) == 2


def test_partitions_do_not_pay_for_each_other_and_a_lost_one_starts_anew():
    limit = DeadLetterLimit(**LIMIT)
    assert bad_until_poisoned(limit, 0) == 3
    assert bad_until_poisoned(limit, 1) == 3
    limit.forget(0)
    limit.forget(7)
    assert bad_until_poisoned(limit, 0) == 3
    assert bad_until_poisoned(limit, 1) == 0


@given(st.lists(st.integers(0, 20) | st.none(), max_size=60))
def test_good_records_count_the_same_one_by_one_or_added_up(runs):
    one_by_one, added_up = DeadLetterLimit(**LIMIT), DeadLetterLimit(**LIMIT)
    for run in runs:
        if run is None:
            assert (bad_until_poisoned(one_by_one, most=1)) == bad_until_poisoned(added_up, most=1)
            continue
        for _ in range(run):
            one_by_one.good(0)
        added_up.good(0, run)


@pytest.mark.parametrize("wrong", [{"bad_per_good": 0}, {"allowance": 0}, {"allowance": 11}, {"max_consecutive": 2}])
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="allowance at most max_consecutive"):
        DeadLetterLimit(**LIMIT | wrong)


def test_headers_say_why_and_where():
    letter = DeadLetter(
        reason=DeadLetterReason.NOT_UTF8, detail="ö", topic="enforcement.events", partition=3, offset=2**40
    )
    assert dead_letter_headers(letter) == [
        ("reason", b"not_utf8"),
        ("detail", "ö".encode()),
        ("topic", b"enforcement.events"),
        ("partition", b"3"),
        ("offset", b"1099511627776"),
    ]


def test_a_dead_letter_keeps_key_and_value_as_they_came():
    assert dead_letter_content(b"key", b"{broken") == (b"key", b"{broken")
    assert dead_letter_content(b"key", None) == (b"key", None)


def test_a_dead_letter_of_neither_key_nor_value_has_an_empty_value_because_no_producer_sends_nothing():
    assert dead_letter_content(None, None) == (None, b"")


def test_a_dead_letter_is_cut_to_what_its_topic_takes():
    key, value = dead_letter_content(bytes(10**7), bytes(10**7))
    assert len(key) == MAX_KEY_BYTES
    topic = next(topic for topic in topics.load() if topic.name == "enforcement.deadletters")
    assert int(topic.config["max.message.bytes"]) == MAX_MESSAGE_BYTES > len(key) + len(value) + 10_000
