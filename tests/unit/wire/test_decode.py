"""Every byte string becomes an event or has one reason why not."""

from __future__ import annotations

import json
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector import events
from detector.errors import BadRecord
from detector.events import DeadLetterReason
from detector.wire.decode import MAX_DETAIL_CHARS, Decoder, bad_record
from detector.wire.rows import RowsBuilder
from tests.hostile import RECIPES, SUBJECT, good_action, hostile_records

NOW_MS = 1_763_700_000_000
DAY_MS = 86_400_000


def decode(event, headers=(), now_ms=NOW_MS):
    value = event if isinstance(event, bytes | None) else json.dumps(event).encode()
    return Decoder().decode(value, headers, now_ms)


def good(**fields):
    return good_action(0, NOW_MS) | fields


def refusal(event, headers=()) -> BadRecord:
    with pytest.raises(BadRecord) as caught:
        decode(event, headers)
    return caught.value


def test_a_plain_event_decodes_with_its_fields():
    action = decode(good(reversible=False, unknown={"nested": [1]}))
    assert isinstance(action, events.Action)
    assert (action.policy_id, action.subject_id, action.status) == ("spam", SUBJECT, "executed")
    assert action.reversible is False


@pytest.mark.parametrize("text", ["2025-11-21T04:40:00.1239Z", "2025-11-21T10:10:00.1239+05:30"])
def test_all_times_come_back_as_epoch_milliseconds_rounded_down(text):
    action = decode(good(time=text, subject_created_at=text))
    assert action.time == action.subject_created_at == NOW_MS + 123


def test_acted_at_is_checked_and_turned_like_the_time():
    appeal = {"id": "1", "kind": "appeal", "policy_id": "p", "subject_id": "s", "action_id": "a", "time": NOW_MS}
    assert decode(appeal | {"acted_at": "2025-11-21T04:40:00Z"}).acted_at == NOW_MS
    late = refusal(appeal | {"acted_at": NOW_MS + 2 * DAY_MS})
    assert late.reason == DeadLetterReason.TIME_OUT_OF_RANGE
    assert "`$.acted_at`" in late.detail


@pytest.mark.parametrize("time", [events.EARLIEST_MS, "2000-01-01T00:00:00Z", NOW_MS + DAY_MS])
def test_the_ends_of_the_time_range_are_inside_it(time):
    assert isinstance(decode(good(time=time)).time, int)


@pytest.mark.parametrize(
    "time",
    [events.EARLIEST_MS - 1, "1999-12-31T23:59:59.999Z", NOW_MS + DAY_MS + 1, "0001-01-01T00:00:00+14:00",
     "9999-12-31T23:59:59-14:00", 10**25, 0, -1],
)  # fmt: skip
def test_beyond_them_nothing_passes(time):
    error = refusal(good(time=time))
    assert error.reason == DeadLetterReason.TIME_OUT_OF_RANGE
    assert "`$.time`" in error.detail


def test_how_far_ahead_a_clock_may_be_is_a_setting():
    value = json.dumps(good(time=NOW_MS + 1001)).encode()
    assert Decoder(max_future_s=2).decode(value, (), NOW_MS)
    with pytest.raises(BadRecord, match="time_out_of_range"):
        Decoder(max_future_s=1).decode(value, (), NOW_MS)


@pytest.mark.parametrize(
    ("fields", "detail"),
    [({"status": "done"}, "`$.status` must be one of executed, held"),
     ({"kind": "actions"}, "`$.kind` must be one of action, appeal, appeal_decision, reversal, review"),
     ({"subject_type": SUBJECT}, "`$.subject_type` must be one of account, content"),
     ({"automated_decision": "yes"}, "`$.automated_decision` must be one of FULLY, PARTIALLY, NOT_AUTOMATED"),
     ({"policy_id": 7}, "Expected `str`, got `int` - at `$.policy_id`"),
     ({"action_id": "x" * 129}, "Expected `str` of length <= 128 - at `$.action_id`")],
)  # fmt: skip
def test_a_detail_names_the_field_and_what_is_allowed(fields, detail):
    error = refusal(good(**fields))
    assert error.reason == DeadLetterReason.INVALID_FIELD
    assert error.detail.startswith(detail)


def test_a_detail_is_short_and_quotes_nothing_whatever_a_message_says():
    error = bad_record(msgspec.ValidationError(f"Invalid key '{SUBJECT}' and '{SUBJECT}'" + "x" * 500))
    assert SUBJECT not in error.detail
    assert len(error.detail) == MAX_DETAIL_CHARS


