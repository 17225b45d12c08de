"""Rolling counts of a policy equal a recount of its events, per window of event time."""

from __future__ import annotations

from detector.fold import Fold
from detector.policy import Policy, Ruleset
from tests.logs import MONDAY_MS, LogWriter, steady

MINUTE, HOUR = 60_000, 3_600_000
RULES = Ruleset(version="v1", policies=(Policy(id="spam"),))


def test_each_window_counts_what_fell_into_it_up_to_the_last_final_bucket():
    log, end = LogWriter(ruleset=RULES), MONDAY_MS + 3 * HOUR
    found = [*steady("spam", MONDAY_MS, end, 6.0), *steady("unlisted", MONDAY_MS, end, 6.0)]
    log.live(found, end, every_ms=5000)
    fold = Fold(RULES.stream)
    fold.assign(0, {})
    fold.apply(log.records)
    final_ms = (fold.engine.settled(0) + 1) * 5000
    times = [event.time for event in found if event.policy_id == "spam" and event.time < final_ms]
    since = {
        "1m": final_ms - MINUTE,
        "10m": ((final_ms - 1) // MINUTE - 9) * MINUTE,
        "1h": ((final_ms - 1) // MINUTE - 59) * MINUTE,
    }
    expected = {name: sum(time >= start for time in times) for name, start in since.items()}
    assert fold.rates() == {"spam": expected | {"24h": len(times)}}
