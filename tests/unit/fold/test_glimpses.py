"""What a deploy on a stream's first day is held against: what was seen before it, whoever heard what first."""

from __future__ import annotations

from itertools import permutations

import pytest

from detector.engine.policy_state import WHOLE
from detector.fold import Fold
from detector.policy import Policy, Ruleset, StreamSettings
from detector.stats import surge
from tests.logs import MONDAY_MS, LogWriter, action, deploy, steady

RULES = Ruleset(
    version="glimpses",
    stream=StreamSettings(lateness_s=60),
    policies=(Policy(id="spam", mode="enforce", scopes=("rule_version",)),),
)
MINUTE = 60_000
DEPLOYED = MONDAY_MS + 12 * MINUTE
PER_H = 120
V17, V18 = ("rule_version", "42@17"), ("rule_version", "42@18")


def usual(until_ms: int) -> list:
    return steady("spam", MONDAY_MS, until_ms, PER_H / 60)


def bars(fold: Fold) -> dict:
    """Scopes that something would be news for, and from what rate on."""
    rows, table = fold.engine.scopes.policies["spam"].rows, fold.engine.scopes.table.rows
    found = {key: float(table["bar"][row]) for key, row in rows.items()}
    return {key: bar for key, bar in found.items() if bar < surge.NO_NEWS_PER_H}


def replayed(log: LogWriter) -> Fold:
    fold = Fold(RULES.stream)
    fold.assign(0, {})
    fold.apply(log.records)
    return fold


def test_twice_the_rate_seen_so_far_is_no_news_to_a_scope_and_its_next_version():
    log = LogWriter(ruleset=RULES)
    log.live([*usual(DEPLOYED), deploy("spam", DEPLOYED, "42", "18")], DEPLOYED + 1000)
    log.rows([action(at_ms=DEPLOYED + 1000, rule_version="18")], DEPLOYED + 2000)
    found = bars(replayed(log))
    assert found == {WHOLE: pytest.approx(2 * PER_H, rel=0.02), V18: found[WHOLE]}


def test_a_deploy_is_held_against_the_same_whatever_a_poll_brings_and_however_soon_the_first_tick_comes():
    found = []
    for poll_ms in (1000, 5000, 7000, 29_000):
        log, events = LogWriter(ruleset=RULES), [*usual(DEPLOYED + MINUTE), deploy("spam", DEPLOYED, "42", "17")]
        log.live(sorted(events, key=lambda event: event.time), DEPLOYED + 4 * MINUTE, every_ms=poll_ms)
        found.append(bars(replayed(log)))
    assert found[0].keys() == {WHOLE, V17}
    assert all(each == found[0] for each in found)


def test_of_several_deploys_the_lowest_bar_holds_in_whatever_order_they_are_heard():
    told = [(DEPLOYED + n * 20_000, str(17 + n % 2)) for n in range(4)]
    found = []
    for order in permutations(told):
        log = LogWriter(ruleset=RULES)
        log.live(usual(DEPLOYED + MINUTE), DEPLOYED + MINUTE)
        log.rows([deploy("spam", at_ms, "42", version) for at_ms, version in order], DEPLOYED + MINUTE)
        log.rows([action(at_ms=DEPLOYED + MINUTE, rule_version="18")], DEPLOYED + MINUTE + 1000)
        found.append(bars(replayed(log)))
    assert found[0].keys() == {WHOLE, V17, V18}
    assert all(each == found[0] for each in found)


def test_a_deploy_in_the_first_minutes_is_held_against_nothing():
    log = LogWriter(ruleset=RULES)
    log.live([*usual(DEPLOYED), deploy("spam", MONDAY_MS + 6 * MINUTE, "42", "17")], DEPLOYED)
    assert bars(replayed(log)) == {}


def test_a_live_stream_never_waits_for_its_glimpse():
    """All but a minute behind, which is the most that counts as live."""
    log = LogWriter(ruleset=RULES)
    log.live(usual(DEPLOYED - MINUTE), DEPLOYED - MINUTE)
    log.rows([deploy("spam", DEPLOYED, "42", "17")], DEPLOYED)
    assert bars(replayed(log)).keys() == {WHOLE, V17}


@pytest.mark.parametrize("dies", [False, True])
def test_a_lagging_stream_takes_its_glimpse_when_that_is_final_even_after_a_restart(dies):
    """Source 1 tells of deploys long before source 0 has told what was usual."""
    log = LogWriter(ruleset=RULES)
    log.rows([action(at_ms=MONDAY_MS)], DEPLOYED, source=0)
    log.tick(DEPLOYED, behind=5)
    log.rows([deploy("spam", DEPLOYED, "42", v) for v in ("17", "18")], DEPLOYED, source=1)
    fold, at = replayed(log), len(log.records)
    assert bars(fold) == {}
    if dies:
        snapshot, fold = fold.snapshot(), Fold(RULES.stream)
        fold.assign(0, {key: value for _, key, value in (*snapshot.policies(), *snapshot.seals())})
        at = snapshot.floors[0]
    for end in range(MONDAY_MS + MINUTE, DEPLOYED + 1, MINUTE):
        log.rows(steady("spam", end - MINUTE, end, PER_H / 60), DEPLOYED, source=0)
        log.tick(DEPLOYED, behind=5)
    fold.apply(log.records[at:])
    live = LogWriter(ruleset=RULES)
    live.live([action(at_ms=MONDAY_MS), *usual(DEPLOYED), deploy("spam", DEPLOYED, "42", "17")], DEPLOYED + 1000)
    assert bars(fold) == bars(replayed(live)) != {}
