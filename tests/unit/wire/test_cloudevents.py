"""Both directions against the CloudEvents SDK, and output bytes that never vary."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cloudevents.core.bindings import kafka as sdk
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from detector import events
from detector.errors import BadRecord
from detector.events import DeadLetterReason, Directive, State
from detector.wire import cloudevents
from detector.wire.decode import Decoder
from tests.hostile import good_action

NOW_MS = 1_763_700_000_000
DETECTED = datetime(2025, 11, 21, 4, 40, 0, 250_000, UTC)
ATTRIBUTES = {"type": "com.example.action.v1", "source": "/moderation", "id": "envelope-1"}
STRUCTURED = [("content-type", b"application/cloudevents+json; charset=utf-8")]


def decode(value, headers=()):
    return Decoder().decode(value, headers, NOW_MS)


def plain():
    return decode(json.dumps(good_action(1, NOW_MS)).encode())


def sent(data, bind, **attributes):
    """Value and headers of an event as the SDK writes it."""
    message = bind(CloudEvent(ATTRIBUTES | attributes, data), JSONFormat())
    return message.value, list(message.headers.items())


def alert(**changes):
    fields = {
        "alert_id": "spåm|rule_version=42@17/1763700000000",
        "type": "breaker.opened",
        "scope": events.Scope(policy_id="spåm", dimension="rule_version", value="42@17"),
        "from_state": State.CLOSED,
        "to_state": State.OPEN,
        "mode": "enforce",
        "directive": Directive.HOLD_FOR_REVIEW,
        "generation": NOW_MS,
        "onset": DETECTED - timedelta(minutes=2),
        "detected_at": DETECTED,
        "reason": "volume after a deploy",
        "evidence": (
            events.Evidence(signal="volume", window_s=600.0, observed=80.0, expected=10.0, ratio=8.0, strength=1.2),
        ),
        "contributors": (events.Contributor(dimension="region", value="DE", share_ratio=0.9, lift_ratio=8.0),),
        "impact": events.Impact(actions=80, automated=79, held=0),
        "data_quality": events.DataQuality(
            stream_lag_s=0.5, late_rows=0, ahead_rows=0, duplicate_rows=0, gaps=0, blind_sources=(3,)
        ),
        "config_version": "c1",
        "enforced": True,
    }
    return events.Alert(**fields | changes)


def breaker(policy_id="spam"):
    return events.Breaker(
        scope=events.Scope(policy_id=policy_id),
        state=State.OPEN,
        mode="enforce",
        directive=Directive.HOLD_FOR_REVIEW,
        generation=7,
        partition=3,
        since=DETECTED,
        config_version="c1",
    )


@pytest.mark.parametrize("bind", [sdk.to_structured, sdk.to_binary])
def test_an_event_that_the_sdk_wraps_is_the_plain_event(bind):
    assert decode(*sent(good_action(1, NOW_MS), bind)) == plain()


@pytest.mark.parametrize("bind", [sdk.to_structured, sdk.to_binary])
def test_so_is_one_that_it_wraps_as_bytes(bind):
    data = json.dumps(good_action(1, NOW_MS)).encode()
    assert decode(*sent(data, bind, datacontenttype="application/json")) == plain()


def test_a_structured_event_needs_no_header():
    value, _ = sent(good_action(1, NOW_MS), sdk.to_structured)
    assert decode(value) == plain()


@pytest.mark.parametrize(
    "headers", [[("content-type", b"application/json")], [("content-type", None), ("trace", b"1")]]
)
def test_other_headers_do_not_count(headers):
    assert decode(json.dumps(good_action(1, NOW_MS)).encode(), headers) == plain()


def test_a_plain_event_may_have_a_field_that_is_called_specversion():
    value = json.dumps(good_action(1, NOW_MS) | {"specversion": "9"}).encode()
    assert decode(value) == plain()


@pytest.mark.parametrize(
    ("envelope", "headers", "detail"),
    [({"specversion": "2.0", "data": {}}, [], "'2.0'"),
     ({"specversion": "1.0"}, [], "no `data`"),
     ({"data": {}}, STRUCTURED, "`specversion` is missing"),
     ({"data": {}}, [("Content-Type", b" Application/CloudEvents+JSON ")], "`specversion` is missing"),
     ({"specversion": "", "data": {}}, [], "specversion is ''"),
     ({}, [("CE_SpecVersion", b"\xff")], "specversion"),
     ([], [("content-type", b"application/cloudevents-batch+json")], "one event per record")],
)  # fmt: skip
def test_a_bad_envelope_is_refused_as_such(envelope, headers, detail):
    with pytest.raises(BadRecord) as caught:
        decode(json.dumps(envelope).encode(), headers)
    assert caught.value.reason == DeadLetterReason.BAD_ENVELOPE
    assert detail in caught.value.detail


@pytest.mark.parametrize("wrap", [lambda data: {"data": data}, lambda data: {"data_base64": base64_of(data)}])
def test_what_is_inside_an_envelope_is_judged_like_a_plain_event(wrap):
    for fields, reason in [
        ({"policy_id": "a\nb"}, DeadLetterReason.CONTROL_CHARACTER),
        ({"time": 0}, DeadLetterReason.TIME_OUT_OF_RANGE),
        ({"policy_id": None}, DeadLetterReason.INVALID_FIELD),
    ]:
        value = json.dumps({"specversion": "1.0", **wrap(good_action(1, NOW_MS) | fields)}).encode()
        with pytest.raises(BadRecord) as caught:
            decode(value)
        assert caught.value.reason == reason


def base64_of(data):
    return base64.b64encode(json.dumps(data).encode()).decode()


def test_envelopes_do_not_nest():
    value, _ = sent({"specversion": "1.0", "data": good_action(1, NOW_MS)}, sdk.to_structured)
    with pytest.raises(BadRecord, match="invalid_field"):
        decode(value)


def test_the_sdk_reads_an_alert():
    message = cloudevents.alert_message(alert())
    event = sdk.from_binary(sdk.KafkaMessage(dict(message.headers), message.key, message.value), JSONFormat())
    assert event.get_id() == alert().alert_id
    assert event.get_type() == "io.detector.breaker.opened.v1"
    assert event.get_source() == "/detector"
    assert event.get_time() == DETECTED
    assert event.get_datacontenttype() == "application/json"
    assert event.get_extension("partitionkey") == "spåm|rule_version=42@17"
    assert event.get_data() == json.loads(message.value)
    assert event.get_data()["evidence"][0]["observed"] == 80


def test_an_alert_comes_back_as_it_went_and_its_bytes_never_vary():
    message = cloudevents.alert_message(alert())
    assert cloudevents.parse_alert(message.value) == alert()
    assert cloudevents.alert_message(cloudevents.parse_alert(message.value)) == message
    assert cloudevents.alert_message(alert(generation=1)).value != message.value


def test_the_type_names_what_happened():
    headers = dict(cloudevents.alert_message(alert(type="breaker.half_opened")).headers)
    assert headers["ce_type"] == b"io.detector.breaker.half_opened.v1"
    assert headers["ce_time"] == b"2025-11-21T04:40:00.250000Z"


def test_breakers_and_heartbeats_come_back_by_their_keys():
    heartbeat = events.Heartbeat(partition=12, position=9, stream_time=DETECTED, log_time=DETECTED, lag_s=0.0)
    for record, key, message in [
        (breaker(), b"spam", cloudevents.breaker_message(breaker())),
        (heartbeat, b"heartbeat/12", cloudevents.heartbeat_message(heartbeat)),
    ]:
        assert message.key == key
        assert message.headers == [("content-type", b"application/json")]
        assert cloudevents.parse_breaker_record(message.key, message.value) == record


@pytest.mark.parametrize("key", [b"heartbeat/1", b"other"])
def test_a_breaker_record_that_is_something_else_is_refused(key):
    with pytest.raises(msgspec.DecodeError):
        cloudevents.parse_breaker_record(key, b'{"a": 1}')
