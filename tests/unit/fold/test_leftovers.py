"""What counts for nothing leaves nothing behind, and what was given back is not asked for."""

from __future__ import annotations

from detector.fold import Fold
from detector.policy import Policy, Ruleset
from tests.logs import MONDAY_MS, LogWriter, action, deploy, steady

MINUTE = 60_000
RULES = Ruleset(version="v1", policies=(Policy(id="spam"),))


def test_events_that_come_hours_late_keep_no_bucket_and_no_minute_open():
    log, fold = LogWriter(ruleset=RULES), Fold(RULES.stream)
    now = MONDAY_MS + 60 * MINUTE
    log.live(steady("spam", MONDAY_MS, now, 2), now, every_ms=5000)
    log.rows([action("spam", MONDAY_MS - i * 5000, prior_actions=0) for i in range(200)], now)
    for after in range(1, 60):
        log.tick(now + after * 10_000)
    fold.assign(0, {})
    fold.apply(log.records)
    assert len(fold.engine.open) == 0
    assert len(fold.engine.minutes) == 0
    assert fold.partitions[0].counters["late"] == 200


def test_a_deploy_of_a_version_whose_scopes_are_watched_no_more_is_taken_in():
    watched = Ruleset(version="v1", policies=(Policy(id="spam", scopes=("rule_version",)),))
    fewer = Ruleset(version="v2", policies=(Policy(id="spam", scopes=("region",)),))
    log, fold = LogWriter(ruleset=watched), Fold(watched.stream)
    log.live(steady("spam", MONDAY_MS, MONDAY_MS + MINUTE, 20), MONDAY_MS + MINUTE)
    log.settings(fewer, MONDAY_MS + MINUTE + 100)
    log.rows([deploy("spam", MONDAY_MS + MINUTE + 200, "42", "18")], MONDAY_MS + MINUTE + 300)
    fold.assign(0, {})
    fold.apply(log.records)
    assert "42@18" in fold.engine.scopes.policies["spam"].deploys
