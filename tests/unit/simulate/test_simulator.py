"""Tests of policy files: what they feed the fold, and how they judge what it says."""

from __future__ import annotations

import pytest

from detector.config import example
from detector.config.policies import resolve
from detector.simulate import Simulator

FILE = """
stream: {{bucket: 60s}}
policies:
  - {{id: spam, hard_limit: {{max: 100, per: 10m}}, scopes: [region]}}
unknown_policies: {{hard_limit: {{max: 30, per: 10m}}, scopes: []}}
tests:
  - {{name: one, {test}}}
"""
WAVE = (
    "policy: spam, history: {per_minute: 5, days: 1}, deploys: [{minute: 0, rule_version: 42@17}], "
    "counts_per_minute: [{minutes: 0-19, count: 5}, {minutes: 20-29, count: 25, region: DE}]"
)


def failures(test):
    ruleset, ((_, only),) = resolve([("p.yaml", FILE.format(test=test).encode())])
    return Simulator(ruleset).failures(only)


@pytest.mark.parametrize(
    "expect",
    [
        "{minutes: 20-25, to: OPEN}",
        "{minutes: 20-25, to: OPEN, scope: policy}, {minutes: 0-29, to: warning}",
    ],
)
def test_an_expectation_that_comes_true_holds(expect):
    assert failures(f"{WAVE}, expect: [{expect}]") == []


@pytest.mark.parametrize(
    "expect",
    [
        "{minutes: 0-9, to: OPEN}",
        "{minutes: 20-25, to: OPEN, scope: region=FR}",
        "{minutes: 20-25, to: FAULT}",
    ],
)
def test_one_that_does_not_fails_and_says_what_was_seen(expect):
    missing, unexpected = failures(f"{WAVE}, expect: [{expect}]")[:2]

    assert missing.startswith("expected ")
    assert ", but warning in minute " in missing
    assert "OPEN in minute 2" in missing
    assert unexpected.startswith("unexpected OPEN in minute 2")


def test_what_opens_without_being_expected_fails_the_test():
    assert all(each.startswith("unexpected OPEN in minute 2") for each in failures(f"{WAVE}, expect: []"))
    assert failures(f"{WAVE}, expect: []")


def test_quiet_traffic_opens_nothing():
    assert failures("policy: spam, counts_per_minute: [{minutes: 0-60, count: 5}], expect: []") == []


def test_an_expectation_fails_when_there_is_no_traffic_at_all():
    test = "policy: spam, counts_per_minute: [], expect: [{minutes: 5, to: OPEN}]"

    assert failures(test) == ["expected OPEN in minute 5, but nothing happened"]


def test_a_test_without_a_policy_is_about_unlisted_ones():
    traffic = "counts_per_minute: [{minutes: 0-9, count: 5}]"

    assert failures(f"{traffic}, expect: [{{minutes: 6-7, to: OPEN}}]") == []
    assert failures(f"policy: spam, {traffic}, expect: []") == []


def test_a_history_trains_the_baseline_and_counts_before_minute_0():
    history = "history: {per_minute: 20, days: 1, rule_version: r@1}"
    traffic = "counts_per_minute: [{minutes: 0-9, count: 20, rule_version: r@1}]"
    (only,) = failures(f"policy: spam, {history}, {traffic}, expect: []")[:1]

    assert only.startswith("unexpected OPEN in minute -13")


def test_entries_of_one_minute_add_up():
    half = "{minutes: 0-9, count: 6}"
    test = f"policy: spam, counts_per_minute: [{half}, {half}], expect: "

    assert failures(f"{test}[{{minutes: 8, to: OPEN}}]") == []
    assert failures(f"policy: spam, counts_per_minute: [{half}], expect: []") == []


def test_tests_that_share_a_history_do_not_share_what_follows():
    history = "policy: spam, history: {per_minute: 1, days: 1}"
    ruleset, tests = resolve(
        [
            (
                "p.yaml",
                FILE.format(
                    test=f"{history}, counts_per_minute: [{{minutes: 0-9, count: 50}}], expect: []}}\n"
                    f"  - {{name: two, {history}, counts_per_minute: [{{minutes: 0-9, count: 1}}], expect: []"
                ).encode(),
            )
        ]
    )
    simulator = Simulator(ruleset)
    wave, quiet = [simulator.failures(placed.test) for placed in tests]

    assert wave
    assert quiet == []


def test_the_tests_of_the_example_hold():
    ruleset, tests = resolve([("example.yaml", example.render().encode())])
    simulator = Simulator(ruleset)

    assert [simulator.failures(placed.test) for placed in tests] == [[], []]
