"""A worker that restarts while its partition is catching up says what one says that never did."""

from __future__ import annotations

import pytest

from detector.fold import Fold
from detector.policy import Policy, Ruleset
from detector.wire.log import SourceReport, Tick
from tests.logs import MONDAY_MS, LogWriter, action, steady

RULES = Ruleset(version="v1", policies=(Policy(id="spam", mode="enforce", min_rate_per_h=30.0, scopes=()),))
START = MONDAY_MS + 3 * 3_600_000


def lagging(held: int, later: int) -> tuple[LogWriter, int, int]:
    """A burst comes as the stream arrives; how many records stand before it arrives, and in the policy's own value."""
    log = LogWriter(ruleset=RULES)
    log.live([*steady("spam", MONDAY_MS, START, 0.5), action("spam", START - 1000)], START, every_ms=5000)
    now, told = START + 100_000, sum(1 for _ in steady("spam", MONDAY_MS, START, 0.5))
    log.put(Tick(worker="w", sources=[SourceReport(0, told, told + 5, START - 1000)]), now)
    log.rows([action("spam", now + i) for i in range(2)], now + 500)
    sealed = len(log.records)
    log.tick(now + 1000)
    log.rows([action("spam", now + 1100 + i) for i in range(held)], now + 1500)
    ahead = len(log.records)
    log.rows([action("spam", now + 1600 + i) for i in range(later)], now + 2000)
    for i in range(1, 40):
        log.tick(now + 2000 + 5000 * i)
    return log, sealed, ahead


@pytest.mark.parametrize(("held", "later"), [(held, later) for held in range(2, 40, 3) for later in (3, 6)])
def test_a_policy_whose_stored_state_is_ahead_of_its_partitions_is_judged_as_soon_as_ever(held, later):
    log, sealed, ahead = lagging(held, later)
    whole, first, again = (Fold(RULES.stream) for _ in range(3))
    whole.assign(0, {})
    first.assign(0, {})
    expected = whole.apply(log.records).alerts
    said = list(first.apply(log.records[:sealed]).alerts)
    early = first.snapshot()
    stored = {key: value for _, key, value in [*early.policies(), *early.seals()]}
    said += first.apply(log.records[sealed:ahead]).alerts
    stored |= {key: value for _, key, value in first.snapshot().policies()}
    again.assign(0, stored)
    ids = {alert.alert_id for alert in said}
    rest = again.apply(log.records[early.floors[0] :]).alerts
    assert [*said, *(alert for alert in rest if alert.alert_id not in ids)] == expected
