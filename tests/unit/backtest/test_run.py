"""A whole history: what was said of it, word for word, and what must not change it.

`python -m tests.unit.backtest.test_run` writes the golden files anew for review.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from detector.backtest import document, history, incidents, sweep, text, transitions
from detector.backtest.run import History, Listeners, run
from detector.config import policies
from detector.errors import ConfigError
from tests.unit.backtest import made_up

FOLDER = Path(__file__).parents[2] / "golden" / "backtest"
A_DAY = made_up.DEPLOYED_MS - 12 * made_up.HOUR_MS, made_up.REPAIRED_MS + made_up.HOUR_MS
NOW_MS = made_up.START_MS + 100 * made_up.DAY_MS
RULESET = policies.resolve([("policies.yaml", made_up.POLICIES.encode())]).ruleset
SHADOW = policies.resolve([("policies.yaml", b"policies: [{id: hashes}]")]).ruleset


class World:
    """The made-up history on disk."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "incidents.csv").write_text(made_up.INCIDENTS)
        self.events = made_up.lines()
        (folder / "events.ndjson").write_bytes(self.events)
        found = [each._replace(place="") for each in incidents.load(str(folder / "incidents.csv"))]
        self.history = History(names=(str(folder / "events.ndjson"),), now_ms=NOW_MS, incidents=found)

    def run(self, ruleset=RULESET, *, plots=False, **changes):
        """Result and transitions."""
        heard = []
        listeners = Listeners(hear=lambda alert: heard.append(msgspec.json.encode(transitions.line(alert)) + b"\n"))
        (result,) = run(replace(self.history, **changes), [ruleset], listeners, plots=plots)
        return msgspec.structs.replace(result, sources=("events.ndjson",)), b"".join(heard)


def files(world, labelled):
    """The golden files, of a labelled run and an unlabelled one."""
    unlabelled, _ = world.run(SHADOW, incidents=None)
    return {
        "transitions.ndjson": labelled[1],
        "labelled.txt": text.text(labelled[0]).encode(),
        "unlabelled.txt": text.text(unlabelled).encode(),
    }, unlabelled


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def plain(world):
    return world.run(plots=True)


@pytest.fixture(scope="module")
def golden(world, plain):
    return files(world, plain)


@pytest.mark.parametrize("name", ["transitions.ndjson", "labelled.txt", "unlabelled.txt"])
def test_the_history_is_judged_in_these_words(golden, name):
    assert golden[0][name].decode() == (FOLDER / name).read_text()


def test_a_bad_deploy_is_found_within_minutes_and_most_of_its_actions_are_avoided(plain):
    incident = plain[0].incidents[0]

    assert incident.found
    assert incident.delay_s < 300
    assert incident.avoided > 0.9 * incident.wrongful
    assert plain[0].trips[incident.trip].label == "found"


def test_a_spam_wave_without_a_deploy_warns_and_does_not_trip(plain):
    spam = next(each for each in plain[0].policies if each.policy_id == "spam")

    assert (spam.trips, spam.paused.actions) == (0, 0)
    assert spam.warnings > 0


def test_enforced_says_whether_a_directive_would_have_been_issued(plain, golden):
    assert {each.enforced for each in plain[0].trips} == {True}
    assert {each.enforced for each in golden[1].trips} == {False}


def test_an_unlabelled_history_says_what_would_have_been_paused(golden):
    result = golden[1]
    hashes = next(each for each in result.policies if each.policy_id == "hashes")

    assert not result.scores.labelled
    assert {each.label for each in result.trips} <= {"unlabelled", "again"}
    assert hashes.paused.actions > 0
    assert hashes.paused.open_s >= 1800


