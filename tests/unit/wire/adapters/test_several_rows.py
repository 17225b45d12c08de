"""The rows of one record reach the fold together, however messages are cut."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector import events
from detector.events import Automated
from detector.fold.arrivals import Ranges
from detector.wire import log
from detector.wire.rows import RowsBuilder

TIME_MS = 1_763_700_000_000
LOG_PARTITIONS = 2


def action(name, policy):
    return events.Action(
        id=name,
        time=TIME_MS,
        policy_id=policy,
        subject_id="s",
        action_id=name,
        action_type="ban",
        automated_decision=Automated.FULLY,
        rule_id=f"rule of {name}",
    )


def built(records, prev=-1):
    """Messages of a poll: `records` by source, each a list of policies, an event a policy."""
    builder = RowsBuilder(LOG_PARTITIONS, b"k" * 16)
    for source, polled in records.items():
        for offset, policies in enumerate(polled, prev + 1):
            for number, policy in enumerate(policies):
                builder.add(source, offset, action(f"{source}/{offset}/{number}", policy))
    through = {source: prev + len(polled) for source, polled in records.items()}
    return builder.build(through, lambda _partition, _source: prev)


def taken(messages):
    """Event hashes that a reader of each log partition counts, messages repeated as after a crash included."""
    counted = defaultdict(list)
    readers = defaultdict(lambda: Ranges({}))
    for message in [*messages, *messages]:
        rows = log.decode(message.value)
        new = readers[message.partition].new(rows)
        column = rows.column("event")
        counted[message.partition] += column[new].tolist() if new is not True else column.tolist()
    return [one for each in counted.values() for one in each]


@pytest.mark.parametrize("limit_bytes", [1, 600, 1200])
@settings(max_examples=50, deadline=None)
@given(
    records=st.dictionaries(
        st.integers(0, 3),
        st.lists(st.lists(st.sampled_from("abc"), max_size=6), min_size=1, max_size=8),
        min_size=1,
        max_size=3,
    )
)
def test_every_event_of_every_record_counts_once_whatever_fits_a_message(limit_bytes, records):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "MAX_MESSAGE_BYTES", limit_bytes)
        messages = built(records)
    expected = sum(len(policies) for polled in records.values() for policies in polled)
    counted = taken(messages)
    assert len(counted) == len(set(counted)) == expected


def test_no_offset_stands_in_two_messages_of_a_log_partition():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "MAX_MESSAGE_BYTES", 700)
        messages = built({0: [["a"] * 5, ["a"] * 7, ["a"] * 3]})
    offsets = [set(log.decode(message.value).column("offset").tolist()) for message in messages]
    assert len(messages) > 1
    assert sum(map(len, offsets)) == len(set.union(*offsets)) == 3


def test_a_record_alone_is_one_message_even_above_the_limit():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "MAX_MESSAGE_BYTES", 1)
        (message,) = built({0: [["a"] * 9]})
    assert message.rows == 9


def test_a_record_whose_policies_live_in_two_log_partitions_counts_in_both():
    first, second = "a", next(name for name in "bcdefgh" if log.partition_of(name, 2) != log.partition_of("a", 2))
    messages = built({0: [[first, second, first]]})
    assert sorted(message.rows for message in messages) == [1, 2]
    assert len(taken(messages)) == 3
