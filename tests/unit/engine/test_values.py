"""A policy tracks a bounded number of values per dimension: which one makes room, and that no count goes astray."""

from __future__ import annotations

import pytest

from detector.engine.policy_state import MAX_DEPLOYS
from detector.engine.scopes import MAX_VALUES
from detector.fold import Fold
from detector.policy import Policy, Ruleset
from tests.logs import MONDAY_MS, LogWriter, action, deploy, steady

MINUTE = 60_000
RULES = Ruleset(version="v1", policies=(Policy(id="spam"),))


def folded(log: LogWriter) -> Fold:
    fold = Fold(RULES.stream)
    fold.assign(0, {})
    fold.apply(log.records)
    return fold


def counted(fold: Fold, dimension: str) -> dict[str, int]:
    """Actions per value, final and open ones."""
    rows, table = fold.engine.scopes.policies["spam"].rows, fold.engine.scopes.table.rows
    return {key[1]: int(table["total"][row]) for key, row in rows.items() if key[0] == dimension}


def test_more_values_in_one_poll_than_are_tracked_do_not_get_each_others_counts():
    log = LogWriter(ruleset=RULES)
    log.tick(MONDAY_MS)
    log.rows([action(at_ms=MONDAY_MS + i, region=f"r{i // 3:02}") for i in range(3 * 40)], MONDAY_MS + 1000)
    log.tick(MONDAY_MS + 5 * MINUTE)
    found = counted(folded(log), "region")
    assert len(found) == MAX_VALUES
    assert set(found.values()) == {3}


def test_a_value_that_takes_a_freed_row_keeps_its_own_counts():
    log = LogWriter(ruleset=RULES)
    log.tick(MONDAY_MS)
    log.rows([action(at_ms=MONDAY_MS, region=f"r{i:02}") for i in range(MAX_VALUES)], MONDAY_MS + 500)
    log.rows([action(at_ms=MONDAY_MS + 1, region="new") for _ in range(7)], MONDAY_MS + 1000)
    log.rows([action(at_ms=MONDAY_MS + 2, region="r05")], MONDAY_MS + 1500)
    log.tick(MONDAY_MS + 5 * MINUTE)
    found = counted(folded(log), "region")
    assert found["new"] == 7
    assert found["r05"] == 2


def test_the_longest_idle_value_makes_room_and_not_the_newest():
    log, end = LogWriter(ruleset=RULES), MONDAY_MS + 10 * MINUTE
    log.live([action(at_ms=MONDAY_MS, region=f"r{i:02}") for i in range(MAX_VALUES)], end)
    both = [action(at_ms=end + i * 1000, region="ab"[i % 2]) for i in range(60)]
    log.live(both, end + 10 * MINUTE)
    found = counted(folded(log), "region")
    assert (found["a"], found["b"]) == (30, 30)


def test_values_whose_breaker_is_at_rest_again_make_room():
    log, end = LogWriter(ruleset=RULES), MONDAY_MS + 10 * MINUTE
    log.live([action(at_ms=MONDAY_MS, rule_version=f"{i}") for i in range(MAX_VALUES)], end)
    fold = folded(log)
    policy = fold.engine.scopes.policies["spam"]
    for key in policy.rows:
        policy.breakers[key] = policy.breaker(key)
    before = len(log.records)
    log.live(steady("spam", end, end + MINUTE, 5, rule_version="new"), end + 10 * MINUTE)
    fold.apply(log.records[before:])
    assert counted(fold, "rule_version")["42@new"] == 5


@pytest.mark.parametrize("policy", ["spam", None])
def test_of_more_deploys_than_are_kept_the_oldest_are_forgotten(policy):
    log = LogWriter(ruleset=RULES)
    log.rows([action(at_ms=MONDAY_MS)], MONDAY_MS)
    found = [deploy(policy, MONDAY_MS + i, "42", f"{i}") for i in range(2 * MAX_DEPLOYS)]
    log.rows(reversed(found), MONDAY_MS + 1000)
    kept = folded(log).engine.scopes.policies["spam"].deploys
    assert sorted(kept.values()) == [MONDAY_MS + i for i in range(MAX_DEPLOYS, 2 * MAX_DEPLOYS)]
