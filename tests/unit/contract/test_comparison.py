"""How a topic on a broker is judged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.config.setting_types import Settings
from detector.contract.comparison import Found, compare, wanted

WANTED = {each.spec.name: each for each in wanted(Settings(replication=3))}
INTAKE = WANTED["enforcement.intake"]
CHANGELOG = WANTED["{group}-policies-changelog"]
BREAKERS = WANTED["enforcement.breakers"]


def as_wanted(each):
    return Found(each.name, each.partitions, each.replication, dict(each.config))


def having(each, **config):
    changed = {key.replace("_", "."): value for key, value in config.items()}
    return replace(as_wanted(each), config={**each.config, **changed})


def only(mismatches):
    (mismatch,) = mismatches
    return mismatch


@pytest.mark.parametrize("each", WANTED.values(), ids=WANTED)
def test_a_topic_that_is_as_wanted_has_no_mismatch(each):
    assert compare(each, as_wanted(each)) == []


@pytest.mark.parametrize(
    ("each", "setting", "value"),
    [
        (INTAKE, "cleanup_policy", "compact"),
        (INTAKE, "message_timestamp_type", "CreateTime"),
        (INTAKE, "retention_ms", "3600000"),
        (INTAKE, "max_message_bytes", "262144"),
        (CHANGELOG, "cleanup_policy", "delete"),
        (CHANGELOG, "cleanup_policy", "compact,delete"),
        (BREAKERS, "cleanup_policy", "delete"),
        (WANTED["enforcement.events"], "cleanup_policy", "compact"),
        (WANTED["enforcement.alerts"], "cleanup_policy", "compact"),
        (WANTED["enforcement.deadletters"], "cleanup_policy", "compact"),
    ],
)
def test_a_setting_that_breaks_an_invariant_is_refused_with_the_command_that_mends_it(each, setting, value):
    mismatch = only(compare(each, having(each, **{setting: value})))

    assert mismatch.refused
    assert mismatch.found == value
    assert f"--topic {each.name} --add-config {mismatch.setting}={each.config[mismatch.setting]}" in mismatch.fix


@pytest.mark.parametrize("value", ["86400000", "-1", "31536000000"])
def test_longer_or_unlimited_retention_of_the_log_differs_but_is_not_refused(value):
    assert not only(compare(INTAKE, having(INTAKE, retention_ms=value))).refused


@pytest.mark.parametrize("each", [INTAKE, CHANGELOG])
@pytest.mark.parametrize("partitions", [16, 64])
def test_other_partitions_of_log_or_changelog_are_refused_and_the_fix_names_the_setting(each, partitions):
    mismatch = only(compare(each, replace(as_wanted(each), partitions=partitions)))

    assert mismatch.refused
    assert f"DETECTOR_PARTITIONS={partitions}" in mismatch.fix


def test_topics_of_events_may_grow_and_fewer_partitions_only_differ():
    events = WANTED["enforcement.events"]

    assert compare(events, replace(as_wanted(events), partitions=24)) == []
    assert not only(compare(events, replace(as_wanted(events), partitions=2))).refused


def test_fewer_replicas_differ_and_more_are_welcome():
    assert not only(compare(INTAKE, replace(as_wanted(INTAKE), replication=1))).refused
    assert compare(INTAKE, replace(as_wanted(INTAKE), replication=5)) == []


def test_a_missing_topic_is_refused_and_says_how_to_create_it():
    mismatch = only(compare(INTAKE, None))

    assert mismatch.refused
    assert "detector topics create" in mismatch.fix


def test_settings_that_can_not_be_read_are_refused_only_where_an_invariant_needs_them():
    mismatches = compare(INTAKE, replace(as_wanted(INTAKE), config={}))

    assert {each.setting for each in mismatches if each.refused} == {rule.setting for rule in INTAKE.spec.invariants}
    assert all("DESCRIBE_CONFIGS" in each.fix for each in mismatches)


def test_a_mismatch_says_topic_setting_value_need_reason_and_fix():
    said = str(only(compare(INTAKE, having(INTAKE, retention_ms="3600000"))))

    for part in ("enforcement.intake", "retention.ms", "3600000", "at least 86400000", "outlive an outage", "--alter"):
        assert part in said


def test_names_partitions_and_group_come_from_the_settings():
    settings = Settings(group="eu", partitions=4, replication=1, intake_topic="eu.intake")

    names = {each.name: each.partitions for each in wanted(settings)}

    assert names["eu.intake"] == names["eu-policies-changelog"] == 4
    assert names["enforcement.events"] == 8
