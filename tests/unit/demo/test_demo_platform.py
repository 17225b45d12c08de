"""The invented platform and its enforcement service."""

from __future__ import annotations

import math

import msgspec
import pytest

from detector.config import policies
from detector.demo import scenario
from detector.demo.platform import DAY_MS, HOUR_MS, POLICIES, RULES, Platform, rhythm
from detector.demo.run import last_wednesday_ms
from detector.demo.service import Service
from detector.demo.worker import POLICIES as POLICY_FILE
from detector.events import Action, Deploy, decoder
from detector.gate import Decision, Reason

START_MS = last_wednesday_ms(1_790_000_000_000)


class StubGate:
    """Holds what one rule version asks for."""

    def __init__(self, held_version: str = "") -> None:
        self.held_version = held_version

    def decide(self, *, rule_version, **_) -> Decision:
        allow = rule_version != self.held_version
        return Decision(allow, Reason.CLOSED if allow else Reason.OPEN, None, None, 0, None, 0.0)


def test_the_policy_file_lists_exactly_the_platforms_policies():
    ruleset = policies.load([str(POLICY_FILE)]).ruleset
    assert {policy.id for policy in ruleset.policies} == set(POLICIES)
    assert {policy.id for policy in ruleset.policies if policy.mode != "enforce"} == {"child_safety"}


def test_the_same_seed_gives_the_same_platform_and_another_seed_another():
    first, again, other = (Platform(seed).proposals(START_MS, START_MS + DAY_MS) for seed in (1, 1, 2))
    assert first == again != other


def test_a_week_has_its_daily_rhythm_and_averages_one():
    week = [rhythm("spam", START_MS + hour * HOUR_MS) for hour in range(168)]
    assert math.isclose(sum(week) / 168, 1.0, abs_tol=0.01)
    assert max(week) > 1.5 * min(week)


def test_proposals_come_in_order_within_their_interval_and_about_as_often_as_usual():
    platform = Platform(1)
    found = [p for h in range(168) for p in platform.proposals(START_MS + h * HOUR_MS, START_MS + (h + 1) * HOUR_MS)]
    assert [p.time_ms for p in found] == sorted(p.time_ms for p in found)
    assert len({p.action.id for p in found}) == len(found)
    assert len(found) == pytest.approx(168 * sum(rule.per_h for rule in RULES), rel=0.05)
    assert not any(p.is_wrongful for p in found)


def test_every_proposal_is_a_valid_event_of_the_contract():
    for proposal in Platform(1).proposals(START_MS, START_MS + HOUR_MS):
        assert decoder().decode(msgspec.json.encode(proposal.action)) == proposal.action


def test_a_wave_multiplies_its_policy_and_no_other():
    calm, wave = (Platform(1).proposals(START_MS, START_MS + HOUR_MS, factors) for factors in ({}, {"spam": 8}))
    counts = [[sum(p.action.policy_id == policy_id for p in found) for found in (calm, wave)] for policy_id in POLICIES]
    spam = counts[POLICIES.index("spam")]
    assert spam[1] > 5 * spam[0]
    assert all(after < 3 * before + 5 for before, after in counts if [before, after] != spam)


def test_the_bad_version_replaces_the_good_one_and_the_rollback_undoes_it():
    platform = Platform(1)
    deploy = scenario.go_live(platform, START_MS)
    assert isinstance(deploy, Deploy)
    assert f"{deploy.rule_id}@{deploy.rule_version}" == scenario.bad_origin()
    assert {rule.version for rule in platform.rules if rule.rule_id == scenario.BAD_RULE} == {"18"}
    assert any(p.is_wrongful for p in platform.proposals(START_MS, START_MS + HOUR_MS))
    scenario.roll_back(platform, START_MS)
    assert sorted(platform.rules) == sorted(RULES)


def test_the_service_executes_what_the_gate_allows_and_tells_of_what_it_holds():
    platform, sent = Platform(1), []
    scenario.go_live(platform, START_MS)
    service = Service(StubGate(held_version="18"), sent.append)
    outcomes = [(p, service.enforce(p)) for p in platform.proposals(START_MS, START_MS + HOUR_MS)]
    events = [msgspec.json.decode(value, type=Action) for value in sent]
    assert [event.status == "executed" for event in events] == [decision.allow for _, decision in outcomes]
    assert {event.rule_version for event in events if event.status == "held"} == {"18"}
    wrongful = sum(p.is_wrongful for p, _ in outcomes)
    assert (service.ledger.wrongful_executed, service.ledger.wrongful_held) == (0, wrongful)
    assert wrongful > 0


def test_rates_cover_the_last_five_minutes_held_actions_included():
    service = Service(StubGate(held_version="31"), lambda _: None)
    hour = Platform(1).proposals(START_MS, START_MS + HOUR_MS, {"spam": 20})
    for proposal in hour:
        service.enforce(proposal)
    recent = [p for p in hour if p.time_ms > START_MS + HOUR_MS - 5 * 60_000 and p.action.policy_id == "spam"]
    assert service.ledger.per_min(START_MS + HOUR_MS)["spam"] == len(recent) / 5
    assert service.ledger.per_min(START_MS + 2 * HOUR_MS)["spam"] == 0


@pytest.mark.parametrize("offset_h", [0, 1, 2, 3, 100, 167])
def test_the_acts_begin_on_a_wednesday_afternoon_that_is_over(offset_h):
    now_ms = 1_790_000_000_000 + offset_h * HOUR_MS
    begins_ms = last_wednesday_ms(now_ms)
    assert HOUR_MS < now_ms - begins_ms <= 7 * DAY_MS + 2 * HOUR_MS
    assert (begins_ms // HOUR_MS) % 168 == 6 * 24 + 14
