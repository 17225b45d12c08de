"""Process settings: one source, all problems at once, secrets unseen."""

from __future__ import annotations

import pytest
from msgspec import inspect

from detector.config import scalars
from detector.config.setting_types import FIELDS, variable
from detector.config.settings import Secret, Settings, load
from detector.errors import ConfigError

KEY = "0123456789abcdef" * 2
KINDS = {name: scalars.unwrap(each.type)[0] for name, each in FIELDS.items()}
NUMBERS = [name for name, kind in KINDS.items() if isinstance(kind, inspect.IntType | inspect.FloatType)]


def problems(env=None, flags=None, required=()):
    with pytest.raises(ConfigError) as error:
        load(env or {}, flags or {}, required)
    return [str(each) for each in error.value.problems]


def test_nothing_given_is_the_defaults():
    assert load({}, {}) == Settings()


def test_a_flag_wins_over_its_variable():
    assert load({"DETECTOR_WEB_PORT": "1"}, {"web_port": "2"}).web_port == 2


def test_a_flag_not_given_and_an_empty_variable_change_nothing():
    assert load({"DETECTOR_WEB_PORT": ""}, {"web_port": None, "policies": ()}) == Settings()


def test_values_that_are_typed_already_are_taken():
    settings = load({}, {"web_port": 0, "allow_plaintext": True, "policies": ("a", "b"), "subject_key": Secret(KEY)})

    assert (settings.web_port, settings.allow_plaintext, settings.policies) == (0, True, ("a", "b"))
    assert settings.subject_key == Secret(KEY)


def test_policy_files_in_a_variable_are_separated_by_commas():
    assert load({"DETECTOR_POLICIES": "a.yaml, b.yaml,"}, {}).policies == ("a.yaml", "b.yaml")


def test_all_problems_come_at_once_and_name_place_value_and_range():
    found = problems({"DETECTOR_WEB_PORT": "99999", "DETECTOR_LOG_LEVEL": "debgu"}, {"partitions": "many"})

    assert found == [
        "--partitions: is 'many', must be an integer from 1 to 1024",
        "DETECTOR_WEB_PORT: is '99999', must be an integer from 0 to 65535",
        "DETECTOR_LOG_LEVEL: is 'debgu', must be one of DEBUG, ERROR, INFO, WARNING, did you mean 'DEBUG'?",
    ]


@pytest.mark.parametrize("name", NUMBERS)
def test_every_range_of_a_number_is_enforced(name):
    kind = KINDS[name]
    low = kind.ge if kind.gt is None else kind.gt

    for wrong in (low - 1, kind.le + 1, "nan", "inf", "1_0", "0x10", " 1"):
        assert problems({variable(name): str(wrong)})[0].startswith(f"{variable(name)}: is {str(wrong)!r}, must be")


def test_a_misspelt_variable_is_found():
    assert problems({"DETECTOR_BOOTSRAP": "x:1"}) == [
        "DETECTOR_BOOTSRAP: no such setting, did you mean 'DETECTOR_BOOTSTRAP'?"
    ]


def test_variables_that_kubernetes_makes_of_a_service_named_detector_are_left_alone():
    foreign = {
        "DETECTOR_PORT": "tcp://10.0.0.1:8080",
        "DETECTOR_SERVICE_HOST": "10.0.0.1",
        "DETECTOR_PORT_8080_TCP": "x",
    }

    assert load(foreign | {"DETECTOR_TEST_BOOTSTRAP": "kafka:9092"}, {}) == Settings()


def test_a_required_setting_that_is_absent_says_how_to_give_it():
    (found,) = problems(required=("subject_key",))

    assert found.startswith(
        "DETECTOR_SUBJECT_KEY: is required: set DETECTOR_SUBJECT_KEY or DETECTOR_SUBJECT_KEY_FILE or --subject-key-file"
    )


def test_a_secret_is_read_from_a_file_without_its_line_end(tmp_path):
    (tmp_path / "key").write_text(f"{KEY}\n")

    assert load({"DETECTOR_SUBJECT_KEY_FILE": str(tmp_path / "key")}, {}).subject_key == Secret(KEY)
    assert load({}, {"subject_key_file": str(tmp_path / "key")}).subject_key == Secret(KEY)


