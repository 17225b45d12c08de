"""Suggestions come from exposure, busiest windows and trips outside incidents; the file they make is a policy file."""

from __future__ import annotations

import msgspec
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from detector.backtest import policy_yaml, proposals, suggest
from detector.backtest.result import Paused, Peak
from detector.cli import cli
from detector.config import policies
from detector.policy import HardLimit, OnTrip, Policy, Ruleset, StreamSettings, UnknownPolicies
from tests import results
from tests.results import T0_MS


def proposed(ruleset=None, **changes):
    """Setting and value of what a result makes of its policies."""
    found = proposals.proposals(results.result(**changes), ruleset or Ruleset())
    return {each.setting: each.proposed for each in found}


def others(number):
    return tuple(results.trip(start_ms=T0_MS + i * results.DAY_MS) for i in range(number))


def tried(ruleset=None, *, after=None, **changes):
    """Suggestions, and the rulesets that were tried; `after` is what every trial gives."""
    seen = []

    def run(rulesets):
        seen.extend(rulesets)
        return [after or results.result(**changes)] * len(rulesets)

    return suggest.suggest(results.result(**changes), ruleset or Ruleset(), run), seen


# --- the rules ---


def test_a_hard_limit_is_twice_the_busiest_short_window_that_says_something():
    minute = Peak(per_s=60, count=80, at_ms=T0_MS)
    quiet, busy = Peak(per_s=600, count=49, at_ms=T0_MS), Peak(per_s=3600, count=123, at_ms=T0_MS)

    assert proposed()["hard_limit"] == "{max: 240, per: 10m}"
    assert proposed(policies=(results.policy(peaks=(minute, quiet, busy)),))["hard_limit"] == "{max: 250, per: 1h}"
    assert "hard_limit" not in proposed(policies=(results.policy(peaks=(minute, quiet)),))


def test_a_hard_limit_that_stands_is_only_raised_when_history_passes_it():
    def beside(most):
        ruleset = Ruleset(policies=(Policy(id="spam", hard_limit=HardLimit(max=most, per_s=600)),))
        return proposed(ruleset).get("hard_limit")

    assert beside(120) is None
    assert beside(119) == "{max: 240, per: 10m}"


def test_a_policy_without_trips_outside_incidents_is_a_candidate_to_enforce():
    found = (results.trip(label="found", incident=0), results.trip(label="inside"), results.trip(label="again"))

    assert proposed(trips=found)["mode"] == "enforce"
    assert "mode" not in proposed(trips=others(1))
    assert "mode" not in proposed(policies=(results.policy(years=0.2),))
    assert "mode" not in proposed(policies=(results.policy(automated=0),))


@pytest.mark.parametrize("mode", ["alert_only", "enforce", "disabled"])
def test_only_a_shadow_is_asked_to_enforce(mode):
    assert "mode" not in proposed(Ruleset(policies=(Policy(id="spam", mode=mode),)))


def test_a_budget_is_tightened_when_it_is_overspent_beyond_chance():
    busy = results.policy(actions=100_000)
    briefly = msgspec.structs.replace(busy, years=0.4)

    assert proposed(trips=others(1), policies=(briefly,))["false_trips_per_year"] == "0.01"
    assert "false_trips_per_year" not in proposed(trips=others(1), policies=(busy,))
    assert proposed(trips=others(2), policies=(busy,))["false_trips_per_year"] == "0.01"


def test_an_enforcing_policy_that_overspends_is_asked_back_into_the_shadow():
    enforcing = Ruleset(policies=(Policy(id="spam", mode="enforce"),))

    assert proposed(enforcing, trips=others(3))["mode"] == "shadow"
    assert "mode" not in proposed(enforcing)


def test_a_policy_that_acts_in_bursts_gets_a_rate_that_is_immaterial_instead():
    assert proposed(trips=others(3)) == {"hard_limit": "{max: 240, per: 10m}", "min_rate_per_h": "300"}


