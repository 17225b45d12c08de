"""What the demo prints, from made-up moments."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import msgspec
import pytest

from detector.demo import render, scene, show
from detector.demo.feed import ALERTS, BREAKERS, Record
from detector.demo.platform import HOUR_MS, POLICIES, RULES, Platform
from detector.demo.run import Demo
from detector.demo.service import Ledger
from detector.events import Alert, Breaker, DataQuality, Directive, Evidence, Heartbeat, Impact, Scope, State
from detector.gate import Decision, Reason

NOW = datetime(2026, 11, 18, 14, 25, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
BAD = Scope(policy_id="fake_accounts", dimension="rule_version", value="age-signal@18")
VOLUME = Evidence(signal="volume", window_s=300, observed=16, expected=1.4, ratio=11.2, strength=4.0)


def alert(scope=BAD, kind="breaker.opened", to=State.OPEN, **fields) -> Alert:
    said = {
        "alert_id": f"{scope.id}#1", "type": kind, "scope": scope, "from_state": State.CLOSED, "to_state": to,
        "mode": "enforce", "directive": Directive.HOLD_FOR_REVIEW, "generation": 1, "onset": NOW, "detected_at": NOW,
        "reason": "too much", "evidence": (VOLUME,), "contributors": (), "config_version": "v", "enforced": True,
        "impact": Impact(actions=16, automated=16, held=0),
        "data_quality": DataQuality(stream_lag_s=0, late_rows=0, ahead_rows=0, duplicate_rows=0, gaps=0),
    }  # fmt: skip
    return Alert(**(said | fields))


def warning(scope=BAD) -> Alert:
    return alert(scope, "breaker.warned", State.CLOSED, enforced=False, directive=Directive.NONE)


def breaker(state=State.OPEN, scope=BAD) -> Breaker:
    said = {"mode": "enforce", "directive": Directive.HOLD_FOR_REVIEW, "generation": 1, "partition": 0, "since": NOW}
    return Breaker(scope=scope, state=state, config_version="v", **said)


def watched(*records) -> scene.Watched:
    made = scene.Watched(live_ms=NOW_MS - 60_000)
    for record in records:
        made.learn(record)
    return made


def demo_with(*records, tripped=True) -> Demo:
    made = Demo(show.Json(), 60)
    made.watched = watched(*records)
    made.service = SimpleNamespace(ledger=Ledger())
    made.deployed_s, made.tripped_s = (100.0, 103.2) if tripped else (0.0, 0.0)
    return made


def test_the_table_has_a_row_a_policy_and_names_the_scope_that_is_open():
    ledger = Ledger()
    ledger.held["fake_accounts"] = 40
    rows = scene.rows(watched(alert(), breaker()), ledger, Platform(1), NOW_MS)
    lines = render.table(rows)
    assert [line.text.split()[0] for line in lines[1:]] == list(POLICIES)
    (bad,) = [line for line in lines if line.text.startswith("fake_accounts")]
    assert "11.2x: 16 seen, 1.4 due" in bad.text
    assert bad.text.endswith("OPEN age-signal@18, 40 held")
    assert bad.style == "red"


def test_a_warned_policy_is_closed_and_says_so_until_its_evidence_is_old():
    seen = watched(warning(Scope(policy_id="spam")))
    fresh = render.table(scene.rows(seen, Ledger(), Platform(1), NOW_MS))[1]
    stale = render.table(scene.rows(seen, Ledger(), Platform(1), NOW_MS + scene.EVIDENCE_MS))[1]
    assert (fresh.text.endswith("closed, warned"), stale.text.endswith("closed")) == (True, True)
    assert "warned" not in stale.text


def test_the_alert_record_is_shown_whole_and_is_json():
    said = alert()
    text = "\n".join(line.text for line in render.record(said))
    assert json.loads(text) == json.loads(msgspec.json.encode(said))


def test_the_fate_of_a_person_says_who_for_how_long_and_what_the_gate_said():
    (rule,) = [rule for rule in RULES if rule.rule_id == "age-signal"]
    platform = Platform(1)
    platform.rules = [rule._replace(strays=True, per_h=50)]
    proposal = platform.proposals(NOW_MS, NOW_MS + HOUR_MS)[0]
    held = Decision(False, Reason.OPEN, BAD.id, "OPEN", 1, None, 0.0)  # noqa: FBT003
    text = render.fate(proposal, held).text
    assert f"suspend {proposal.action.subject_id}, here for " in text
    assert text.endswith(f"for review, because {BAD.id} is OPEN")
    assert "nobody knows" in render.fate(proposal, held._replace(allow=True)).text


def test_a_good_run_ends_with_five_lines():
    demo = demo_with(alert(), breaker(State.CLOSED))
    demo.service.ledger.wrongful_executed, demo.service.ledger.wrongful_held = 16, 37
    lines = render.summary(demo)
    assert [line.text.split()[0] for line in lines] == ["Learned", "Wave", "Trip", "Spared", "After"]
    assert "stopped 3.2 s after it went live: 16 people" in lines[2].text
    assert "37 more" in lines[3].text
    assert demo.failures() == []


@pytest.mark.parametrize(
    ("records", "held", "says"),
    [
        ([warning()], {}, "ran on"),
        ([alert(), breaker(), alert(Scope(policy_id="spam"))], {}, "spam tripped without a reason"),
        ([alert(), breaker()], {"spam": 3}, "3 actions of spam were held"),
        ([alert(enforced=False, directive=Directive.NONE)], {}, "ran on"),
    ],
)
def test_a_run_fails_without_a_trip_and_with_a_wrong_one(records, held, says):
    demo = demo_with(*records, tripped=len(records) > 1)
    demo.service.ledger.held.update(held)
    assert says in "; ".join(demo.failures())
    assert render.summary(demo)[-1].text.startswith("Failed")


def test_what_was_warned_of_while_learning_is_no_part_of_the_story():
    learning = scene.Watched()
    learning.learn(warning())
    assert learning.alerts == []


def test_json_prints_alerts_and_breakers_one_a_line_and_nothing_else(capsys):
    printer, heartbeat = show.Json(), Heartbeat(partition=0, position=1, stream_time=NOW, log_time=NOW, lag_s=0)
    printer.say("hello")
    for topic, said in ((ALERTS, alert()), (BREAKERS, breaker()), (BREAKERS, heartbeat)):
        printer.record(Record(topic, BAD.id.encode(), msgspec.json.encode(said), said))
    printer.end(demo_with(alert(), breaker()))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["topic"] for line in lines] == [ALERTS, BREAKERS]
    assert lines[0]["value"] == json.loads(msgspec.json.encode(alert()))
    assert lines[0]["key"] == BAD.id


@pytest.mark.parametrize(("variable", "coloured"), [("", True), ("1", False)])
def test_a_terminal_is_redrawn_in_place_with_colours_unless_they_are_unwanted(capsys, monkeypatch, variable, coloured):
    monkeypatch.setenv("NO_COLOR", variable)
    monkeypatch.setattr(show, "REDRAW_S", 0.0)
    screen, demo = show.Screen(), demo_with(alert(), breaker())
    demo.now_ms = NOW_MS
    screen.update(demo)
    screen.update(demo)
    out = capsys.readouterr().out
    assert out.count("\033[15F\033[J") == 1
    assert ("\033[31;1m" in out) == coloured


def test_plain_lines_hold_no_escape_and_tell_of_alerts_once_it_is_live(capsys):
    plain, demo = show.Show(), demo_with(alert(), breaker())
    plain.record(Record(ALERTS, b"k", b"", warning()))
    plain.act(SimpleNamespace(happens="It happens.", look="closely."), NOW_MS)
    plain.record(Record(ALERTS, b"k", b"", alert()))
    plain.end(demo)
    out = capsys.readouterr().out
    assert "\033" not in out
    assert out.count("warning") == 1  # of the summary; what came before the first act is learning
    assert "BREAKER  fake_accounts|rule_version=age-signal@18: CLOSED -> OPEN (11.2x: 16 seen, 1.4 due)" in out
