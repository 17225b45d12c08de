"""What a terminal shows: nothing ends mid-word without a mark, and what gave no evidence is counted by reason."""

from __future__ import annotations

from detector.backtest import text, unjudged
from detector.backtest.result import Paused, Quality
from detector.backtest.spell import MOST_ROWS, UNKNOWN
from tests import results


def test_the_last_column_is_whole_and_a_cut_cell_says_so():
    head, row = text.table([["scope", "reason"], ["s" * 150, "r" * 300]]).splitlines()

    assert row == "s" * 99 + "…" + "  " + "r" * 300
    assert head.split() == ["scope", "reason"]


def test_a_cell_that_just_fits_is_not_marked():
    assert "…" not in text.table([["a", "b"], ["s" * text.MAX_CELL, ""]])


def test_reasons_and_fields_stand_one_a_line_with_their_counts():
    quality = Quality(
        bad=3, bad_reasons={"invalid_field": 3}, ignored={"failed": 1, "in BACKGROUND": 4}, unmapped={"$.a": 2}
    )

    assert unjudged.text(quality).splitlines()[1:] == [
        "  3 bad records (invalid_field 3)",
        "  5 records are ignored, being no event",
        "    in BACKGROUND 4",
        "    failed 1",
        "  1 fields are not mapped",
        "    $.a 2",
    ]


def test_very_many_fields_are_cut_and_the_rest_is_counted():
    told = unjudged.text(Quality(unmapped={f"$.{number}": 1 for number in range(MOST_ROWS + 7)}))

    assert told.endswith("(7 more: see --json)")


def test_where_everything_is_evidence_there_is_no_note():
    assert unjudged.text(Quality(read=5, events=5)) == ""


def test_a_trip_that_only_alerts_holds_nothing():
    told = text.text(results.result(trips=(results.trip(mode="alert_only", paused=Paused()),)))

    (line,) = [each for each in told.splitlines() if "rule_version=42@18" in each]
    assert line.split("  alert only  ")[0].split()[-2:] == [UNKNOWN, UNKNOWN]
