"""The access that the specs list is enough for each principal, and no more than that: on a broker that checks it."""

from __future__ import annotations

import time
from contextlib import closing

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType
from kafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError

from detector import admin
from detector.config.setting_types import Secret, Settings
from detector.contract.comparison import wanted
from detector.errors import TopicMismatch
from detector.kafka import client_options, consumer_options
from tests.conftest import start_cluster
from tests.rig import KafkaCluster
from tests.rig.kafka import free_ports

pytestmark = pytest.mark.kafka
PRINCIPALS = ("detector", "gate", "enforcement", "responders", "operators")
LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule required "


class GuardedCluster(KafkaCluster):
    """One broker whose second listener wants a login and checks what it may do."""

    def _format(self, overrides):
        (port,) = free_ports(1)
        self.guarded = f"127.0.0.1:{port}"
        mine = {
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{self._controllers[0]},SASL://{self.guarded}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap},SASL://{self.guarded}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl.plain.sasl.jaas.config": LOGIN
            + " ".join(f'user_{name}="{name}-secret"' for name in PRINCIPALS)
            + ";",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }
        super()._format({**overrides, **mine})


@pytest.fixture(scope="module")
def cluster():
    with start_cluster(kind=GuardedCluster) as guarded:
        topics = wanted(settings(guarded))
        with closing(KafkaAdminClient(bootstrap_servers=guarded.bootstrap)) as client:
            admin.Admin(client).create(topics)
            client.create_acls([acl for topic in topics for access in topic.spec.access for acl in acls(topic, access)])
        with closing(KafkaProducer(bootstrap_servers=guarded.bootstrap)) as producer:
            for topic in topics:
                producer.send(topic.name, b"{}", key=b"k", partition=0).get(10)
        wait_until_in_force(guarded, [topic.name for topic in topics])
        yield guarded


def wait_until_in_force(cluster, names):
    """The controller says yes before the broker has heard of it."""
    deadline_s = time.monotonic() + 10
    with admin.connect(settings(cluster)) as broker:
        while len(broker.found(names)) < len(names):
            assert time.monotonic() < deadline_s


def settings(cluster, principal="detector"):
    return Settings(
        bootstrap=cluster.guarded,
        partitions=2,
        replication=1,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="PLAIN",
        sasl_username=principal,
        sasl_password=Secret(f"{principal}-secret"),
    )


def acls(topic, access):
    """As an operator would make them from a spec."""
    topic_pattern = ResourcePattern(ResourceType.TOPIC, topic.name)
    yield from (acl(access.principal, operation, topic_pattern) for operation in access.operations)
    if access.group:
        group = access.group.format(group="detector")
        pattern_type = ACLResourcePatternType.PREFIXED if group.endswith("*") else ACLResourcePatternType.LITERAL
        yield acl(access.principal, "READ", ResourcePattern(ResourceType.GROUP, group.rstrip("*"), pattern_type))


def acl(principal, operation, pattern):
    return ACL(f"User:{principal}", "*", ACLOperation[operation], ACLPermissionType.ALLOW, pattern)


def may_write(cluster, principal, topic):
    # A principal that may write nowhere is refused a producer id before it can try: so without idempotence.
    options = client_options(settings(cluster, principal)) | {"enable_idempotence": False}
    with closing(KafkaProducer(**options, acks="all")) as producer:
        try:
            producer.send(topic, b"{}", key=b"k").get(10)
        except TopicAuthorizationFailedError:
            return False
    return True


def may_read(cluster, principal, topic, group=None):
    """Whether the record that the fixture left there arrives, and the group, if any, takes a commit."""
    options = consumer_options(settings(cluster, principal)) | {"group_id": group, "bootstrap_timeout_ms": 2000}
    with closing(KafkaConsumer(**options)) as consumer:
        try:
            consumer.assign([TopicPartition(topic, 0)])
            consumer.seek_to_beginning()
            arrived = bool(consumer.poll(timeout_ms=2000))
            if group:
                consumer.commit()
        except (TopicAuthorizationFailedError, GroupAuthorizationFailedError):
            return False
    return arrived


def test_the_detector_can_verify_its_topics_and_do_its_work(cluster):
    admin.verify(settings(cluster))

    assert may_read(cluster, "detector", "enforcement.events", "detector")
    for topic in ("enforcement.intake", "detector-policies-changelog"):
        assert may_read(cluster, "detector", topic, "detector")
        assert may_write(cluster, "detector", topic)
    for topic in ("enforcement.alerts", "enforcement.breakers", "enforcement.deadletters"):
        assert may_write(cluster, "detector", topic)


def test_the_detector_can_neither_forge_events_nor_join_other_groups(cluster):
    assert not may_write(cluster, "detector", "enforcement.events")
    assert not may_read(cluster, "detector", "enforcement.events", "responders-jobs")


def test_enforcement_writes_events_and_nothing_else(cluster):
    assert may_write(cluster, "enforcement", "enforcement.events")
    for topic in wanted(settings(cluster)):
        if topic.name != "enforcement.events":
            assert not may_write(cluster, "enforcement", topic.name)


def test_a_gate_reads_breakers_without_a_group_and_writes_nothing(cluster):
    assert may_read(cluster, "gate", "enforcement.breakers")
    assert not may_read(cluster, "gate", "enforcement.intake")
    assert not may_write(cluster, "gate", "enforcement.breakers")


@pytest.mark.parametrize(
    ("principal", "topic"), [("responders", "enforcement.alerts"), ("operators", "enforcement.deadletters")]
)
def test_people_read_what_is_theirs_in_groups_of_their_own(cluster, principal, topic):
    assert may_read(cluster, principal, topic, f"{principal}-jobs")
    assert not may_read(cluster, principal, topic, "detector")
    assert not may_write(cluster, principal, topic)


def test_who_may_not_see_the_topics_is_told_of_that_possibility(cluster):
    with pytest.raises(TopicMismatch, match=r"enforcement\.intake.*allow this principal DESCRIBE"):
        admin.verify(settings(cluster, "gate"))
