"""Decoding and packing many records at once gives what one by one gives, or says that it can't."""

from __future__ import annotations

import json

import pytest

from detector.errors import BadRecord
from detector.wire.decode import Decoder
from detector.wire.rows import RowsBuilder
from tests.hostile import good_action, hostile_records

NOW_MS = 1_763_700_000_000
GOOD = [json.dumps(good_action(number, NOW_MS)).encode() for number in range(5)]
APPEAL = {"id": "1", "kind": "appeal", "policy_id": "p", "subject_id": "s", "action_id": "a", "time": NOW_MS}


def test_good_records_decode_at_once_to_the_same_events():
    dated = json.dumps(good_action(7, NOW_MS) | {"time": "2025-11-21T04:40:00Z", "region": "Zürich"}).encode()
    unescaped = json.dumps(good_action(8, NOW_MS) | {"region": "Zürich"}, ensure_ascii=False).encode()
    appeal = json.dumps(APPEAL | {"acted_at": "2025-11-21T04:40:00Z"}).encode()
    decoder, values = Decoder(), [*GOOD, unescaped, appeal, dated.replace(b"\\u00fc", b"u")]
    assert decoder.decode_all(values, NOW_MS) == [decoder.decode(value, (), NOW_MS) for value in values]


@pytest.mark.parametrize(
    "odd",
    [None, b"", b"{}", b"{", GOOD[0] + b"\n" + GOOD[1], b"\xff", GOOD[0][:-1] + b',"x":"\xff"}', b"[" * 5000,
     GOOD[0].replace(b"spam", b"sp\\u0000am"), GOOD[0].replace(b"spam", b"sp\x7fam"),
     json.dumps(good_action(0, NOW_MS) | {"time": NOW_MS + 10**9}).encode(),
     json.dumps({"specversion": "1.0", "data": good_action(0, NOW_MS)}).encode(),
     GOOD[0][:-1] + b',"x":"' + b"x" * 65_536 + b'"}'],
)  # fmt: skip
def test_one_odd_record_among_them_and_each_must_be_looked_at(odd):
    assert Decoder().decode_all([GOOD[0], odd, GOOD[1]], NOW_MS) is None


def test_an_empty_record_does_not_shift_two_events_in_another_one():
    assert Decoder().decode_all([GOOD[0] + b"\n" + GOOD[1], b""], NOW_MS) is None


def test_no_hostile_record_passes_with_the_good_ones():
    decoder = Decoder()
    for hostile in hostile_records(NOW_MS, 2000, seed=3):
        if not hostile.headers:
            assert decoder.decode_all([GOOD[0], hostile.value], NOW_MS) is None, hostile.name
            with pytest.raises(BadRecord):
                decoder.decode(hostile.value, (), NOW_MS)


def test_events_added_together_make_the_same_messages():
    events, alone, together = Decoder().decode_all(GOOD, NOW_MS), RowsBuilder(4, b"k" * 16), RowsBuilder(4, b"k" * 16)
    for offset, event in enumerate(events):
        alone.add(1, offset, event)
    together.add_all(1, range(len(events)), events)
    through = {1: len(events) - 1}
    assert together.build(through, lambda *_: -1) == alone.build(through, lambda *_: -1)


def test_an_offset_without_its_event_is_a_mistake():
    with pytest.raises(ValueError, match="shorter"):
        RowsBuilder(4, b"k" * 16).add_all(1, range(3), Decoder().decode_all(GOOD, NOW_MS)[:2])
