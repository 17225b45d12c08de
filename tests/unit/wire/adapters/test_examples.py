"""Example records of each format become the events that stand beside them, and what they leave out is counted."""

from __future__ import annotations

import json
from datetime import datetime

import msgspec
import pytest

from detector.config import scalars
from detector.config.setting_types import FIELDS
from detector.contract import topics
from detector.wire.adapters import build, formats
from detector.wire.decode import Decoder, epoch_ms

EXAMPLES = topics.directory() / "examples" / "adapters"
NOW_MS = 1_772_900_000_000  # some days after the examples
FOREIGN = sorted(set(formats) - {"native"})


def examples():
    paths = sorted(EXAMPLES.glob("*/*.expected.json"))
    return [pytest.param(path, id=f"{path.parent.name}/{path.name.partition('.')[0]}") for path in paths]


def read(path):
    """The format after all records of an example, the events of each, and what is expected."""
    expected = json.loads(path.read_bytes())
    options = expected.get("options")
    found = build(path.parent.name, options=None if options is None else json.dumps(options))
    received = expected.get("received")
    received_ms = None if received is None else epoch_ms(datetime.fromisoformat(received))
    records = json.loads(path.with_name(path.name.replace(".expected", "")).read_bytes())
    events = [found.decode(json.dumps(record).encode(), (), NOW_MS, received_ms) for record in records]
    return found, events, expected


@pytest.mark.parametrize("path", examples())
def test_an_example_becomes_the_events_beside_it(path):
    _, events, expected = read(path)
    natives = [
        [Decoder().decode(json.dumps(event).encode(), (), NOW_MS) for event in each] for each in expected["events"]
    ]
    assert [list(each) for each in events] == natives


@pytest.mark.parametrize("path", examples())
def test_what_it_leaves_out_is_counted_field_by_field_and_reason_by_reason(path):
    found, _, expected = read(path)
    assert dict(found.unmapped) == expected["unmapped"]
    assert dict(found.ignored) == expected["ignored"]


@pytest.mark.parametrize("path", examples())
def test_its_events_pass_as_native_ones_and_have_ids_of_their_own(path):
    _, events, _ = read(path)
    flat = [event for each in events for event in each]
    for event in flat:
        assert Decoder().decode(msgspec.json.encode(event), (), NOW_MS) == event
    assert len({event.id for event in flat}) == len(flat)


@pytest.mark.parametrize("path", examples())
def test_the_same_records_give_the_same_events_again(path):
    assert read(path)[1] == read(path)[1]


def test_every_format_has_examples_and_every_example_its_expectation():
    assert sorted(path.name for path in EXAMPLES.iterdir()) == FOREIGN
    for path in EXAMPLES.glob("*/*.json"):
        stem = path.name.partition(".")[0]
        assert path.with_name(f"{stem}.json").exists()
        assert path.with_name(f"{stem}.expected.json").exists()


def test_the_setting_names_the_formats_that_there_are():
    assert set(scalars.unwrap(FIELDS["format"].type)[0].values) == set(formats)