@pytest.mark.parametrize("text", ["\n", "\r", "\0", "\t", "\b", "\f", "\x1f", "\x7f", "a\u0000b"])
@pytest.mark.parametrize("field", ["id", "policy_id", "rule_version", "subject_id", "region"])
def test_no_id_holds_a_control_character(field, text):
    error = refusal(good(**{field: text}))
    assert error.reason == DeadLetterReason.CONTROL_CHARACTER
    assert f"`$.{field}`" in error.detail


def test_a_bare_del_is_one_too():
    error = refusal(json.dumps(good(policy_id="a\x7fb"), ensure_ascii=False).encode())
    assert error.reason == DeadLetterReason.CONTROL_CHARACTER


@pytest.mark.parametrize(
    "text", ["back\\slash", "\\n", "\\u0000", 'quo"te', "caf\u00e9", "\U0001f600", "a/b", "\u2028"]
)
def test_other_escaped_characters_are_welcome_in_ids(text):
    assert decode(good(policy_id=text)).policy_id == text


def test_free_text_may_have_lines_and_skipped_fields_may_have_anything():
    deploy = {"id": "1", "kind": "deploy", "time": NOW_MS, "change": "rule 42:\n+ a\n- b", "note": "\0"}
    assert decode(deploy).change.count("\n") == 2


def test_a_record_of_exactly_the_limit_passes_and_one_byte_more_does_not():
    value = json.dumps(good()).encode().ljust(events.MAX_RECORD_BYTES)
    assert decode(value)
    assert refusal(value + b" ").reason == DeadLetterReason.TOO_LARGE


def test_a_cut_record_is_broken_json_wherever_it_is_cut():
    value = json.dumps(good()).encode()
    reasons = {refusal(value[:end]).reason for end in range(1, len(value))}
    assert reasons == {DeadLetterReason.NOT_JSON}


def test_the_hostile_corpus_ends_in_the_reasons_it_expects():
    seen = Counter()
    for record in hostile_records(NOW_MS):
        error = refusal(record.value, record.headers)
        assert error.reason == record.reason, (record.name, error.detail)
        assert 0 < len(error.detail) <= MAX_DETAIL_CHARS
        assert SUBJECT not in error.detail
        seen[record.name] += 1
    assert sum(seen.values()) == 10_000
    assert set(seen) == {recipe[0] for recipe in RECIPES} | {"megabyte"}
    assert {recipe[1] for recipe in RECIPES} == set(DeadLetterReason)


def check(value, headers=()):
    """A record comes to an event that makes a row, or to BadRecord; whatever else is raised is a failure."""
    reason, builder = None, RowsBuilder(4, b"k" * 16)
    try:
        builder.add(0, 5, Decoder().decode(value, headers, NOW_MS))
    except BadRecord as error:
        reason, detail = error.reason, error.detail
    if reason is None:
        assert builder.build({0: 5}, lambda _partition, _source: -1)
    else:
        assert reason in set(DeadLetterReason)
        assert 0 < len(detail) <= MAX_DETAIL_CHARS


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "ce_specversion", "CE_SPECVERSION", "trace"]),
        st.binary(max_size=4) | st.sampled_from([b"application/cloudevents+json", b"1.0", b"application/json"]),
    ),
    max_size=3,
)
NAMES = st.sampled_from(
    sorted({name for kind in events.KINDS for name in kind.__struct_fields__} | {"kind", "data", "specversion"})
)
WORDS = st.sampled_from(["1.0", "executed", "upheld", "human", "agree", "account", "legal", "2025-11-21T04:40:00Z"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
KINDS = st.sampled_from([str(kind.__struct_config__.tag) for kind in events.KINDS])


@given(st.binary(max_size=200), HEADERS)
def test_any_bytes_are_an_event_or_have_a_reason(value, headers):
    check(value, headers)


@given(st.dictionaries(NAMES, SCALARS | st.recursive(SCALARS, st.lists, max_leaves=3)), KINDS, HEADERS)
def test_any_json_object_is_an_event_or_has_a_reason(fields, kind, headers):
    check(json.dumps(fields | {"kind": kind}).encode(), headers)


@given(st.dictionaries(NAMES.filter(lambda name: name != "kind"), SCALARS), HEADERS)
def test_any_change_to_a_good_event_is_an_event_or_has_a_reason(fields, headers):
    check(json.dumps(good() | fields).encode(), headers)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=4)), min_size=1, max_size=4))
def test_any_damage_to_its_bytes_too(edits):
    value = bytearray(json.dumps(good()).encode())
    for at, patch in edits:
        value[at : at + len(patch)] = patch
    check(bytes(value))
