"""Thresholds: which figure, which side, and what can't be judged."""

from __future__ import annotations

import msgspec
import pytest

from detector.backtest import checks
from detector.backtest.result import Paused, PolicyReport, Quality, Result
from detector.backtest.score import Exposure, Trip, score
from detector.errors import ConfigError

YEAR_MS = 365.25 * 86_400_000


def result(*, labelled=True, **quality):
    scores = score([Trip("spam", 1)], [], {"spam": Exposure(300, 0, int(YEAR_MS))}, [], labelled=labelled).scores
    policy = PolicyReport(
        policy_id="spam", mode="shadow", listed=True, events=300, actions=300, automated=200, first_ms=0, last_ms=1,
        years=1.0, counted=True, trips=1, counted_trips=1, other_trips=1, warnings=0, peak_strength=1.0,
        paused=Paused(actions=50.0),
    )  # fmt: skip
    return Result(
        config_version="1", sources=("x",), from_ms=0, to_ms=1, quality=Quality(read=100, events=50, **quality),
        scores=scores, policies=(policy,), trips=(), warnings=(), incidents=(),
    )  # fmt: skip


def failed(*texts, kind="over", **quality):
    bounds = checks.parse(f"--fail-{kind}", texts)
    found = checks.check(result(**quality), *((bounds, []) if kind == "over" else ([], bounds)))
    return [each.failed for each in found]


@pytest.mark.parametrize(("limit", "fails"), [("0.9", True), ("1", False), ("1.1", False)])
def test_a_figure_over_its_limit_fails(limit, fails):
    assert failed(f"other_trips_per_policy_year={limit}") == [fails]


@pytest.mark.parametrize(("limit", "fails"), [("0.9", False), ("1", False), ("1.1", True)])
def test_a_figure_under_its_limit_fails(limit, fails):
    assert failed(f"policies={limit}", kind="under") == [fails]


def test_what_can_not_be_judged_fails_on_either_side():
    assert failed("found_ratio=0.8") == failed("found_ratio=0.8", kind="under") == [True]


def test_without_labels_nothing_is_proved_about_other_trips():
    assert failed("other_trips=5", "other_trips_per_policy_year=5", "found=5", labelled=False) == [True, True, True]
    assert failed("trips_per_policy_year=1", labelled=False) == [False]
    assert failed("trips_per_policy_year=0.9", labelled=False) == [True]


def test_shares_of_bad_late_and_paused_can_be_bounded():
    assert failed("bad_ratio=0.09", "late_ratio=0.1", "paused_actions_ratio=0.2", bad=10, late=5) == [True, False, True]


def test_every_name_has_a_figure():
    assert set(checks.values(result())) == set(checks.NAMES)
    assert msgspec.structs.asdict(result().scores.counted).keys() <= set(checks.NAMES)


def test_all_wrong_thresholds_are_told_at_once():
    with pytest.raises(ConfigError) as error:
        checks.parse("--fail-over", ["other_trip=1", "found_ratio=much", "late_ratio", "trips=nan"])
    found = [str(each) for each in error.value.problems]

    assert found[0].startswith("--fail-over: knows no figure 'other_trip', did you mean 'other_trips'?; ")
    assert found[1:] == [
        "--fail-over: found_ratio is 'much', must be a number: found_ratio=0.5",
        "--fail-over: late_ratio is '', must be a number: late_ratio=0.5",
        "--fail-over: trips is 'nan', must be a number: trips=0.5",
    ]
