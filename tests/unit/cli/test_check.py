"""`detector check`: what it prints where, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from detector.cli import main
from detector.cli.check import command
from detector.config import example

GOOD = """
policies:
  - {id: spam, hard_limit: {max: 100, per: 10m}}
tests:
  - name: a flood opens it
    policy: spam
    counts_per_minute: [{minutes: 0-5, count: 90}]
    expect: [{minutes: 1, to: OPEN}]
"""
FAILING = GOOD.replace("minutes: 1,", "minutes: 5,")
WRONG = GOOD.replace("id: spam", "id: spam, mode: enforec")


@pytest.fixture
def check(tmp_path, capsys):
    """Runs the whole program on a file; gives exit code, standard output and standard error."""

    def run(text, *flags):
        path = tmp_path / "policies.yaml"
        path.write_text(text)
        with pytest.raises(SystemExit) as exit_:
            main(["check", *flags, str(path)])
        told = capsys.readouterr()
        return exit_.value.code, told.out.replace(str(tmp_path), "DIR"), told.err.replace(str(tmp_path), "DIR")

    return run


def test_a_good_file_is_confirmed(check):
    code, out, err = check(GOOD)

    assert (code, err) == (0, "")
    assert out.startswith("ok: 1 policies, 1 tests, 0 failed, version ")


def test_a_test_that_fails_is_told_with_its_place(check):
    code, out, err = check(FAILING)

    assert code == 1
    assert out.startswith("failed: ")
    assert err.startswith("DIR/policies.yaml:5:5: test 'a flood opens it' failed: expected OPEN in minute 5, but ")
    assert "OPEN in minute 1 of policy (" in err


def test_a_wrong_file_is_told_by_line_and_column(check):
    code, out, err = check(WRONG)

    assert (code, out) == (2, "")
    assert err.startswith("DIR/policies.yaml:3:22: `mode` is 'enforec', must be one of")


@pytest.mark.parametrize(("text", "code", "kind"), [(GOOD, 0, "tests"), (FAILING, 1, "tests"), (WRONG, 2, "problems")])
def test_json_is_one_document_on_standard_output(check, text, code, kind):
    found, out, err = check(text, "--json")
    document = json.loads(out)

    assert (found, err) == (code, "")
    assert sorted(document) == ["problems", "tests", "version"]
    assert len(document[kind]) == 1


def test_json_names_the_place_of_a_problem_in_fields(check):
    (problem,) = json.loads(check(WRONG, "--json")[1])["problems"]

    assert (problem["file"], problem["line"], problem["column"]) == ("DIR/policies.yaml", 3, 22)


def test_the_example_is_printed_for_a_start():
    result = CliRunner().invoke(command, ["--example"])

    assert result.exit_code == 0
    assert result.output == example.render()


def test_standard_input_can_be_checked():
    done = subprocess.run(
        [sys.executable, "-m", "detector", "check", "-"], input=WRONG, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stderr.startswith("-:3:22: ")


def test_no_file_is_a_usage_error():
    result = CliRunner().invoke(command, [])

    assert result.exit_code == 2
    assert "--example" in result.output