def test_trips_of_an_unlabelled_history_count_as_false_and_the_reason_says_so():
    trips = tuple(msgspec.structs.replace(each, label="unlabelled") for each in others(3))
    found = proposals.proposals(results.result(trips=trips, labelled=False), Ruleset())

    assert "3 trips outside labelled incidents in 1 years, the budget allows 0.1" in found[-1].reason
    assert "assumes that none of them was right" in found[-1].reason


def test_a_policy_with_few_events_or_disabled_gets_no_suggestion():
    assert proposed(policies=(results.policy(counted=False),)) == {}
    assert proposed(Ruleset(policies=(Policy(id="spam", mode="disabled"),))) == {}


def test_whether_incidents_were_found_changes_no_proposal():
    missed = {"incidents": (results.missed(),)}

    assert proposed(incidents=(results.incident(),)) == proposed(**missed)


@pytest.mark.parametrize(("trips", "mean"), [(1, 0.05), (3, 0.4), (7, 9.0), (200, 0.1)])
def test_chance_is_the_poisson_tail(trips, mean):
    assert proposals._chance(trips, mean) == pytest.approx(stats.poisson.sf(trips - 1, mean), abs=1e-12)


# --- what each would have done ---


def test_settings_of_one_kind_are_tried_together_and_kinds_apart():
    names = ("nudity", "spam")
    made, rulesets = tried(policies=tuple(map(results.policy, names)))

    assert [(each.policy_id, each.setting) for each in made] == [
        (name, setting) for name in names for setting in ("hard_limit", "mode")
    ]
    limits, modes = rulesets
    assert [each.hard_limit for each in limits.policies] == [HardLimit(max=240, per_s=600)] * 2
    assert [each.mode for each in limits.policies] == ["shadow"] * 2
    assert [(each.mode, each.hard_limit) for each in modes.policies] == [("enforce", None)] * 2


def test_before_and_after_are_those_of_the_policy():
    calm = results.policy(trips=1, paused=Paused(open_s=60, actions=3))
    before = {"policies": (results.policy(trips=4),), "incidents": (results.incident(), results.incident("nudity"))}
    after = results.result(policies=(calm,), incidents=(results.missed(), results.incident("nudity")))
    (limit, _), _ = tried(after=after, **before)

    assert (limit.before.trips, limit.after.trips, limit.after.paused.actions) == (4, 1, 3)
    assert (limit.found_before, limit.found_after) == (1, 0)
    assert (limit.avoided_before, limit.avoided_after) == (800, 0)


def test_nothing_to_suggest_runs_nothing():
    assert tried(policies=()) == ((), [])


def test_only_the_largest_policies_get_suggestions(monkeypatch):
    monkeypatch.setattr(suggest, "MOST", 1)
    made, _ = tried(policies=(results.policy("large", actions=1000), results.policy("small")))

    assert {each.policy_id for each in made} == {"large"}


def test_the_table_has_a_line_for_each_and_columns_for_labels_alone():
    made, _ = tried()
    lines = suggest.table(made, labelled=True).splitlines()

    assert [line.split()[:2] for line in lines] == [["policy", "setting"], ["spam", "hard_limit"], ["spam", "mode"]]
    assert "avoided" in lines[0]
    assert "avoided" not in suggest.table(made, labelled=False)


# --- the file ---


def test_check_accepts_the_file_and_it_says_why(tmp_path):
    made, _ = tried(trips=others(3))
    path = tmp_path / "policies.yaml"
    path.write_text(suggest.render(Ruleset(), made))
    said = CliRunner().invoke(cli, ["check", str(path)])

    assert said.exit_code == 0, said.output
    assert "1 policies" in said.output
    assert "# hard_limit: twice the most that 10m held outside labelled incidents" in path.read_text()
    assert yaml.safe_load(path.read_text())["policies"] == [
        {"id": "spam", "hard_limit": {"max": 240, "per": "10m"}, "min_rate_per_h": 300}
    ]


