"""The topic specs: complete, consistent with each other, and of least privilege."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from detector.config.setting_types import FIELDS
from detector.contract import schemas, topics
from detector.wire import log

TREE = Path(__file__).parents[2] / "topics"
SPECS = {topic.name: topic for topic in topics.load()}


def test_the_topics_are_those_of_the_design():
    assert set(SPECS) == {
        "enforcement.events",
        "enforcement.intake",
        "enforcement.alerts",
        "enforcement.breakers",
        "enforcement.deadletters",
        "{group}-policies-changelog",
    }


@pytest.mark.parametrize("topic", SPECS.values(), ids=SPECS)
def test_a_spec_names_known_messages_settings_and_its_own_file(topic):
    assert set(topic.messages) <= set(schemas.TYPES)
    assert topic.renamed_by is None or FIELDS[topic.renamed_by].default == topic.name
    assert (TREE / f"{topic.name.removeprefix('{group}-')}.yaml").is_file()
    assert {rule.setting for rule in topic.invariants} <= set(topic.config)


@pytest.mark.parametrize("topic", SPECS.values(), ids=SPECS)
def test_a_spec_keeps_its_own_invariants(topic):
    settings = topic.settings(replication=3)

    assert all(rule.holds(settings[rule.setting]) for rule in topic.invariants)
    assert all((rule.equals is None) != (rule.at_least is None) for rule in topic.invariants)


def test_log_and_changelog_have_the_same_fixed_partitions():
    intake, changelog = SPECS["enforcement.intake"], SPECS["{group}-policies-changelog"]

    assert intake.partitions_fixed
    assert changelog.partitions_fixed
    assert intake.partitions == changelog.partitions == FIELDS["partitions"].default


def test_the_log_takes_messages_of_the_size_that_intake_writes():
    assert SPECS["enforcement.intake"].config["max.message.bytes"] >= 2 * log.MAX_MESSAGE_BYTES


def test_only_the_detector_writes_what_decides_and_nobody_may_change_topics():
    for topic in SPECS.values():
        writers = {access.principal for access in topic.access if "WRITE" in access.operations}
        assert writers == ({"enforcement"} if topic.name == "enforcement.events" else {"detector"})
        assert all("DESCRIBE" in access.operations for access in topic.access)


def test_whoever_reads_in_a_group_may_read_that_group():
    groups = {(topic.name, access.principal): access.group for topic in SPECS.values() for access in topic.access}

    assert groups["enforcement.events", "detector"] == groups["enforcement.intake", "detector"] == "{group}"
    assert groups["enforcement.breakers", "gate"] is None


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "1"), (3, "2"), (5, "2")])
def test_one_broker_may_always_be_down(replication, in_sync):
    assert SPECS["enforcement.intake"].settings(replication)["min.insync.replicas"] == in_sync


def test_a_misspelt_field_is_refused_with_its_name():
    text = (TREE / "enforcement.alerts.yaml").read_bytes().replace(b"owner:", b"onwer:")

    with pytest.raises(msgspec.ValidationError, match=re.escape("onwer")):
        msgspec.yaml.decode(text, type=topics.Topic)
