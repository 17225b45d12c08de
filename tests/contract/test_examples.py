"""Every example under `topics/examples`: the good ones are read, the bad ones are refused for the reason they state."""

from __future__ import annotations

import json

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator

from detector import events
from detector.contract import schemas, topics
from detector.errors import BadRecord
from detector.wire.decode import Decoder

EXAMPLES = topics.directory() / "examples"
NOW_MS = 1_772_600_000_000  # a day or two after the examples
INPUT = "enforcement.events"


def examples(sort):
    paths = sorted(EXAMPLES.glob(f"*/{sort}/*.json"))
    return [pytest.param(path, id=f"{path.parent.parent.name}/{path.stem}") for path in paths]


def message(path):
    return path.stem.partition("-")[0]


def read(path):
    if path.parent.parent.name == INPUT:
        return Decoder().decode(path.read_bytes(), [], NOW_MS)
    return msgspec.json.decode(path.read_bytes(), type=schemas.TYPES[message(path)])


def stated(path):
    return yaml.safe_load(path.with_name("reasons.yaml").read_text())[path.name]


def oracle(path, record):
    """What jsonschema finds wrong with a record, or with what lies in its CloudEvents envelope."""
    name = "event" if path.parent.parent.name == INPUT else message(path)
    inner = record.get("data", {}) if isinstance(record, dict) and "specversion" in record else record
    return list(Draft202012Validator(schemas.schema(name)).iter_errors(inner))


def no_json(constant):
    raise ValueError(constant)


@pytest.mark.parametrize("path", examples("good"))
def test_a_good_example_is_read_and_fits_its_schema(path):
    record = read(path)

    assert isinstance(record, schemas.TYPES[message(path)])
    assert not oracle(path, json.loads(path.read_bytes()))


@pytest.mark.parametrize("path", examples("bad"))
def test_a_bad_example_is_refused_for_the_reason_it_states(path):
    with pytest.raises((BadRecord, msgspec.ValidationError)) as refused:
        read(path)

    assert stated(path)["detail"] in str(refused.value)
    assert getattr(refused.value, "reason", None) == stated(path).get("reason")


@pytest.mark.parametrize("path", examples("bad"))
def test_the_schema_refuses_a_bad_example_unless_it_can_not_say_so(path):
    try:
        record = json.loads(path.read_bytes(), parse_constant=no_json)
    except (ValueError, RecursionError):
        verdict = "no JSON"
    else:
        verdict = "refuses" if oracle(path, record) else "passes"

    assert verdict == stated(path)["schema"]


def test_what_the_schema_lets_pass_is_only_what_it_can_not_say():
    passing = {path.values[0].stem for path in examples("bad") if stated(path.values[0])["schema"] == "passes"}

    assert passing == {
        "action-time_without_zone",
        "action-time_in_2099",
        "appeal-acted_at_in_words",
        "any-cloudevents_version_2",
    }


def test_every_message_has_good_examples_and_bad_ones():
    for topic in topics.load():
        for name in topic.messages:
            for sort in ("good", "bad"):
                found = [path for path in (EXAMPLES / topic.name / sort).glob("*.json") if message(path) == name]
                assert found, f"{topic.name} has no {sort} example of {name}"


def test_every_dead_letter_reason_but_size_has_an_example():
    reasons = {stated(path.values[0]).get("reason") for path in examples("bad")} - {None}

    assert reasons == {reason.value for reason in events.DeadLetterReason} - {"too_large"}


def test_every_directory_of_examples_belongs_to_a_topic_and_every_reason_to_a_file():
    names = {path.name for path in EXAMPLES.iterdir()} - {"adapters"}  # records of other formats
    assert names == {topic.name for topic in topics.load() if topic.messages}
    for path in EXAMPLES.glob("*/bad/reasons.yaml"):
        assert set(yaml.safe_load(path.read_text())) == {each.name for each in path.parent.glob("*.json")}
