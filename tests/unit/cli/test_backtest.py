"""`detector backtest`: what it writes where, and its exit codes."""

from __future__ import annotations

import gzip
import io
import json
import sys
from datetime import UTC, datetime

import msgspec
import pyarrow as pa
import pytest
import zstandard
from confluent_kafka import Producer
from pyarrow import parquet

from detector.backtest import document
from detector.cli import main
from detector.cli.progress import Progress
from tests.unit.backtest import made_up

SHORT = made_up.lines([each for each in made_up.events() if each.time < made_up.START_MS + made_up.DAY_MS])


@pytest.fixture
def backtest(tmp_path, capsysbinary, monkeypatch):
    """Runs the whole program in a folder with a history; gives exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies.yaml").write_text(made_up.POLICIES)
    (tmp_path / "incidents.csv").write_text(made_up.INCIDENTS)
    (tmp_path / "short.ndjson").write_bytes(SHORT)

    def run(*args, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as exit_:
            main(["backtest", *args])
        told = capsysbinary.readouterr()
        return exit_.value.code, told.out.decode(), told.err.decode()

    run.folder = tmp_path
    return run


@pytest.fixture
def whole(backtest):
    """The same with a bad deploy and a wave in the history."""
    (backtest.folder / "events.ndjson").write_bytes(made_up.lines())
    return backtest


def test_a_whole_run_writes_everything_that_was_asked_for(whole):
    code, out, err = whole(
        "events.ndjson", "--policies", "policies.yaml", "--incidents", "incidents.csv", "--transitions", "t.ndjson",
        "--json", "r.json", "--html", "r.html", "--sweep", "false_trips_per_year=10", "--from", "2026-01-07T20:00",
        "--fail-over", "other_trips_per_policy_year=1", "--fail-under", "found_ratio=0.9",
    )  # fmt: skip

    assert code == 1
    assert err == "failed: found_ratio is 0.333333, must not be under 0.9\n"
    assert "found an incident" in out
    assert "Sweep of false_trips_per_year, counted policies" in out
    assert "FAILED" in out
    assert (whole.folder / "r.html").read_text().startswith("<!doctype html>")
    result = document.decode((whole.folder / "r.json").read_bytes())
    assert [point.value for point in result.curves[0].points] == [10]
    assert result.plots
    lines = [json.loads(line) for line in (whole.folder / "t.ndjson").read_text().splitlines()]
    trip = next(line for line in lines if line["to_state"] == "OPEN")
    assert trip["policy_id"] == "hashes"
    assert trip["scope"].startswith("hashes")
    assert trip["detected_at"].startswith("2026-01-08T10:0")
    assert trip["detected_at"].endswith("Z")
    assert (trip["from_state"], trip["enforced"]) == ("CLOSED", True)
    assert all(line["from_state"] == line["to_state"] for line in lines if line["type"] == "breaker.warned")


def packed(name, folder):
    rows = [json.loads(line) for line in SHORT.splitlines()]
    match name:
        case "short.ndjson.gz":
            (folder / name).write_bytes(gzip.compress(SHORT))
        case "short.ndjson.zst":
            (folder / name).write_bytes(zstandard.compress(SHORT))
        case "short.parquet":
            parquet.write_table(pa.Table.from_pylist(rows), folder / name)
    return name


@pytest.mark.parametrize("name", ["short.ndjson.gz", "short.ndjson.zst", "short.parquet", "-"])
def test_events_are_the_same_however_they_are_kept(backtest, name):
    backtest("short.ndjson", "--json", "plain.json")
    code, *_ = backtest(packed(name, backtest.folder), "--json", "other.json", stdin=SHORT)
    plain, other = (document.decode((backtest.folder / each).read_bytes()) for each in ("plain.json", "other.json"))

    assert code == 0
    assert msgspec.structs.replace(other, sources=plain.sources) == plain
    assert other.sources == (name,)


def on_a_topic(topics, some):
    """The address of a topic that has them, dealt out to its partitions."""
    name = topics.create("backtest", partitions=3, retention_ms="-1")
    producer = Producer({"bootstrap.servers": topics.bootstrap, "log_level": 0})
    for number, event in enumerate(some):
        producer.produce(name, msgspec.json.encode(event), partition=number % 3, timestamp=event.time)
    assert producer.flush(30) == 0
    return f"kafka://{topics.bootstrap}/{name}"


@pytest.mark.kafka
def test_a_range_of_a_topic_moves_breakers_as_the_same_range_of_a_file_does(backtest, topics):
    span = made_up.DEPLOYED_MS - 3 * made_up.HOUR_MS, made_up.DEPLOYED_MS + made_up.HOUR_MS
    some = [each for each in made_up.events() if abs(each.time - made_up.DEPLOYED_MS) < 4 * made_up.HOUR_MS]
    (backtest.folder / "file.ndjson").write_bytes(made_up.lines(some))
    begin, end = (datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in span)
    told, counts = {}, {}
    for kind, source in {"topic": on_a_topic(topics, some), "file": "file.ndjson"}.items():
        code, _, err = backtest(
            source, "--policies", "policies.yaml", "--from", begin, "--to", end,
            "--transitions", f"{kind}.transitions", "--json", f"{kind}.json",
        )  # fmt: skip
        assert (code, err) == (0, "")
        told[kind] = (backtest.folder / f"{kind}.transitions").read_bytes()
        counts[kind] = document.decode((backtest.folder / f"{kind}.json").read_bytes()).quality.events

    assert told["topic"] == told["file"]
    assert b'"to_state":"OPEN"' in told["topic"]
    assert counts == dict.fromkeys(told, sum(span[0] <= each.time < span[1] for each in some))
    assert counts["topic"] < len(some)


def test_json_on_standard_output_stands_alone(backtest):
    code, out, err = backtest("short.ndjson", "--json", "-")

    assert code == 0
    assert document.decode(out.encode()).quality.events == SHORT.count(b"\n")
    assert "Score" in err


@pytest.mark.parametrize(
    ("flag", "path", "what"),
    [
        ("--transitions", "short.ndjson", "the events"),
        ("--html", "./short.ndjson", "the events"),
        ("--json", "policies.yaml", "the policies"),
        ("--json", "incidents.csv", "the incidents"),
    ],
)
def test_nothing_that_is_read_is_written_over(backtest, flag, path, what):
    before = {each.name: each.read_bytes() for each in backtest.folder.iterdir()}
    code, _, err = backtest("short.ndjson", "--policies", "policies.yaml", "--incidents", "incidents.csv", flag, path)

    assert code == 2
    assert err == f"{flag}: would write over {what}, {path!r}; name another file\n"
    assert {each.name: each.read_bytes() for each in backtest.folder.iterdir()} == before


def test_two_outputs_need_two_files_and_a_folder_is_none(backtest):
    (backtest.folder / "folder").mkdir()
    code, _, err = backtest("short.ndjson", "--json", "a", "--html", "a", "--transitions", "folder")

    assert code == 2
    assert err.splitlines() == [
        "--transitions: can't be written: 'folder' is a folder; name a file",
        "--html: would write over --json, 'a'; name another file",
    ]


def test_the_page_can_go_to_standard_output(backtest):
    code, out, err = backtest("short.ndjson", "--html", "-")

    assert code == 0
    assert out.startswith("<!doctype html>")
    assert "policy-year" in err
    assert not (backtest.folder / "-").exists()


def test_a_run_that_does_not_end_leaves_what_was_there(backtest, monkeypatch):
    (backtest.folder / "t.ndjson").write_text("old")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(document, "encode", interrupted)
    code, _, _ = backtest("short.ndjson", "--json", "r.json")
    assert code == 130
    assert not list(backtest.folder.glob("*r.json*"))
    code, _, _ = backtest("nosuch.ndjson", "--transitions", "t.ndjson")
    assert code == 2
    assert (backtest.folder / "t.ndjson").read_text() == "old"


def test_a_defect_is_not_taken_for_a_threshold_that_failed(backtest, monkeypatch):
    monkeypatch.setattr(document, "encode", lambda _: 1 / 0)
    code, _, err = backtest("short.ndjson", "--json", "r.json")

    assert code == 70
    assert "ZeroDivisionError" in err


def test_a_label_of_a_policy_that_never_acts_is_an_incident_that_was_missed(backtest):
    label = "span,2026-01-05T10:00:00,2026-01-05T11:00:00"
    (backtest.folder / "incidents.csv").write_text(f"policy,onset_utc,fixed_utc\n{label}\n")
    code, _, err = backtest("short.ndjson", "--incidents", "incidents.csv", "--fail-under", "found_ratio=1")

    assert code == 1
    assert err == "failed: found_ratio is 0, must not be under 1\n"


def test_a_bad_line_is_told_with_its_place_and_the_run_goes_on(backtest):
    (backtest.folder / "bad.ndjson").write_bytes(SHORT + b'{"kind": "action"}\n')
    code, out, err = backtest("bad.ndjson")
    line = SHORT.count(b"\n") + 1

    assert code == 0
    assert err.startswith(f"bad.ndjson:{line}: invalid_field: ")
    assert "1 bad records (invalid_field 1)" in out


def test_a_range_of_time_is_kept_to(backtest):
    _, out, _ = backtest("short.ndjson", "--from", "2026-01-05T06:00", "--to", "2026-01-05T12:00:00Z")

    assert out.startswith("2026-01-05 06:")
    assert "events outside --from and --to" in out


def test_everything_that_is_wrong_is_told_at_once(backtest):
    (backtest.folder / "wrong.yaml").write_text("policies: [{id: spam, mode: enforec}]")
    code, out, err = backtest(
        "short.ndjson", "--policies", "wrong.yaml", "--incidents", "none.csv", "--from", "soon", "--format", "ospray",
        "--sweep", "false_trip=1", "--fail-over", "trip=1", "--json", "no/where.json", "--html", "-",
        "--transitions", "-",
    )  # fmt: skip
    starts = [line.split(": ")[0] for line in err.splitlines()]

    assert (code, out) == (2, "")
    assert starts == [
        "wrong.yaml:1:29", "none.csv", "--format", "--sweep", "--fail-over", "--from", "-", "--json",
    ]  # fmt: skip


def test_suggestions_need_events_that_can_be_read_twice(backtest):
    code, _, err = backtest("-", "--suggest", stdin=SHORT)

    assert code == 2
    assert err.startswith("--suggest: reads the events twice")


def test_suggestions_come_with_a_policy_file(backtest):
    code, out, _ = backtest("short.ndjson", "--policies", "policies.yaml", "--suggested", "better.yaml")

    assert code == 0
    assert "Suggestions" in out
    with pytest.raises(SystemExit) as exit_:
        main(["check", "better.yaml"])
    assert exit_.value.code == 0


def test_a_file_that_is_not_there_is_a_usage_error(backtest):
    code, _, err = backtest("none.ndjson")

    assert (code, err) == (2, "none.ndjson: can't be read: No such file or directory; name a file of events\n")


def test_a_file_that_was_cut_off_is_an_io_error(backtest):
    (backtest.folder / "cut.gz").write_bytes(gzip.compress(SHORT)[:-20])
    code, _, err = backtest("cut.gz")

    assert code == 3
    assert "cut.gz ends within its gzip data" in err


def test_without_events_there_is_nothing_to_do(backtest):
    code, _, err = backtest()

    assert code == 2
    assert "EVENTS" in err


def test_progress_says_rate_share_and_time_left():
    progress = Progress(1000)
    progress.events(5000)
    progress.advance(250)

    assert progress.line(10) == "5,000 events  500/s  25%  0:30 left"


def test_progress_of_an_unknown_size_says_the_rate_alone():
    progress = Progress(None)
    progress.events(5000)

    assert progress.line(10) == "5,000 events  500/s"


def test_nothing_is_drawn_where_there_is_no_terminal(backtest):
    _, _, err = backtest("short.ndjson")

    assert err == ""
