"""Policy files that are right: overlay, several files as one, and the digest that is their version."""

from __future__ import annotations

import msgspec
import pytest

from detector.config.policies import load, resolve
from detector.errors import ConfigError
from detector.policy import HardLimit, OnTrip, Policy, Ruleset, StreamSettings, UnknownPolicies


def ruleset(*texts):
    return resolve([(f"{number}.yaml", text.encode()) for number, text in enumerate(texts)]).ruleset


def problems(*texts):
    with pytest.raises(ConfigError) as error:
        ruleset(*texts)
    return [str(each) for each in error.value.problems]


def test_no_file_gives_the_built_in_rules():
    assert load([]).ruleset == Ruleset()


def test_a_policy_is_the_defaults_overlaid_by_its_own_keys():
    text = """
    defaults: {mode: enforce, hard_limit: {max: 500, per: 10m}, breaker: {close: approval, cooldown: 1h}}
    policies:
      - {id: spam, hard_limit: {max: 50}, breaker: {cooldown: 15m}}
      - {id: nudity, mode: shadow, hard_limit: null}
    """
    spam, nudity = ruleset(text).policies

    assert spam.hard_limit == HardLimit(max=50, per_s=600.0)
    assert spam.breaker == OnTrip(close="approval", cooldown_s=900.0)
    assert spam.mode == "enforce"
    assert (nudity.mode, nudity.hard_limit, nudity.breaker.cooldown_s) == ("shadow", None, 3600.0)


def test_unlisted_policies_fall_under_the_defaults_too():
    text = "defaults: {min_rate_per_h: 60, mode: enforce}\nunknown_policies: {mode: alert_only, cap: 5}"

    assert ruleset(text).unknown == UnknownPolicies(min_rate_per_h=60.0, mode="alert_only", cap=5)
    assert ruleset("defaults: {mode: alert_only}").unknown == UnknownPolicies(mode="alert_only")


def test_every_duration_unit_is_read():
    text = "stream: {lateness: 90s, guard: 2h, catching_up: 1.5m, ahead: 1d}"

    assert ruleset(text).stream == StreamSettings(lateness_s=90.0, guard_s=7200.0, catching_up_s=90.0, ahead_s=86_400.0)


@pytest.mark.parametrize("name", ["NO", "on", "472", "1.10", "0x1F", "2026-01-05", "~x", "Ünïcode", "12:30:45"])
def test_a_policy_may_be_called_what_yaml_takes_for_something_else(name):
    assert ruleset(f"policies: [{{id: {name}}}]").policies == (Policy(id=name),)


def test_anchors_aliases_and_merge_keys_are_plain_yaml():
    text = """
    defaults: &base {mode: enforce, min_rate_per_h: 1}
    policies:
      - {id: a, breaker: &slow {cooldown: 2h}}
      - {<<: *base, id: b, min_rate_per_h: 2, breaker: *slow}
    """
    b = ruleset(text).policies[1]

    assert (b.mode, b.min_rate_per_h, b.breaker.cooldown_s) == ("enforce", 2.0, 7200.0)


def test_several_files_are_read_as_one():
    found = ruleset("defaults: {mode: enforce}\npolicies: [{id: a}]", "stream: {clock: events}\npolicies: [{id: b}]")

    assert [(each.id, each.mode) for each in found.policies] == [("a", "enforce"), ("b", "enforce")]
    assert found.stream.clock == "events"


def test_what_stands_in_two_files_is_blamed_on_the_second():
    text = "defaults: {mode: enforce}\npolicies: [{id: a}]"

    assert problems(text, text) == [
        "1.yaml:1:1: `defaults` stands in 0.yaml:1:1 too; keep one of them",
        "1.yaml:2:13: `id` 'a' stands in 0.yaml:2:13 too; give each its own",
    ]


def test_a_file_that_cannot_be_read_does_not_hide_the_problems_of_another(tmp_path):
    (tmp_path / "bad.yaml").write_text("policies: [{}]")

    with pytest.raises(ConfigError) as error:
        load([str(tmp_path / "absent.yaml"), str(tmp_path), str(tmp_path / "bad.yaml")])

    absent, folder, bad = error.value.problems
    assert "No such file" in str(absent)
    assert "Is a directory" in str(folder)
    assert (bad.line, bad.column) == (1, 12)


def test_the_version_is_a_digest_of_what_is_said_not_of_how():
    first = ruleset("policies: [{id: a, breaker: {cooldown: 30m}}]")

    assert first.version == ruleset("# same\ndefaults: {mode: shadow}\npolicies:\n  - id: a\n").version
    assert first.version != ruleset("policies: [{id: a, breaker: {cooldown: 31m}}]").version
    assert len(first.version) == 12


def test_a_ruleset_survives_the_log():
    found = ruleset("policies: [{id: a, hard_limit: {max: 5, per: 1h}, scopes: []}]")

    assert msgspec.json.decode(msgspec.json.encode(found), type=Ruleset) == found


def test_tests_keep_their_place():
    text = "policies: [{id: a}]\ntests:\n  - {name: x, policy: a, counts_per_minute: [], expect: []}"
    ((place, test),) = resolve([("p.yaml", text.encode())]).tests

    assert (place, test.name, test.policy) == ("p.yaml:3:5", "x", "a")


def test_more_policies_than_a_log_record_holds_are_refused():
    many = "policies:\n" + "".join(f"  - id: p{number}\n" for number in range(2000))

    assert len(ruleset(many[: many.index("  - id: p1000\n")]).policies) == 1000
    assert "the 2000 policies take" in problems(many)[0]
