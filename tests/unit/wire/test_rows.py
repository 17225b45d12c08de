"""What is added comes out of the log's messages, all of it, once, in order, within the size limit, and nameless."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import msgspec
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from detector import events
from detector.events import Automated
from detector.wire import log, rows
from detector.wire.rows import RowsBuilder

KEY = b"0123456789abcdef"
TIME_MS = 1_763_700_000_000
HOUR_MS = 3_600_000
PARTITIONS = 8


def action(**fields):
    return events.Action(
        **{
            "id": "e1",
            "time": TIME_MS,
            "policy_id": "spam",
            "subject_id": "s",
            "action_id": "a",
            "action_type": "ban",
            "automated_decision": Automated.FULLY,
        }
        | fields
    )


def built(added, *, key=KEY, partitions=PARTITIONS, through=None, prev=-1):
    builder = RowsBuilder(partitions, key)
    for source, offset, event in added:
        builder.add(source, offset, event)
    last = {source: offset for source, offset, _ in sorted(added, key=lambda row: row[:2])}
    return builder.build(through or last, lambda _partition, _source: prev)


def unpacked(message):
    """The rows of a message as dicts, names instead of codes."""
    record = log.decode(message.value)
    columns = {name: record.column(name).tolist() for name in log.COLUMNS}
    for column, field in {"policy": "policies", **log.DIMENSIONS}.items():
        columns[column] = [getattr(record, field)[code] for code in columns[column]]
    assert record.ranges == message.ranges
    assert len(columns["time"]) == message.rows
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def single(event):
    (message,) = built([(0, 7, event)])
    (row,) = unpacked(message)
    return row


def subject_hash(subject_id, key=KEY):
    return int.from_bytes(hashlib.blake2b(subject_id.encode(), key=key, digest_size=8).digest(), "little")


def test_an_action_becomes_one_row_in_the_partition_of_its_policy():
    event = action(
        rule_id="42", rule_version="17", model_id="m", signal_id="list-9", region="DE", client="ios",
        subject_created_at=TIME_MS - 49 * HOUR_MS, content_created_at=TIME_MS + 5, prior_actions=2,
    )  # fmt: skip
    (message,) = built([(3, 7, event)], through={3: 11}, prev=5)
    assert message.partition == log.partition_of("spam", PARTITIONS)
    assert message.ranges == [(3, 5, 11)]
    assert unpacked(message) == [
        {
            "policy": "spam",
            "source": 3,
            "offset": 7,
            "time": TIME_MS,
            "kind": 0,
            "flags": log.AUTOMATED,
            "origin": "42@17",
            "model": "m",
            "signal": "list-9",
            "region": "DE",
            "client": "ios",
            "type": "ban",
            "subject": subject_hash("s"),
            "event": xxhash.xxh3_64_intdigest(b"e1"),
            "subject_age_h": 50,
            "content_age_h": 1,
            "prior": 3,
            "acted_s": 0,
            "count": 0,
            "interval_ms": 0,
        }
    ]


@pytest.mark.parametrize(
    ("fields", "origin"),
    [({}, ""), ({"rule_id": "42"}, "42"), ({"rule_id": "42", "rule_version": "17"}, "42@17"),
     ({"rule_version": "17"}, "@17"), ({"model_id": "m"}, ""), ({"rule_id": "42", "model_id": "m"}, "42")],
)  # fmt: skip
def test_the_origin_is_the_rule(fields, origin):
    assert single(action(**fields))["origin"] == origin


@pytest.mark.parametrize(
    ("fields", "model"),
    [({"model_id": "m"}, "m"), ({"model_id": "m", "model_version": "3"}, "m@3"), ({"rule_id": "42"}, "")],
)
def test_the_model_stands_beside_the_rule(fields, model):
    assert single(action(**fields))["model"] == model


@pytest.mark.parametrize(
    ("fields", "flags"),
    [({}, log.AUTOMATED), ({"status": "held"}, log.AUTOMATED | log.HELD), ({"reversible": True}, log.AUTOMATED),
     ({"reversible": False}, log.AUTOMATED | log.IRREVERSIBLE), ({"automated_decision": Automated.PARTIALLY}, 0),
     ({"automated_decision": Automated.NOT_AUTOMATED, "status": "held", "reversible": False},
      log.HELD | log.IRREVERSIBLE)],
)  # fmt: skip
def test_flags_say_automated_held_irreversible(fields, flags):
    assert single(action(**fields))["flags"] == flags


REFERENCE = {"id": "e1", "time": TIME_MS, "policy_id": "spam", "action_id": "a", "acted_at": TIME_MS - 90_000}


@pytest.mark.parametrize(
    ("event", "flags"),
    [(events.Appeal(**REFERENCE, subject_id="s"), 0),
     (events.AppealDecision(**REFERENCE, outcome="upheld", decided_by="human"), 0),
     (events.AppealDecision(**REFERENCE, outcome="upheld", decided_by="automated"), log.AUTOMATED),
     (events.AppealDecision(**REFERENCE, outcome="overturned", decided_by="human"), log.WRONG),
     (events.Review(**REFERENCE, verdict="agree", reviewer_id="r"), 0),
     (events.Review(**REFERENCE, verdict="disagree", reviewer_id="r"), log.WRONG),
     (events.Reversal(**REFERENCE, reason="appeal"), log.WRONG),
     (events.Reversal(**REFERENCE, reason="bulk_correction"), log.WRONG),
     (events.Reversal(**REFERENCE, reason="expiry"), log.NO_ERROR),
     (events.Reversal(**REFERENCE, reason="legal"), log.NO_ERROR)],
)  # fmt: skip
def test_what_follows_an_action_carries_its_age_and_whether_the_action_was_wrong(event, flags):
    row = single(event)
    assert (row["acted_s"], row["flags"]) == (90, flags)


def test_a_denominator_carries_its_count_and_interval():
    row = single(events.Evaluated(id="e1", time=TIME_MS, policy_id="spam", count=12_345, interval_s=60))
    assert (row["count"], row["interval_ms"]) == (12_345, 60_000)


def test_columns_of_zeros_alone_are_not_sent():
    (message,) = built([(0, 7, action(subject_id="s"))])
    assert {"prior", "acted_s", "count", "subject_age_h"}.isdisjoint(log.decode(message.value).columns)


def test_a_time_with_a_zone_becomes_epoch_milliseconds():
    moment = datetime(2025, 11, 21, 4, 40, 0, 123_999, UTC)
    assert single(action(time=moment))["time"] == TIME_MS + 123


def test_kinds_without_a_subject_have_none():
    decision = events.AppealDecision(
        id="d", time=TIME_MS, policy_id="p", action_id="a", acted_at=TIME_MS, outcome="upheld", decided_by="human"
    )
    row = single(decision)
    assert (row["subject"], row["flags"], events.KINDS[row["kind"]]) == (0, 0, events.AppealDecision)


@pytest.mark.parametrize(
    "event",
    [events.Deploy(id="d", time=TIME_MS, change="c", rule_id="42"),
     events.Evaluated(id="v", time=TIME_MS, count=1, interval_s=60)],
)  # fmt: skip
def test_what_concerns_every_policy_goes_to_every_partition(event):
    messages = built([(0, 1, event), (0, 2, action())])
    assert [message.partition for message in messages] == list(range(PARTITIONS))
    for message in messages:
        row = unpacked(message)[0]
        assert (row["policy"], row["offset"], events.KINDS[row["kind"]]) == ("", 1, type(event))


def test_a_deploy_of_one_policy_goes_to_its_partition_alone():
    (message,) = built([(0, 1, events.Deploy(id="d", time=TIME_MS, change="c", policy_id="spam"))])
    assert unpacked(message)[0]["policy"] == "spam"


def test_the_hash_of_an_event_is_never_zero_which_means_none(monkeypatch):
    monkeypatch.setattr(rows, "_event_hash", lambda _id: 0)
    assert single(action())["event"] == 1


def test_another_key_gives_other_subjects_and_nothing_else():
    ours, theirs = (unpacked(built([(0, 1, action())], key=key)[0])[0] for key in (KEY, KEY[::-1]))
    assert ours.pop("subject") != theirs.pop("subject")
    assert ours == theirs


def test_no_subject_is_named_in_any_output_byte():
    events_in = [(0, at, action(subject_id=f"person-{at}", id=f"e{at}")) for at in range(50)]
    assert all(b"person" not in message.value for message in built(events_in))


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 65])
def test_a_key_that_does_not_protect_is_refused_and_not_shown(key):
    with pytest.raises(ValueError, match=f"has {len(key)} bytes: give 16 to 64") as caught:
        RowsBuilder(8, key)
    assert not key or key.decode() not in str(caught.value)


def test_a_builder_is_empty_after_build():
    builder = RowsBuilder(4, KEY)
    builder.add(0, 1, action())
    assert len(builder.build({0: 1}, lambda _partition, _source: -1)) == 1
    assert builder.build({0: 2}, lambda _partition, _source: -1) == []


def test_rows_stand_in_order_of_source_and_offset_whatever_the_order_of_arrival():
    added = [(1, 5, action()), (0, 9, action()), (1, 4, action()), (0, 8, action())]
    (message,) = built(added)
    assert [(row["source"], row["offset"]) for row in unpacked(message)] == [(0, 8), (0, 9), (1, 4), (1, 5)]
    assert message.ranges == [(0, -1, 9), (1, -1, 5)]


def test_prev_is_asked_for_each_source_in_the_message_and_no_other():
    builder, asked = RowsBuilder(PARTITIONS, KEY), []
    builder.add(2, 5, action())
    builder.build({1: 4, 2: 9}, lambda partition, source: asked.append((partition, source)) or 0)
    assert asked == [(log.partition_of("spam", PARTITIONS), 2)]


def applied(messages):
    """What a reader of the log holds that skips by range and by offset what it has seen, as the log's rules say."""
    through, taken = {}, []
    for message in messages:
        taken += [row for row in unpacked(message) if row["offset"] > through.get(row["source"], -1)]
        for source, prev, end in message.ranges:
            assert through.get(source, -1) == prev, "a gap or an overlap"
            through[source] = end
    return taken, through


