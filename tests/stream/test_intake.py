"""Intake: everything is in the log or among the dead letters before a step ends."""

from __future__ import annotations

import json
import time

import msgspec
from aiokafka.structs import ConsumerRecord
from faust.types import TP

from detector.metrics import Metrics
from detector.stream.intake import CHUNK_RECORDS, FIRST_BAD_RECORDS, Intake
from detector.stream.sources import Sources
from detector.wire import log
from tests.hostile import good_action
from tests.stream.doubles import SETTINGS, Consumer, Outbox, run

NOW_MS = int(time.time() * 1000)


class Ticker:
    async def begin(self):
        return 1


class Batch:
    def __init__(self, **records) -> None:
        self.records = {int(name[1:]): found for name, found in records.items()}

    def __len__(self) -> int:
        return sum(map(len, self.records.values()))


def record(offset, value=None, headers=()):
    value = json.dumps(good_action(offset, NOW_MS)).encode() if value is None else value
    return ConsumerRecord("events", 0, offset, NOW_MS, 0, b"key", value, None, 3, len(value), headers)


def build(settings=SETTINGS):
    outbox, consumer, sources = Outbox(), Consumer(), Sources(settings.partitions)
    sources.begin(1, {0: None, 1: None})
    metrics = Metrics(started_s=0)
    return Intake(settings, consumer, outbox, sources, Ticker(), metrics), outbox, sources, consumer


def offsets(outbox):
    rows = [log.decode(each.value) for each in outbox.of("log")]
    return [offset for each in rows for offset in each.column("offset").tolist()]


def test_a_poll_is_in_the_log_and_acknowledged_when_its_step_ends():
    intake, outbox, sources, _ = build()
    run(intake.step(Batch(s0=[record(0), record(1)], s1=[record(7)])))
    assert sorted(offsets(outbox)) == [0, 1, 7]
    assert outbox.sent[-1] == "settled"
    reports = sources.reports({0: 2, 1: 8}.get)
    assert [(each.through, each.newest_ms) for each in reports] == [(1, NOW_MS), (7, NOW_MS - 7)]


def test_bad_records_are_buried_as_they_came_with_reason_and_place():
    intake, outbox, sources, _ = build()
    run(intake.step(Batch(s0=[record(0), record(1, b"{"), record(2)])))
    assert offsets(outbox) == [0, 2]
    (dead,) = outbox.of("deadletters")
    assert (dead.key, dead.value) == (b"key", b"{")
    assert {(b"not_json", b"1")} == {(dict(dead.headers)["reason"], dict(dead.headers)["offset"])}
    assert sources.reports({0: 3, 1: 0}.get)[0].through == 2


def test_a_poll_of_bad_records_only_moves_on_without_rows():
    intake, outbox, sources, _ = build()
    run(intake.step(Batch(s0=[record(0, b"{"), record(1, b"")])))
    assert (outbox.of("log"), len(outbox.of("deadletters"))) == ([], 2)
    assert sources.reports({0: 2, 1: 0}.get)[0].through == 1


def test_a_partition_of_nothing_but_bad_records_stops_where_its_credit_ends_and_others_go_on():
    intake, outbox, sources, consumer = build()
    poison = [record(offset, b"{") for offset in range(CHUNK_RECORDS * 3)]
    run(intake.step(Batch(s0=poison, s1=[record(0)])))
    assert len(outbox.of("deadletters")) == FIRST_BAD_RECORDS
    assert consumer.stalled == [TP(SETTINGS.events_topic, 0)]
    stalled, healthy = sources.reports({0: 9999, 1: 1}.get)
    assert (stalled.through, stalled.stalled) == (FIRST_BAD_RECORDS - 1, True)
    assert (healthy.through, healthy.stalled) == (0, False)


def test_the_ratio_setting_is_bad_records_per_good_one():
    settings = msgspec.structs.replace(SETTINGS, dlq_max_ratio=0.75, dlq_max_consecutive=6)
    intake, outbox, _, consumer = build(settings)
    pattern = [record(offset) if offset % 4 == 0 else record(offset, b"{") for offset in range(400)]
    run(intake.step(Batch(s0=pattern)))
    assert (len(outbox.of("deadletters")), consumer.stalled) == (300, [])
    worse = [record(offset) if offset % 5 == 0 else record(offset, b"{") for offset in range(400, 800)]
    run(intake.step(Batch(s0=worse)))
    assert consumer.stalled


def takedown(offset, *policies, kind="modEventTakedown"):
    event = {"$type": f"tools.ozone.moderation.defs#{kind}", "policies": policies, "comment": "free text"}
    view = {
        "id": offset,
        "event": event,
        "subject": {"$type": "com.atproto.admin.defs#repoRef", "did": f"did:plc:{offset}"},
        "createdBy": "did:plc:moderator",
        "createdAt": "2026-03-01T12:00:00.000Z",
    }
    return record(offset, json.dumps(view).encode())


def test_a_record_of_another_format_may_give_no_event_one_or_several():
    intake, outbox, sources, _ = build(msgspec.structs.replace(SETTINGS, format="ozone"))
    polled = [takedown(0, "a"), takedown(1, kind="modEventComment"), takedown(2, "b", "c", "d"), record(3, b"{}")]
    run(intake.step(Batch(s0=polled)))
    assert sorted(offsets(outbox)) == [0, 2, 2, 2]
    (dead,) = outbox.of("deadletters")
    assert dead.value == b"{}"
    assert sources.reports({0: 4, 1: 0}.get)[0].through == 3


def test_a_record_without_an_event_is_no_bad_record():
    settings = msgspec.structs.replace(SETTINGS, format="ozone", dlq_max_consecutive=2)
    intake, outbox, _, consumer = build(settings)
    run(intake.step(Batch(s0=[takedown(offset, kind="modEventTag") for offset in range(50)])))
    assert (outbox.of("log"), outbox.of("deadletters"), consumer.stalled) == ([], [], [])


def test_what_a_format_leaves_out_is_said_once(caplog):
    intake, _, _, _ = build(msgspec.structs.replace(SETTINGS, format="ozone"))
    with caplog.at_level("INFO", logger="detector"):
        for first in (0, 10):
            run(intake.step(Batch(s0=[takedown(first), takedown(first + 1, kind="modEventTag")])))
    said = [(each.message, each.fields["detail"]) for each in caplog.records]
    assert sorted(said) == [
        ("field_unmapped", "$.event.comment"),
        ("records_ignored", "event that is no enforcement: modEventTag"),
    ]


def test_headers_and_line_breaks_change_nothing_but_the_way_of_decoding():
    intake, outbox, _, _ = build()
    pretty = json.dumps(good_action(1, NOW_MS), indent=1).encode()
    run(intake.step(Batch(s0=[record(0), record(1, pretty), record(2, headers=(("trace", b"1"),))])))
    assert offsets(outbox) == [0, 1, 2]