def test_a_secret_given_twice_is_refused(tmp_path):
    (found,) = problems({"DETECTOR_SUBJECT_KEY": KEY, "DETECTOR_SUBJECT_KEY_FILE": str(tmp_path / "key")})

    assert found == "DETECTOR_SUBJECT_KEY: is given twice, also as DETECTOR_SUBJECT_KEY_FILE; keep one of them"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_secret_file_without_a_secret_is_a_problem_by_itself(tmp_path, content):
    (tmp_path / "key").write_bytes(content)

    found = problems({"DETECTOR_SUBJECT_KEY_FILE": str(tmp_path / "key")}, required=("subject_key",))

    assert [each.partition(":")[0] for each in found] == ["DETECTOR_SUBJECT_KEY_FILE"]


def test_secrets_are_never_printed(tmp_path):
    env = {
        "DETECTOR_SUBJECT_KEY": "hunter2",
        "DETECTOR_SASL_PASSWORD": "hunter2\udcff",
        "DETECTOR_SECURITY_PROTOCOL": "SASL_SSL",
    }
    told = "".join(problems(env)) + repr(load({"DETECTOR_SUBJECT_KEY": "hunter2" * 3}, {})) + str(Secret("hunter2"))

    assert "DETECTOR_SUBJECT_KEY: has 7 bytes" in told
    assert "DETECTOR_SASL_PASSWORD" in told
    assert "hunter2" not in told


@pytest.mark.parametrize("bootstrap", ["kafka:9092", "127.0.0.1:9092,10.0.0.1:9092", "127.evil.example:9092"])
def test_an_unencrypted_broker_elsewhere_needs_consent(bootstrap):
    env = {"DETECTOR_BOOTSTRAP": bootstrap}

    assert "DETECTOR_ALLOW_PLAINTEXT=true" in problems(env)[0]
    assert load(env | {"DETECTOR_ALLOW_PLAINTEXT": "true"}, {}).bootstrap == bootstrap
    assert load(env | {"DETECTOR_SECURITY_PROTOCOL": "SSL"}, {}).security_protocol == "SSL"


@pytest.mark.parametrize("bootstrap", ["localhost:9092", "127.0.0.1:1,127.0.0.2:65535", "[::1]:9092"])
def test_a_broker_on_this_machine_needs_no_consent(bootstrap):
    assert load({"DETECTOR_BOOTSTRAP": bootstrap}, {}).bootstrap == bootstrap


@pytest.mark.parametrize("bootstrap", ["kafka", "localhost:0", "localhost:65536", "a b:1", ",", "http://localhost:1"])
def test_an_address_that_is_none_is_refused(bootstrap):
    assert "is not host:port" in problems({"DETECTOR_BOOTSTRAP": bootstrap})[0]


def test_logging_in_needs_a_name_and_a_password():
    found = problems({"DETECTOR_SECURITY_PROTOCOL": "SASL_SSL"})

    assert [each.partition(":")[0] for each in found] == ["DETECTOR_SASL_USERNAME", "DETECTOR_SASL_PASSWORD"]


def test_credentials_that_would_not_be_used_are_a_problem():
    assert "has no effect with DETECTOR_SECURITY_PROTOCOL=PLAINTEXT" in problems({"DETECTOR_SASL_USERNAME": "me"})[0]


def test_a_wrong_protocol_is_not_blamed_on_other_settings():
    found = problems({"DETECTOR_SECURITY_PROTOCOL": "SASL", "DETECTOR_BOOTSTRAP": "kafka:9092"})

    assert [each.partition(":")[0] for each in found] == ["DETECTOR_SECURITY_PROTOCOL"]


@pytest.mark.parametrize(
    ("env", "place"),
    [
        ({"DETECTOR_INTAKE_TOPIC": "enforcement.events"}, "DETECTOR_INTAKE_TOPIC"),
        ({"DETECTOR_HEARTBEAT_INTERVAL_S": "4"}, "DETECTOR_HEARTBEAT_INTERVAL_S"),
        ({"DETECTOR_BOARD_URL": "javascript:alert(1)"}, "DETECTOR_BOARD_URL"),
        ({"DETECTOR_SUBJECT_KEY": "k" * 65}, "DETECTOR_SUBJECT_KEY"),
        ({"DETECTOR_SECURITY_PROTOCOL": "SSL", "DETECTOR_SSL_CAFILE": "/nonexistent.pem"}, "DETECTOR_SSL_CAFILE"),
    ],
)
def test_settings_that_contradict_are_refused(env, place):
    assert [each.partition(":")[0] for each in problems(env)] == [place]