def test_a_poll_too_big_for_a_message_is_split_with_nothing_lost_or_skipped():
    added = [(at % 3, at, action(id=f"e{at}", rule_id=f"rule-{at}")) for at in range(30_000)]
    messages = built(added, partitions=1, through={0: 40_000, 1: 40_001, 2: 40_002})
    assert len(messages) > 2
    assert all(len(message.value) <= log.MAX_MESSAGE_BYTES for message in messages)
    taken, through = applied(messages)
    assert through == {0: 40_000, 1: 40_001, 2: 40_002}
    expected = sorted((source, at, f"rule-{at}") for source, at, _ in added)
    assert [(row["source"], row["offset"], row["origin"]) for row in taken] == expected


def test_long_names_split_a_message_of_few_rows():
    added = [
        (0, at, action(rule_id=f"{at:05}" + "\U0001f600" * 123, region=f"{at:05}" + "é" * 123)) for at in range(900)
    ]
    messages = built(added, partitions=1)
    assert 1 < len(messages) < 5
    assert all(len(message.value) <= log.MAX_MESSAGE_BYTES for message in messages)
    assert len(applied(messages)[0]) == 900


def test_more_names_than_a_code_can_count_still_fit_once_split():
    added = [(0, at, action(region=str(at))) for at in range(70_000)]
    taken, _ = applied(built(added, partitions=1))
    assert [row["region"] for row in taken] == [str(at) for at in range(70_000)]


