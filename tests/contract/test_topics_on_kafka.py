"""`detector topics` and `verify` against a real broker."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import closing

import pytest
from click.testing import CliRunner
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from detector import admin
from detector.cli import main
from detector.cli.topics import command
from detector.config.setting_types import Settings
from detector.contract.comparison import wanted
from detector.errors import BrokenWorld, TopicMismatch

pytestmark = pytest.mark.kafka
NAMES = ("events", "intake", "alerts", "breakers", "deadletters")


@pytest.fixture
def settings(kafka):
    prefix = f"t{uuid.uuid4().hex[:8]}"
    names = {f"{name}_topic": f"{prefix}.{name}" for name in NAMES}
    return Settings(bootstrap=kafka.bootstrap, group=prefix, partitions=4, replication=1, **names)


@pytest.fixture
def created(settings):
    with admin.connect(settings) as broker:
        broker.create(wanted(settings))
    return settings


def run(settings, *arguments):
    flags = [part for name in NAMES for part in (f"--{name}-topic", getattr(settings, f"{name}_topic"))]
    sizes = ["--partitions", str(settings.partitions), "--replication", str(settings.replication)]
    return CliRunner().invoke(
        command, [*arguments, "--bootstrap", settings.bootstrap, "--group", settings.group, *flags, *sizes]
    )


def alter(settings, topic, **config):
    changes = {key.replace("_", "."): value for key, value in config.items()}
    with closing(KafkaAdminClient(bootstrap_servers=settings.bootstrap)) as client:
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, changes)])
    settle(settings, topic, lambda found: found.config.items() >= changes.items())


def settle(settings, topic, done):
    """The controller says yes before the broker that is asked next has heard of it."""
    deadline_s = time.monotonic() + 10
    with admin.connect(settings) as broker:
        while not done(broker.found([topic])[topic]):
            assert time.monotonic() < deadline_s, f"{topic} did not change"


def test_create_makes_every_topic_once_and_diff_then_finds_nothing(settings):
    assert run(settings, "diff").exit_code == 1
    assert run(settings, "create").stdout.count("created ") == 6
    assert "all topics exist already" in run(settings, "create").stdout

    result = run(settings, "diff")
    assert (result.exit_code, result.stdout) == (0, "all topics are as wanted\n")
    admin.verify(settings)


def test_verify_names_every_missing_topic(settings):
    with pytest.raises(TopicMismatch) as refused:
        admin.verify(settings)

    assert str(refused.value).count("is missing, needed: present") == 6
    assert "detector topics create" in str(refused.value)


@pytest.mark.parametrize(
    ("topic", "config"),
    [
        ("intake", {"cleanup_policy": "compact"}),
        ("intake", {"message_timestamp_type": "CreateTime"}),
        ("intake", {"retention_ms": "60000"}),
        ("breakers", {"cleanup_policy": "delete"}),
        ("events", {"cleanup_policy": "compact"}),
    ],
)
def test_verify_refuses_a_broken_setting_by_name_value_need_and_fix(created, topic, config):
    name = getattr(created, f"{topic}_topic")
    alter(created, name, **config)

    with pytest.raises(TopicMismatch) as refused:
        admin.verify(created)

    ((key, value),) = config.items()
    assert f"topic {name}: {key.replace('_', '.')} is {value}, needed: " in str(refused.value)
    assert "kafka-configs.sh --alter" in str(refused.value)


def test_verify_refuses_a_changelog_that_is_not_compacted(created):
    alter(created, f"{created.group}-policies-changelog", cleanup_policy="delete")

    with pytest.raises(TopicMismatch, match=r"policies-changelog: cleanup\.policy is delete"):
        admin.verify(created)


def test_verify_refuses_partitions_that_are_not_the_configured_ones(created):
    with closing(KafkaAdminClient(bootstrap_servers=created.bootstrap)) as client:
        client.create_partitions({created.intake_topic: 8})
    settle(created, created.intake_topic, lambda found: found.partitions == 8)

    with pytest.raises(TopicMismatch, match=r"intake: partitions is 8, needed: 4.*DETECTOR_PARTITIONS=8"):
        admin.verify(created)


def test_a_mere_recommendation_is_shown_by_diff_and_accepted_by_verify(created):
    alter(created, created.alerts_topic, retention_ms="3600000")
    admin.verify(created)

    result = run(created, "diff", "--json")
    (difference,) = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (difference["setting"], difference["found"], difference["refused"]) == ("retention.ms", "3600000", False)


def test_list_shows_every_topic_and_what_the_broker_has(created):
    alter(created, created.intake_topic, message_timestamp_type="CreateTime")

    rows = {row["topic"]: row["on_broker"] for row in json.loads(run(created, "list", "--json").stdout)}

    assert rows[created.intake_topic] == "refused"
    assert rows[created.events_topic] == "as wanted"
    assert len(run(created, "list").stdout.splitlines()) == 7


def test_no_broker_exits_with_3_and_says_where_it_looked(monkeypatch, capsys):
    monkeypatch.setattr("detector.kafka.BOOTSTRAP_TIMEOUT_MS", 300)

    with pytest.raises(SystemExit) as exited:
        main(["topics", "diff", "--bootstrap", "127.0.0.1:1"])

    assert exited.value.code == 3
    assert "Kafka at 127.0.0.1:1 (PLAINTEXT)" in capsys.readouterr().err


def test_what_fails_inside_a_connection_is_told_with_the_address(created):
    with pytest.raises(BrokenWorld, match=created.bootstrap), admin.connect(created) as broker:
        broker._client.delete_topics(["no-such-topic"])


def test_a_wrong_flag_exits_with_2():
    with pytest.raises(SystemExit) as exited:
        main(["topics", "create", "--replication", "0"])

    assert exited.value.code == 2
