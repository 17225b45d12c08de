"""The file of incidents, and everything that can be wrong with it."""

from __future__ import annotations

import pytest

from detector.backtest import incidents
from detector.backtest.score import Incident
from detector.errors import ConfigError

ONSET_MS, FIXED_MS = 1_767_571_200_000, 1_767_574_800_000


def load(tmp_path, text):
    path = tmp_path / "i.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [each._replace(place=each.place.rpartition("/")[2]) for each in incidents.load(str(path))]


def problems(tmp_path, text):
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    return [str(each).rpartition("/")[2] for each in error.value.problems]


@pytest.mark.parametrize(
    "text",
    [
        "policy,onset_utc,fixed_utc\nspam,2026-01-05T00:00:00,2026-01-05T01:00:00\n",
        "\ufeffnote,fixed_utc,policy,onset_utc\r\nx,2026-01-05T01:00:00Z,spam,2026-01-05\r\n\r\n",
        'policy, onset_utc ,fixed_utc\n"spam",2026-01-05T02:00:00+02:00, 2026-01-05 01:00\n',
    ],
)
def test_columns_in_any_order_and_times_in_any_spelling(tmp_path, text):
    assert load(tmp_path, text) == [Incident("spam", ONSET_MS, FIXED_MS, "i.csv:2")]


def test_a_quote_that_is_not_closed_hides_no_later_row(tmp_path):
    text = 'policy,onset_utc,fixed_utc,note\nspam,2026-01-05,2026-01-06,"bug\nspam,2026-02-05,2026-02-06,x\n'

    assert problems(tmp_path, text) == [
        "i.csv:2:1: is no row of CSV: unexpected end of data; quotes in a cell are doubled, those around it closed"
    ]


def test_a_cell_beyond_the_head_is_a_comma_that_was_not_meant(tmp_path):
    text = "policy,onset_utc,fixed_utc,note\nspam,2026-01-05,2026-01-06,a,b\nspam,2026-02-05,2026-02-06,x,,\n"

    assert problems(tmp_path, text) == [
        "i.csv:2:30: has 5 cells where the first line has 4; quote a cell that has a comma in it"
    ]


def test_a_very_long_note_is_a_problem_with_a_place(tmp_path):
    text = f"policy,onset_utc,fixed_utc,note\nspam,2026-01-05,2026-01-06,{'x' * 140_000}\n"

    (said,) = problems(tmp_path, text)
    assert said.startswith("i.csv:2:1: is no row of CSV: field larger than")


def test_an_incident_that_is_labelled_twice_would_count_twice(tmp_path):
    text = "policy,onset_utc,fixed_utc\nspam,2026-01-05,2026-01-06\nspam,2026-01-05T00:00Z,2026-01-06\n"

    with pytest.raises(ConfigError, match=r"i\.csv:3:1: is the same incident as in .*i\.csv:2"):
        load(tmp_path, text)


def test_a_file_with_a_head_alone_has_no_incident(tmp_path):
    assert load(tmp_path, "policy,onset_utc,fixed_utc\n") == []


def test_all_problems_are_told_at_once_with_line_and_column(tmp_path):
    text = "policy,onset_utc,fixed_utc\nspam,yesterday,2026-01-05\n,2026-01-05,2026-01-04\nspam,1999-01-05,\n"

    assert problems(tmp_path, text) == [
        "i.csv:2:6: `onset_utc` is 'yesterday', must be a time such as 2026-01-05T12:00:00Z (UTC without a zone)",
        "i.csv:3:1: `policy` must have 1 to 128 characters",
        "i.csv:4:6: `onset_utc` is '1999-01-05', must be in the year 2000 or later",
        "i.csv:4:17: `fixed_utc` is '', must be a time such as 2026-01-05T12:00:00Z (UTC without a zone)",
    ]


def test_an_end_before_its_begin_is_a_problem(tmp_path):
    text = "policy,onset_utc,fixed_utc\nspam,2026-01-05,2026-01-04\n"

    assert problems(tmp_path, text) == ["i.csv:2:17: `fixed_utc` is before `onset_utc`"]


def test_missing_columns_are_named_with_what_may_have_been_meant(tmp_path):
    found = problems(tmp_path, "policy,onset,fixed_utc\nspam,2026-01-05,2026-01-06\n")

    hint = "did you mean 'onset'?; it needs policy,onset_utc,fixed_utc"
    assert found == [f"i.csv:1:1: has no column `onset_utc` in its first line, {hint}"]


def test_a_column_that_stands_twice_is_a_problem(tmp_path):
    assert problems(tmp_path, "policy,onset_utc,policy,fixed_utc\n") == ["i.csv:1:1: has the column `policy` twice"]


@pytest.mark.parametrize(("text", "message"), [(b"\xff\xfe", "is not UTF-8"), (None, "can't be read")])
def test_a_file_that_is_no_text_is_a_problem(tmp_path, text, message):
    if text is not None:
        assert message in problems(tmp_path, text)[0]
    else:
        with pytest.raises(ConfigError, match=message):
            incidents.load(str(tmp_path / "none.csv"))


def test_an_empty_file_is_a_problem(tmp_path):
    assert len(problems(tmp_path, "")) == 3
