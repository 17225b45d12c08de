from __future__ import annotations

import io
import json
import logging
import re
from pathlib import Path
from typing import get_args

import pytest

from detector import logs


@pytest.fixture
def restored():
    """Logging is global: give it back as it was."""
    names = [None, "detector", *logs._THIRD_PARTIES]
    root = logging.getLogger()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in names}
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def lines(restored):
    def configure(form="json", level="INFO"):
        stream = io.StringIO()
        logs.configure(form=form, level=level, stream=stream)
        return lambda: stream.getvalue().splitlines()

    return configure


def test_a_json_line_carries_time_level_event_and_fields(lines):
    written = lines()
    logs.info("state_recovered", partitions=[1, 2])
    (line,) = map(json.loads, written())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert line == {
        "level": "INFO",
        "logger": "detector",
        "event": "state_recovered",
        "partitions": [1, 2],
    }


def test_a_plain_line_reads_from_left_to_right(lines):
    written = lines("plain")
    logs.warning("log_gap", partition=3, count=17)
    assert written()[0].split(" ", 1)[1] == "WARNING log_gap partition=3 count=17"


@pytest.mark.parametrize("form", ["json", "plain"])
def test_a_hostile_id_can_not_forge_a_line(lines, form):
    written = lines(form)
    logs.info("breaker_moved", scope="spam\r\n2026-01-01 ERROR forged\x1b[2J\u2028", generation=1)
    assert len(written()) == 1
    assert not re.search(r"[\x00-\x1f\x7f\u2028]", written()[0])


def test_a_long_id_is_cut(lines):
    written = lines()
    logs.info("breaker_moved", scope="x" * 5000)
    assert json.loads(written()[0])["scope"] == "x" * 128 + "..."


@pytest.mark.parametrize("form", ["json", "plain"])
def test_user_information_in_urls_is_masked_also_for_third_parties(lines, form):
    written = lines(form)
    logging.getLogger("kafka.client").warning("connecting to %s", "kafka://app:hunter2@broker:9092")
    logs.error("worker_failed", OSError("no route to sasl://app:hunter2@broker:9092"), address="k://app:hunter2@b")
    assert "hunter2" not in "".join(written())
    assert "kafka://***@broker:9092" in written()[0]


def test_a_failure_shows_type_message_and_frames_but_no_values(lines):
    written = lines()
    subject_id = "user-4711"
    try:
        int({"subject": subject_id}["missing"])
    except KeyError as problem:
        logs.error("worker_failed", problem)
    line = json.loads(written()[0])
    assert line["error"] == "KeyError: 'missing'"
    assert re.fullmatch(r"test_logs\.py:\d+ test_a_failure_shows.*", line["frames"][0])
    assert subject_id not in written()[0]


def test_third_parties_build_no_debug_records_even_when_the_root_is_lowered(lines):
    lines(level="DEBUG")
    logging.getLogger().setLevel(logging.DEBUG)
    assert not logging.getLogger("aiokafka.consumer.fetcher").isEnabledFor(logging.INFO)
    assert not logging.getLogger("faust.transport.consumer").isEnabledFor(logging.INFO)
    assert logging.getLogger("detector").isEnabledFor(logging.DEBUG)


def test_third_party_messages_keep_their_text_and_no_event_name(lines):
    written = lines()
    logging.getLogger("faust.app").error("lost\n%s", "group")
    line = json.loads(written()[0])
    assert (line["message"], line["logger"], "event" in line) == ("lost\\x0agroup", "faust.app", False)


def test_the_level_is_the_least_that_is_written(lines):
    written = lines(level="WARNING")
    logs.info("worker_starting")
    logs.warning("log_gap", count=1)
    assert [json.loads(line)["event"] for line in written()] == ["log_gap"]


def test_every_event_name_and_field_is_used_by_the_package():
    package = Path(logs.__file__).parent
    source = "".join(path.read_text() for path in package.rglob("*.py") if path != Path(logs.__file__))
    assert [name for name in get_args(logs.Name) if f'"{name}"' not in source] == []
    calls = "".join(re.findall(r"(?s)logs\.(?:info|warning|error)\((.*?)\)\n", source))
    assert [field for field in logs.Fields.__annotations__ if f"{field}=" not in calls] == []


def test_event_names_are_unique_snake_case():
    names = get_args(logs.Name)
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in names)


def test_no_field_can_name_a_person_or_a_secret():
    forbidden = re.compile(r"subject|reviewer|account|user|password|secret|token|value|key")
    assert [name for name in logs.Fields.__annotations__ if forbidden.search(name)] == []
