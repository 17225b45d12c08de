"""Volume and a corroborating signal, each over its warning line: how often does chance alone bring both together?

Ordinary traffic of policies with a daily rhythm, routine deploys, appeals and decisions: nothing is wrong. The budget
of trips is so small that nothing else can open a breaker; that of warnings is swept, since it sets both lines. What
counts is the time between such trips over the time between warnings that was configured.

`python -m tests.bench.conjunction [--policies 60] [--weeks 8] [--budgets 4,50,400]`
"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Final

import msgspec
import numpy as np

from detector.engine import judge
from detector.events import Alert
from detector.fold import Fold, LogRecord
from detector.policy import Ruleset, StreamSettings, UnknownPolicies
from detector.wire import log
from tests.bench import shape_events as made
from tests.bench.harness import table

LEARNED_D: Final = 14
NO_TRIPS_PER_YEAR: Final = 1e-9
YEAR_MS: Final = 365.25 * made.DAY_MS


def history(policies: int, weeks: int, seed: int = 1) -> tuple[made.Rows, made.Names]:
    """Ordinary events of all policies, in order of time; rates from 5 to 200 an hour."""
    chance, end_ms = np.random.default_rng(seed), made.START_MS + weeks * 7 * made.DAY_MS
    parts = []
    for number, per_h in enumerate(np.geomspace(5, 200, policies).tolist()):
        world = made.World(per_h)
        acts = made.ordinary(chance, world, made.START_MS, end_ms)
        later = made.aftermath(chance, acts, made.USUAL)
        own = np.concatenate([acts, later, made.routine_deploys(chance, world, made.START_MS, end_ms)])
        own["policy"] = number
        parts.append(own[own["time"] < end_ms])
    found = np.concatenate(parts)
    known = made.names("")._replace(policies=[f"policy-{number:03}" for number in range(policies)])
    return found[np.argsort(found["time"], kind="stable")], known


def said(found: made.Rows, known: made.Names, warnings_per_year: float) -> list[Alert]:
    """All alerts after the first two weeks, of breakers that close again by themselves."""
    unknown = UnknownPolicies(
        mode="enforce", cap=len(known.policies), false_trips_per_year=NO_TRIPS_PER_YEAR,
        false_warnings_per_year=warnings_per_year,
    )  # fmt: skip
    rules = Ruleset(stream=StreamSettings(clock="events"), unknown=unknown)
    fold = Fold(rules.stream)
    fold.assign(0, {})
    fold.apply([LogRecord(0, 0, 0, log.Settings(version="bench", ruleset=msgspec.json.encode(rules)))])
    hours, alerts = np.flatnonzero(np.diff(found["time"] // made.HOUR_MS, prepend=-1)).tolist(), list[Alert]()
    for number, (first, last) in enumerate(zip(hours, [*hours[1:], len(found)], strict=True)):
        newest_ms = int(found["time"][last - 1])
        tick = log.Tick(worker="bench", sources=[log.SourceReport(0, last - 1, last, newest_ms)])
        rows = made.rows(found[first:last], known, first)
        outcome = fold.apply(
            [LogRecord(0, 2 * number + 1, newest_ms, rows), LogRecord(0, 2 * number + 2, newest_ms, tick)]
        )
        alerts += outcome.alerts if newest_ms >= made.START_MS + LEARNED_D * made.DAY_MS else []
    return alerts


def row(found: made.Rows, known: made.Names, warnings_per_year: float) -> list[str]:
    """Warnings and trips a policy-year, and what the trips were of."""
    alerts = said(found, known, warnings_per_year)
    watched_ms = int(found["time"][-1]) - made.START_MS - LEARNED_D * made.DAY_MS
    years = len(known.policies) * watched_ms / YEAR_MS
    trips = [alert for alert in alerts if alert.type == "breaker.opened"]
    both = [alert for alert in trips if {"volume"} < {signal.signal for signal in alert.evidence}]
    of = Counter("+".join(sorted(_names(alert))) for alert in trips)
    warned = sum(alert.type == "breaker.warned" for alert in alerts) / years
    rate = len(both) / years
    times = f"{warnings_per_year / rate:.0f}" if both else f"> {warnings_per_year * years:.0f}"
    return [
        f"{warnings_per_year:g}",
        f"{years:.1f}",
        f"{warned:.2f}",
        str(len(both)),
        f"{rate:.3f}",
        times,
        str(dict(of)),
    ]


def _names(alert: Alert) -> set[str]:
    return {each.signal for each in alert.evidence if each.signal == "volume" or each.signal in judge.CORROBORATING}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--policies", type=int, default=60)
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--budgets", default="4,50,400", help="warnings a policy-year")
    asked = parser.parse_args()
    found, known = history(asked.policies, asked.weeks)
    print(f"{len(found):,} events of {asked.policies} policies, nothing wrong with any")
    head = ["warnings/y allowed", "policy-years", "warnings/y", "both", "both/y", "time between / warnings'", "of"]
    print(table([head, *(row(found, known, float(each)) for each in asked.budgets.split(","))]))


if __name__ == "__main__":
    main()
