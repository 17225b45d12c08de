"""Output records as lines for people, shown by the contract's own examples."""

from __future__ import annotations

import msgspec

from detector.cli import words
from detector.contract import schemas, topics
from detector.events import State

EXAMPLES = topics.directory() / "examples"


def example(topic, name, **changes):
    content = (EXAMPLES / f"enforcement.{topic}/good/{name}.json").read_bytes()
    record = msgspec.json.decode(content, type=schemas.TYPES[name.partition("-")[0]])
    return msgspec.structs.replace(record, **changes)


def test_an_alert_says_when_what_from_where_to_where_what_to_do_why_and_by_which_evidence():
    assert words.line(example("alerts", "alert")).split("  ") == [
        "2026-03-02 09:17:30Z",
        "spam|rule_version=bulk-pins@41",
        "CLOSED -> OPEN",
        "HOLD_FOR_REVIEW",
        "8.0 times the expected actions since a deploy of bulk-pins@41",
        "[volume 10m: 412 seen, 51.3 expected, x8.03, strength 1.43, since a deploy of bulk-pins@41]",
    ]


def test_an_alert_in_shadow_or_catching_up_says_why_nothing_is_held():
    assert "  NONE, shadow, catching up  " in words.line(example("alerts", "alert-shadow", catching_up=True))


def test_a_warning_is_no_change_of_state():
    warning = example("alerts", "alert", type="breaker.warned", to_state=State.CLOSED)

    assert "  WARNED  " in words.line(warning)
    assert "->" not in words.line(warning)


def test_an_alert_without_evidence_ends_with_its_reason():
    assert words.line(example("alerts", "alert-closed")).endswith("quiet for 30 minutes while half-open")


def test_a_breaker_says_since_when_and_until_when_it_holds():
    assert words.line(example("breakers", "breaker")) == (
        "2026-03-02 09:17:30Z  spam|rule_version=bulk-pins@41  OPEN  HOLD_FOR_REVIEW  held until 2026-03-02 13:17:30Z"
    )
    assert words.line(example("breakers", "breaker-half_open")).endswith("probes 0.05 of subjects")
    assert words.line(example("breakers", "breaker-closed")).endswith("CLOSED  NONE, alert_only")


def test_a_heartbeat_says_its_partition_position_and_lag():
    line = words.line(example("breakers", "heartbeat"))

    assert line == "2026-03-02 09:17:32Z  heartbeat  partition 11 at 88120  0.4 s behind"


def test_control_characters_in_a_record_do_not_reach_the_terminal():
    line = words.line(example("alerts", "alert", reason="deploy \x1b[2J\r\nCLOSED"))

    assert "\x1b" not in line
    assert len(line.splitlines()) == 1