def test_the_file_says_that_tests_are_not_in_it():
    assert "`tests:` are not carried over" in suggest.render(Ruleset(), ())


def test_what_an_unlisted_policy_was_judged_by_is_kept_when_it_is_listed():
    ruleset = Ruleset(unknown=UnknownPolicies(mode="enforce", false_trips_per_year=0.5, cap=7))
    made, _ = tried(ruleset)
    (listed,) = policies.resolve([("file", suggest.render(ruleset, made).encode())]).ruleset.policies

    assert (listed.mode, listed.false_trips_per_year) == ("enforce", 0.5)
    assert listed.hard_limit == HardLimit(max=240, per_s=600)


IDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), min_size=1, max_size=12) | st.sampled_from(
    ["no", "null", "1.10", "472", "- a", "#x", "'", '"', "{a: b}", "*x", "&x", "\u2028", "a: b", " x ", "=", "<<"]
)


@settings(max_examples=40, deadline=None)
@given(
    ids=st.lists(IDS, max_size=3, unique=True),
    limit=st.none() | st.builds(HardLimit, max=st.integers(1, 10**9), per_s=st.sampled_from([60.0, 90.0, 86_400.0])),
    mode=st.sampled_from(["shadow", "enforce", "alert_only", "disabled"]),
    budget=st.floats(1e-6, 4),
    cooldown_s=st.sampled_from([61.5, 900.0, 1800.0]),
    scopes=st.sampled_from([(), ("region",)]),
)
def test_any_ruleset_is_read_back_as_it_was(ids, limit, mode, budget, cooldown_s, scopes):
    keys = {"hard_limit": limit, "mode": mode, "false_trips_per_year": budget, "scopes": scopes}
    keys["breaker"] = OnTrip(cooldown_s=cooldown_s)
    ruleset = Ruleset(
        stream=StreamSettings(clock="events", ahead_s=7 * 86_400),
        policies=tuple(Policy(id=each, **keys) for each in sorted(ids)),
        unknown=UnknownPolicies(cap=3, **keys),
    )
    read = policies.resolve([("file", policy_yaml.render(ruleset).encode())]).ruleset

    assert msgspec.structs.replace(read, version=ruleset.version) == ruleset


# --- on a history ---


def test_a_history_gives_a_file_that_check_accepts_and_a_page(tmp_path):
    half_hour_ms, runner = 1_800_000, CliRunner()
    told = {"kind": "deploy", "id": "d", "time": T0_MS, "policy_id": "spam", "change": "a first version"}
    events = [told, *(action(i, T0_MS + i * half_hour_ms) for i in range(8 * 48))]
    burst = [action(i, T0_MS + 5 * results.DAY_MS + i * 1000) for i in range(1_000, 1_060)]
    history, suggested, html = (tmp_path / name for name in ("events.ndjson", "policies.yaml", "page.html"))
    history.write_bytes(b"\n".join(map(msgspec.json.encode, sorted(events + burst, key=lambda each: each["time"]))))

    said = runner.invoke(
        cli, ["backtest", str(history), "--suggest", "--suggested", str(suggested), "--html", str(html)]
    )
    assert said.exit_code == 0, said.output
    assert yaml.safe_load(suggested.read_text())["policies"] == [
        {"id": "spam", "hard_limit": {"max": 120, "per": "10m"}}
    ]
    assert "assumes that this was legitimate" in html.read_text()
    assert runner.invoke(cli, ["check", str(suggested)]).exit_code == 0


def action(number, time_ms):
    return {
        "kind": "action", "id": f"a{number}", "time": time_ms, "policy_id": "spam", "subject_id": f"u{number}",
        "action_id": f"a{number}", "action_type": "suspend", "automated_decision": "FULLY",
    }  # fmt: skip
