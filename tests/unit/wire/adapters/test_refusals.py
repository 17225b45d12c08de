"""Whatever a record holds, it becomes events that pass as native ones, or one reason with its place."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.contract import topics
from detector.errors import BadRecord, ConfigError
from detector.events import EARLIEST_MS, MAX_RECORD_BYTES, Action, DeadLetterReason
from detector.wire.adapters import build, formats
from detector.wire.adapters.adapter import MAX_EVENTS, MAX_PATHS, OTHERS
from detector.wire.decode import MAX_DETAIL_CHARS, Decoder
from tests.hostile import hostile_records

NOW_MS = 1_772_900_000_000
FOREIGN = sorted(set(formats) - {"native"})
EXAMPLES = {
    name: [
        record
        for path in sorted((topics.directory() / "examples" / "adapters" / name).glob("*.json"))
        if ".expected" not in path.name
        for record in json.loads(path.read_bytes())
    ]
    for name in FOREIGN
}
PERSON = "jane.doe@example.com"
TIME = "2026-03-01T12:00:00Z"
OSPREY = {"__action_id": 1, "__timestamp": TIME, "__verdicts": ["reject"], "UserId": "u"}
COOP = {"item": {"id": "i", "typeId": "t"}, "action": {"id": "a"}, "policies": [{"id": "p"}]}
COOP_APPEAL = {"appealId": "1", "appealedAt": TIME, "actionedItem": {"id": "i", "typeId": "t"}, "actionsTaken": ["a"]}
COOP_ROW = {
    "ts": TIME,
    "action_id": "a",
    "action_source": "post-items",
    "correlation_id": "c",
    "item_id": "i",
    "item_type_id": "t",
}
OZONE = {
    "id": 1,
    "event": {"$type": "tools.ozone.moderation.defs#modEventTakedown", "policies": ["p"]},
    "subject": {"did": "did:plc:x"},
    "createdBy": "did:plc:m",
    "createdAt": TIME,
}
DSA = {
    "puid": "1",
    "decision_account": "DECISION_ACCOUNT_SUSPENDED",
    "category": "C",
    "application_date": "2026-03-01",
    "automated_decision": "AUTOMATED_DECISION_FULLY",
}


def decode(name, record, headers=(), received_ms=NOW_MS, **options):
    value = record if isinstance(record, bytes | None) else json.dumps(record).encode()
    return build(name, options=json.dumps(options) if options else None).decode(value, headers, NOW_MS, received_ms)


def refusal(name, record, **options) -> BadRecord:
    with pytest.raises(BadRecord) as caught:
        decode(name, record, **options)
    return caught.value


@pytest.mark.parametrize(
    ("name", "record", "detail"),
    [("osprey", OSPREY | {"__action_id": None}, "Object missing required field `__action_id`"),
     ("osprey", OSPREY | {"__action_id": True}, "Expected `str`, got `bool` - at `$.__action_id`"),
     ("osprey", OSPREY | {"__verdicts": [PERSON, 7]}, "Expected `str`, got `int` - at `$.__verdicts[1]`"),
     ("osprey", OSPREY | {"__verdicts": {"a": 1}}, "Expected `array`, got `object` - at `$.__verdicts`"),
     ("osprey", OSPREY | {"__ban_user": ["|comment"]}, "Expected `str` of length 1 to 2048 - at `$.__ban_user[0]`"),
     ("osprey", OSPREY | {"UserId": ""}, "Object missing required field `UserId`"),
     ("osprey", OSPREY | {"__timestamp": "2026-03-01T12:00:00"}, "`$.__timestamp` must be an RFC 3339 time with zone"),
     ("osprey", OSPREY | {"__timestamp": PERSON}, "`$.__timestamp` must be an RFC 3339 time"),
     ("coop", COOP | {"policies": [{"id": "p"}, {"name": PERSON}]},
      "Object missing required field `id` - at `$.policies[1]`"),
     ("coop", COOP | {"item": {"id": "i"}}, "Object missing required field `typeId` - at `$.item`"),
     ("coop", COOP | {"action": "ban"}, "Expected `object`, got `str` - at `$.action`"),
     ("coop", {"appealId": "1", "appealDecision": PERSON}, "`$.appealDecision` must be one of ACCEPT, REJECT"),
     ("coop", COOP_APPEAL | {"actionsTaken": []}, "Object missing required field `actionsTaken`"),
     ("coop", COOP_ROW | {"action_source": PERSON}, "`$.action_source` must be one of manual-action-run, mrt-decision"),
     ("coop", COOP_ROW | {"rule_environment": PERSON}, "`$.rule_environment` must be one of LIVE, MANUAL, RETROACTION"),
     ("coop", COOP_ROW | {"failed": 2}, "`$.failed` must be true, false, 1 or 0"),
     ("coop", COOP_ROW | {"rules": "[{"}, "`$.rules` must be an array, or text that holds one as JSON"),
     ("coop", {}, "none of `action` (callback), `appealId` (appeal) and `action_source` (warehouse row) is there"),
     ("ozone", OZONE | {"event": {}}, "Object missing required field `$type` - at `$.event`"),
     ("ozone", OZONE | {"subject": {"cid": "x"}}, "Object missing required field `did` - at `$.subject`"),
     ("ozone", OZONE | {"id": None}, "Object missing required field `id`"),
     ("ozone", OZONE | {"event": OZONE["event"] | {"durationInHours": PERSON}},
      "Expected `float`, got `str` - at `$.event.durationInHours`"),
     ("dsa", DSA | {"automated_decision": "Yes"}, "`$.automated_decision` must be one of AUTOMATED_DECISION_FULLY"),
     ("dsa", DSA | {"decision_account": ""}, "one of decision_account, decision_provision, decision_visibility"),
     ("dsa", DSA | {"application_date": "someday"}, "`$.application_date` must be an RFC 3339 time"),
     ("dsa", {key: DSA[key] for key in DSA if key != "puid"}, "Object missing required field `puid`"),
     ("dsa", [DSA], "Expected `object`: a record is one JSON object")],
)  # fmt: skip
def test_a_refusal_names_the_place_and_what_is_allowed_but_never_the_value(name, record, detail):
    error = refusal(name, record)
    assert error.reason == DeadLetterReason.INVALID_FIELD
    assert error.detail.startswith(detail)
    assert PERSON not in error.detail


@pytest.mark.parametrize(
    ("name", "record", "place"),
    [("osprey", OSPREY | {"__timestamp": "1999-12-31T23:59:59Z"}, "`$.__timestamp`"),
     ("coop", COOP_APPEAL | {"appealedAt": "2038-01-01T00:00:00Z"}, "`$.appealedAt`"),
     ("coop", COOP_ROW | {"ts": EARLIEST_MS - 1}, "`$.ts`"),
     ("ozone", OZONE | {"createdAt": "2038-01-01T00:00:00Z"}, "`$.createdAt`"),
     ("dsa", DSA | {"content_date": "1970-01-01"}, "`$.content_date`")],
)  # fmt: skip
def test_times_have_the_range_of_native_ones(name, record, place):
    error = refusal(name, record)
    assert error.reason == DeadLetterReason.TIME_OUT_OF_RANGE
    assert error.detail.startswith(place)


@pytest.mark.parametrize(
    ("name", "record", "place"),
    [("osprey", OSPREY | {"__verdicts": ["a\nb"]}, "`$.__verdicts[0]`"),
     ("coop", COOP | {"policies": [{"id": "p\0"}]}, "`$.policies[0].id`"),
     ("ozone", OZONE | {"subject": {"did": "did\x7f"}}, "`$.subject.did`"),
     ("dsa", DSA | {"category": "\r"}, "`$.category`")],
)  # fmt: skip
def test_no_id_holds_a_control_character(name, record, place):
    error = refusal(name, record)
    assert error.reason == DeadLetterReason.CONTROL_CHARACTER
    assert error.detail.startswith(place)


@pytest.mark.parametrize("name", FOREIGN)
def test_bytes_that_are_no_record_have_the_reasons_of_native_ones(name):
    assert refusal(name, None).reason == DeadLetterReason.EMPTY
    assert refusal(name, b" " * (MAX_RECORD_BYTES + 1)).reason == DeadLetterReason.TOO_LARGE
    assert refusal(name, b'{"a": "\xff"}').reason == DeadLetterReason.NOT_UTF8
    assert refusal(name, b'{"a": ').reason == DeadLetterReason.NOT_JSON
    assert refusal(name, b"[" * 50_000).reason in {DeadLetterReason.TOO_DEEP, DeadLetterReason.NOT_JSON}
    assert refusal(name, {"specversion": "2.0", "data": {}}).reason == DeadLetterReason.BAD_ENVELOPE


@pytest.mark.parametrize("name", FOREIGN)
def test_the_hostile_corpus_never_raises_anything_else(name):
    form = build(name)
    for record in list(hostile_records(NOW_MS))[::20]:
        with pytest.raises(BadRecord) as caught:
            form.decode(record.value, record.headers, NOW_MS, NOW_MS)
        assert 0 < len(caught.value.detail) <= MAX_DETAIL_CHARS


def test_a_record_gives_at_most_so_many_events():
    assert len(decode("osprey", OSPREY | {"__verdicts": [f"v{n}" for n in range(MAX_EVENTS)]})) == MAX_EVENTS
    assert "at most" in refusal("osprey", OSPREY | {"__verdicts": [f"v{n}" for n in range(MAX_EVENTS + 1)]}).detail


def test_a_time_comes_from_the_envelope_before_the_transport_and_from_nowhere_else():
    wrapped = {"specversion": "1.0", "time": TIME, "data": COOP}
    (by_envelope,) = decode("coop", wrapped)
    (by_header,) = decode("coop", COOP, [("ce_specversion", b"1.0"), ("ce_time", TIME.encode())])
    structured = [("content-type", b"application/cloudevents+json")]
    (by_content_type,) = decode("coop", wrapped, structured)
    (by_transport,) = decode("coop", COOP)
    assert by_envelope == by_header == by_content_type
    assert by_envelope.time < by_transport.time == NOW_MS
    with pytest.raises(BadRecord, match="carries no time"):
        decode("coop", COOP, received_ms=None)


def test_paths_that_a_record_makes_up_are_bounded_in_number_and_length_and_can_be_printed():
    form = build("osprey")
    form.decode(json.dumps(OSPREY | {"\x1b[31m" + "x" * 1000: 1}).encode(), (), NOW_MS)
    (path,) = form.unmapped
    assert path.isprintable()
    assert len(path) < 200
    for first in (0, 800):
        form.decode(json.dumps(OSPREY | {f"f{n}": 1 for n in range(first, first + 800)}).encode(), (), NOW_MS)
    assert len(form.unmapped) == MAX_PATHS + 1
    assert form.unmapped[OTHERS] == 1601 - MAX_PATHS


@pytest.mark.parametrize(
    ("name", "options"),
    [("osprey", '{"verdict": {}}'), ("osprey", '{"verdicts": {"a": 1}}'), ("osprey", "["),
     ("ozone", '{"remembered": -1}'), ("coop", '{"remembered": "5"}'),
     ("dsa", '{"policy_fields": []}'), ("coop", "\udcff"), ("native", "{}")],
)  # fmt: skip
def test_wrong_options_are_a_problem_of_the_configuration(name, options):
    with pytest.raises(ConfigError) as caught:
        build(name, options=options)
    assert "DETECTOR_FORMAT_OPTIONS" in str(caught.value)


def test_an_unknown_format_is_one_too():
    with pytest.raises(ConfigError, match="must be one of native, osprey, coop, ozone, dsa"):
        build("csv")


def test_the_native_format_is_the_decoder():
    form, value = build("native"), b'{"kind": "deploy", "id": "1", "time": %d, "change": "c"}' % NOW_MS
    assert (
        list(form.decode(value, (), NOW_MS))
        == form.decode_all([value], NOW_MS)
        == [Decoder().decode(value, (), NOW_MS)]
    )
    assert not form.unmapped
    assert not form.ignored


def test_a_detail_is_short_however_long_the_name_of_a_feature_is():
    assert len(refusal("osprey", OSPREY, subject="x" * 500).detail) == MAX_DETAIL_CHARS


def test_a_statement_about_an_account_and_its_content_dates_the_content():
    both = DSA | {"decision_visibility": ["DECISION_VISIBILITY_CONTENT_REMOVED"], "content_date": "2026-02-01"}
    (action,) = decode("dsa", both)
    assert (action.subject_type, action.action_type) == ("content", "DECISION_ACCOUNT_SUSPENDED")
    assert action.content_created_at
    assert action.subject_created_at is None


NAMES = st.sampled_from(
    sorted(
        {name for records in EXAMPLES.values() for record in records for name in record}
        | {"id", "typeId", "$type", "did", "uri"}
    )
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([TIME, "2026-03-01", "[]", "[{}]", "ozone#modEventTakedown", "x" * 200, "a|b"])
)  # fmt: skip
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)


def check(form, value, headers=()):
    reason, events = None, ()
    try:
        events = form.decode(value, headers, NOW_MS, NOW_MS)
    except BadRecord as error:
        reason, detail = error.reason, error.detail
    if reason is not None:
        assert reason in set(DeadLetterReason)
        assert 0 < len(detail) <= MAX_DETAIL_CHARS
    for event in events:
        assert Decoder().decode(msgspec.json.encode(event), (), NOW_MS) == event
    assert len({event.id for event in events}) == len(events)


@pytest.mark.parametrize("name", FOREIGN)
@settings(max_examples=60, deadline=None)
@given(value=st.binary(max_size=100) | JSON.map(lambda found: json.dumps(found).encode()))
def test_any_bytes_and_any_json_are_events_or_have_a_reason(name, value):
    check(build(name), value)


@pytest.mark.parametrize("name", FOREIGN)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_change_to_good_records_gives_events_or_a_reason(name, data):
    form = build(name)
    for record in data.draw(st.lists(st.sampled_from(EXAMPLES[name]), min_size=1, max_size=4)):
        check(form, json.dumps(changed(record, data)).encode())


def changed(value, data):
    """`value` with some place in it replaced by other JSON, most of the time."""
    if isinstance(value, dict) and value and data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(value)))
        return value | {name: changed(value[name], data)}
    return value if data.draw(st.booleans()) else data.draw(JSON)


def test_ids_too_long_for_an_event_become_digests_of_their_own():
    first, second = (decode("dsa", DSA | {"puid": letter * 500})[0] for letter in "ab")
    assert isinstance(first, Action)
    assert len(first.id) == len(second.id) == 32
    assert first.id != second.id
    assert decode("dsa", DSA | {"puid": "a" * 500})[0].id == first.id
