"""Other values of a setting, for every policy alike."""

from __future__ import annotations

import pytest

from detector.backtest import sweep
from detector.config import policies
from detector.errors import ConfigError
from detector.policy import Ruleset

FILE = b"defaults: {false_trips_per_year: 3}\npolicies: [{id: spam}, {id: hashes, false_trips_per_year: 2}]\n"


def problems(*texts):
    with pytest.raises(ConfigError) as error:
        sweep.parse(texts)
    return [str(each) for each in error.value.problems]


def test_every_policy_has_the_value_listed_or_not():
    ruleset = policies.resolve([("a.yaml", FILE)]).ruleset
    found = sweep.rulesets(ruleset, sweep.parse(["false_trips_per_year=0.01,1"]))

    assert [[each.false_trips_per_year for each in (*one.policies, one.unknown)] for one in found] == [
        [0.01] * 3,
        [1] * 3,
    ]
    assert [each.stream for each in found] == [ruleset.stream] * 2


def test_values_are_spelled_as_in_policy_files():
    assert sweep.parse(["deploy_window=1h,2d", "min_rate_per_h=6"]) == [
        sweep.Sweep("deploy_window", (3600, 172_800)),
        sweep.Sweep("min_rate_per_h", (6,)),
    ]
    assert [
        each.unknown.deploy_window_s for each in sweep.rulesets(Ruleset(), sweep.parse(["deploy_window=1h,2d"]))
    ] == [
        3600,
        172_800,
    ]


def test_a_wrong_name_is_told_with_what_may_have_been_meant():
    (problem,) = problems("false_trip_per_year=1")

    assert problem.startswith("--sweep: knows no setting 'false_trip_per_year', did you mean 'false_trips_per_year'?; ")


def test_all_wrong_values_are_told_with_their_range():
    allowed = "must be a number above 0 and up to 1000; such as false_trips_per_year=V1,V2"

    assert problems("false_trips_per_year=0,1,x", "mode=shadow")[:2] == [
        f"--sweep: false_trips_per_year is '0', {allowed}",
        f"--sweep: false_trips_per_year is 'x', {allowed}",
    ]


def test_a_sweep_without_values_is_a_problem():
    assert len(problems("false_trips_per_year", "false_trips_per_year=")) == 2
