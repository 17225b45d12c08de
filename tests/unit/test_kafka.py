"""How kafka-python clients are told to connect."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaTimeoutError

from detector.config.setting_types import Secret, Settings
from detector.errors import BrokenWorld
from detector.kafka import broker_errors, client_options, consumer_options

SECURE = Settings(
    bootstrap="a:9093,b:9093",
    security_protocol="SASL_SSL",
    sasl_username="detector",
    sasl_password=Secret("hunter2"),
    ssl_cafile="ca.pem",
)


def test_a_plain_connection_says_nothing_of_logins_or_certificates():
    options = client_options(Settings(bootstrap="a:9092,b:9092"))

    assert options["bootstrap_servers"] == ["a:9092", "b:9092"]
    assert not [name for name in options if name.startswith(("sasl", "ssl"))]


def test_a_secure_connection_has_login_and_ca():
    options = client_options(SECURE)

    assert (options["security_protocol"], options["sasl_mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("detector", "hunter2")
    assert options["ssl_cafile"] == "ca.pem"


def test_the_password_does_not_show_when_a_client_logs_its_configuration():
    assert "hunter2" not in f"{client_options(SECURE)}"


def test_an_error_of_the_broker_names_the_address_and_what_to_look_at():
    with pytest.raises(BrokenWorld, match=r"a:9093,b:9093 \(SASL_SSL\).*password and CA file"), broker_errors(SECURE):
        raise KafkaTimeoutError("Unable to bootstrap")


def test_other_errors_pass_as_they_are():
    with pytest.raises(KeyError), broker_errors(SECURE):
        raise KeyError("x")


def test_a_consumer_that_follows_a_topic_has_no_group_and_commits_nothing():
    options = consumer_options(SECURE)

    assert (options["group_id"], options["enable_auto_commit"]) == (None, False)
    assert options["sasl_plain_username"] == "detector"