def test_a_cut_between_two_sources_keeps_the_range_of_each_whole(monkeypatch):
    monkeypatch.setattr(log, "MAX_MESSAGE_BYTES", 300)
    messages = built([(source, at, action()) for source in (0, 1) for at in (1, 2)], through={0: 9, 1: 9})
    assert [message.ranges for message in messages] == [[(0, -1, 9)], [(1, -1, 9)]]


NAMES = st.sampled_from(["", "a", "é", "long-" * 9])
ADDED = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["p", "q", "r", "s", None]), NAMES, NAMES), min_size=1, max_size=60
)


@settings(max_examples=60, deadline=None)
@given(ADDED, st.sampled_from([330, 600, log.MAX_MESSAGE_BYTES]))
def test_any_poll_comes_back_whole_at_any_size_limit(polled, limit_bytes):
    added = [(source, at, event(at, *names)) for at, (source, *names) in enumerate(polled)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "MAX_MESSAGE_BYTES", limit_bytes)
        messages = built(added, partitions=3)
    for partition in range(3):
        own = [message for message in messages if message.partition == partition]
        taken, _ = applied(own)
        assert [brief(row) for row in taken] == sorted(
            (source, at, policy or "", origin, region)
            for at, (source, policy, origin, region) in enumerate(polled)
            if policy is None or log.partition_of(policy, 3) == partition
        )


def event(at, policy, origin, region):
    names = {"id": f"e{at}", "rule_id": origin or None, "region": region or None}
    if policy is None:
        return events.Deploy(time=TIME_MS, change="c", **names)
    return action(policy_id=policy, **names)


def brief(row):
    return row["source"], row["offset"], row["policy"], row["origin"], row["region"]


def test_the_packed_row_is_the_row_of_columns():
    assert rows._ROW.itemsize == len(rows._pack(0, 0, 0, 0, 0, 0, 0, bytes(8), 0, *[0] * 6))


def test_a_reader_of_an_older_writer_reads_zeros():
    (message,) = built([(0, 1, action())])
    record = msgspec.msgpack.decode(message.value)
    del record["columns"]["subject"]
    assert log.decode(msgspec.msgpack.encode(record)).column("subject").tolist() == [0]
