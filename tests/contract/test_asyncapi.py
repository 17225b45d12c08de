"""`topics/asyncapi.yaml` is valid AsyncAPI 3.1, and its references lead somewhere."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from detector.contract import asyncapi, schemas, topics

SPEC = json.loads((Path(__file__).parent / "asyncapi/3.1.0.json").read_text())


def findings(document):
    return [error.message for error in Draft7Validator(SPEC).iter_errors(document)]


def references(node):
    if isinstance(node, dict):
        yield from [node["$ref"]] if "$ref" in node else []
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from references(each)


def test_the_document_is_valid():
    assert findings(asyncapi.document()) == []


def spoil_action(document):
    document["operations"]["send-alerts"]["action"] = "shout"


def spoil_binding(document):
    document["channels"]["enforcement.alerts"]["bindings"]["kafka"]["partitions"] = 0


def spoil_message(document):
    document["components"]["messages"]["alert"]["body"] = {}


def spoil_schema(document):
    document["components"]["schemas"]["Alert"]["type"] = "record"


@pytest.mark.parametrize("spoil", [spoil_action, spoil_binding, spoil_message, spoil_schema])
def test_the_vendored_schema_finds_what_is_wrong(spoil):
    document = copy.deepcopy(asyncapi.document())
    spoil(document)

    assert findings(document)


def test_every_reference_leads_to_something_in_the_document():
    document = asyncapi.document()

    for reference in references(document):
        node = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_every_public_topic_is_a_channel_with_its_messages_and_internal_ones_are_not():
    channels = asyncapi.document()["channels"]

    assert {name: set(channel["messages"]) for name, channel in channels.items()} == {
        topic.name: set(topic.messages) for topic in topics.load() if not topic.internal
    }
    assert "enforcement.intake" not in channels


def test_the_detector_receives_events_and_sends_all_else():
    operations = asyncapi.document()["operations"]

    assert {name: each["action"] for name, each in operations.items()} == {
        "receive-events": "receive",
        "send-alerts": "send",
        "send-breakers": "send",
        "send-deadletters": "send",
    }


def test_messages_are_described_by_the_schemas_that_stand_alone():
    document = asyncapi.document()

    for name, message in document["components"]["messages"].items():
        struct = message.get("headers" if name == "deadletter" else "payload")["$ref"].rpartition("/")[2]
        assert struct == schemas.TYPES[name].__name__