def test_the_same_history_gives_the_same_bytes_in_whatever_files_it_comes(world, plain):
    cut = world.events.index(b"\n", len(world.events) // 3) + 1
    names = [str(world.folder / name) for name in ("late.ndjson", "early.ndjson")]
    for name, piece in zip(names, (world.events[cut:], world.events[:cut]), strict=True):
        Path(name).write_bytes(piece)
    result, said = world.run(plots=True, names=tuple(names))

    assert said == plain[1]
    assert document.encode(result) == document.encode(plain[0])


def test_plots_change_nothing_that_is_said(world):
    (with_plots, said), (without, again) = (world.run(plots=plots, span_ms=A_DAY) for plots in (True, False))

    assert said == again
    assert without.plots == ()
    assert (without.policies, without.scores) == (with_plots.policies, with_plots.scores)


def test_how_events_are_chunked_moves_a_transition_by_seconds_at_most(world, monkeypatch):
    _, usual = world.run(span_ms=A_DAY)
    monkeypatch.setattr(history, "MOST", 50)
    _, said = world.run(span_ms=A_DAY)

    def moves(lines):
        rows = [msgspec.json.decode(line) for line in lines.splitlines()]
        return [(row["scope"], row["type"]) for row in rows], [
            datetime.fromisoformat(row["detected_at"]) for row in rows
        ]

    (what, when), (also, then) = moves(usual), moves(said)
    assert what == also
    assert len(what) > 2
    assert max(abs(one - other) for one, other in zip(when, then, strict=True)) <= timedelta(minutes=1)


def test_side_by_side_each_file_is_judged_as_if_alone(world):
    day = replace(world.history, span_ms=A_DAY)
    other = sweep.rulesets(RULESET, sweep.parse(["false_trips_per_year=100"]))
    beside = run(day, [RULESET, *other])

    assert beside == [*run(day, [RULESET]), *run(day, other)]
    assert beside[0] != beside[1]


def test_events_that_are_too_late_are_counted_not_swallowed(world):
    moved = list(made_up.events()[:500])
    moved.append(moved.pop(100))
    (world.folder / "late.ndjson").write_bytes(made_up.lines(moved))
    result, _ = world.run(names=(str(world.folder / "late.ndjson"),))

    assert (result.quality.late, result.quality.events) == (1, len(moved))
    assert "1 late events gave no evidence" in text.text(result)


def test_repeated_events_count_once(world):
    some = made_up.events()[:500]
    (world.folder / "twice.ndjson").write_bytes(made_up.lines([each for each in some for _ in range(2)]))
    result, _ = world.run(names=(str(world.folder / "twice.ndjson"),))

    assert result.quality.duplicates == 500
    assert sum(each.actions for each in result.policies) == 500


def test_a_month_of_silence_is_passed_over(world):
    some = made_up.events()[:500]
    later = [made_up.action(f"x{i}", some[-1].time + 30 * made_up.DAY_MS + i) for i in range(50)]
    (world.folder / "gap.ndjson").write_bytes(made_up.lines([*some, *later]))
    result, _ = world.run(names=(str(world.folder / "gap.ndjson"),))

    assert (result.quality.late, result.quality.ahead) == (0, 0)


def test_a_history_without_events_is_refused(world):
    (world.folder / "none.ndjson").write_bytes(b"\n{}\n")
    with pytest.raises(ConfigError, match="no event to judge: 1 records, 1 of them bad"):
        world.run(names=(str(world.folder / "none.ndjson"),))


def test_a_missed_incident_says_why(plain):
    _, wave, nowhere = plain[0].incidents

    assert not wave.found
    assert "only a warning" in wave.why
    assert "times its trip line, but nothing else spoke for a trip" in wave.why
    assert nowhere.why.startswith("the history has no action of policy nudity")


def test_a_plot_shows_counts_expectation_evidence_states_and_deploys(plain):
    result = plain[0]
    plot = result.plots[result.trips[0].plot]

    assert (
        len({len(column) for column in (plot.time_ms, plot.count, plot.expected, plot.low, plot.high, plot.strength)})
        == 1
    )
    assert len(plot.time_ms) <= 400
    assert max(filter(None, plot.strength)) >= 1
    assert plot.states[0].name == "CLOSED"
    assert "OPEN" in {each.name for each in plot.states}
    assert [each.at_ms for each in plot.deploys] == [made_up.DEPLOYED_MS, made_up.REPAIRED_MS]
    inside = [
        each.time
        for each in made_up.events()
        if getattr(each, "action_id", None)
        and each.policy_id == "hashes"
        and plot.time_ms[0] <= each.time < plot.time_ms[-1] + plot.step_s * 1000
    ]
    assert sum(plot.count) == len(inside)
    usual = [expected * 3600 / plot.step_s for expected in plot.expected]
    assert 10 < sum(usual) / len(usual) < 40
    assert all(low <= expected <= high for low, expected, high in zip(plot.low, plot.expected, plot.high, strict=True))


def test_a_document_can_be_read_back(plain):
    assert document.encode(document.decode(document.encode(plain[0]))) == document.encode(plain[0])


def main():
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        found, _ = files(world, world.run())
        for name, content in found.items():
            (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    main()
