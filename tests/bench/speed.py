"""The engine alone on one core: CPU time per event and per tick, bytes of state per scope.

Events carry all fields, so all signals are on. `python -m tests.bench.speed [--times 20] [--profile]`
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from typing import Final, NamedTuple

import msgspec
import numpy as np

from detector.engine import Engine
from detector.fold import Fold, LogRecord
from detector.policy import Ruleset, StreamSettings, UnknownPolicies
from detector.wire import log
from tests.bench import shape_events as made

POLICIES: Final = 200
BATCH: Final = 5_000
PER_S: Final = 5_000
SCOPES: Final = 100_000
HOUR_S: Final = 3_600


class Speed(NamedTuple):
    """Us per event: median over batches of the engine's time alone, and of the whole fold's; its mean with ticks."""

    us_engine: float
    us_fold: float
    us_fold_with_ticks: float
    events: int
    alerts: int


class Scale(NamedTuple):
    """Many scopes: median and worst time of a tick within an hour, that of the tick that ends one, state as stored."""

    scopes: int
    tick_ms: float
    worst_ms: float
    hour_ms: float
    bytes_per_scope: float


def ruleset(cap: int = POLICIES) -> Ruleset:
    """The defaults, each policy enforced."""
    return Ruleset(stream=StreamSettings(clock="events"), unknown=UnknownPolicies(mode="enforce", cap=cap))


def busy(policies: int, count: int, start_ms: int, per_s: float, *, seed: int = 1) -> tuple[made.Rows, made.Names]:
    """`count` events of `policies` policies whose sizes follow Zipf's law, actions and their aftermath, in order."""
    chance = np.random.default_rng(seed)
    time_ms = start_ms + np.sort(chance.integers(0, int(count / per_s * 1000) + 1, count))
    found = made.actions(chance, made.World(1.0), time_ms, made.USUAL)
    later = made.aftermath(chance, found, made.USUAL._replace(appeal_h=0.01))
    found = np.concatenate([found, later[later["time"] < time_ms[-1]]])[:count]
    found["policy"] = made.pick(chance, 1 / np.arange(1, policies + 1), len(found)) - 1
    known = made.names("")._replace(policies=[f"policy-{number:05}" for number in range(policies)])
    return found[np.argsort(found["time"], kind="stable")], known


def per_event(batches: int, times: float = 1.0) -> Speed:
    """Live traffic of 200 policies in batches of 5,000 events, one tick each second of event time.

    `times`: how many times as much as all of them are used to: an attack.
    """
    found, known = busy(POLICIES, BATCH * batches, made.START_MS, PER_S)
    fold = _fold(ruleset())
    through = _acquaint(fold, known, PER_S / times)
    records = [made.rows(found[i : i + BATCH], known, through + i) for i in range(0, len(found) - BATCH + 1, BATCH)]
    timed = Timed(fold.engine)
    took, own, alerts, began = list[float](), list[float](), 0, time.process_time()
    for number, record in enumerate(records):
        before, before_own = time.process_time(), timed.took_s
        newest_ms = int(record.column("time")[-1])
        alerts += len(fold.apply([LogRecord(0, 2 * number + 3, newest_ms, record)]).alerts)
        took.append(time.process_time() - before)
        own.append(timed.took_s - before_own)
        fold.apply([LogRecord(0, 2 * number + 4, newest_ms, _tick(record.ranges[0][2], newest_ms))])
    total_s, count = time.process_time() - began, BATCH * len(took)
    engine_us, fold_us = (float(np.median(each)) / BATCH * 1e6 for each in (own, took))
    return Speed(engine_us, fold_us, total_s / count * 1e6, count, alerts)


class Timed:
    """How long an engine spends on batches: adding them, and testing the scopes that they touch."""

    def __init__(self, engine: Engine) -> None:
        self.took_s = 0.0
        engine.add, engine.test = self._timed(engine.add), self._timed(engine.test)

    def _timed(self, call):
        def timed(*given, **named):
            before = time.process_time()
            found = call(*given, **named)
            self.took_s += time.process_time() - before
            return found

        return timed


def _acquaint(fold: Fold, known: made.Names, per_s: float) -> int:
    """Let the fold meet every scope, and give each the rate of its policy, as weeks of learning would."""
    each = 60
    found = made.actions(
        np.random.default_rng(3), made.World(1.0), np.full(POLICIES * each, made.START_MS - 1000), made.USUAL
    )
    found["policy"], found["subject"] = np.repeat(np.arange(POLICIES), each), 1
    fold.apply([LogRecord(0, 1, made.START_MS, made.rows(found, known, -1))])
    fold.apply([LogRecord(0, 2, made.START_MS, _tick(len(found) - 1, made.START_MS))])
    share = 1 / np.arange(1, POLICIES + 1)
    table = fold.engine.scopes.table.rows
    for row, (policy, _) in fold.engine.scopes.owner.items():
        per_h = float(share[int(policy.id.split("-")[1])] / share.sum() * per_s * 3600)
        for name in ("rate", "next_rate", "bar", "next_bar", "busiest"):
            table[name][row] = per_h
        table["level_a"][row], table["level_b"][row] = 300.0 * per_h, 300.0
        for name in ("evidence", "surge", "change"):
            table[name][row] = 0.0
    return len(found) - 1


def at_scale(scopes: int, ticks: int) -> Scale:
    """`scopes` policies that each act now and then; the ticks of a quiet minute and of an end of an hour."""
    per_policy = made.names("")
    rules = ruleset(cap=scopes)
    fold = _fold(rules, partitions=-(-scopes // 50_000))
    chance, offset = np.random.default_rng(2), 1
    at_ms = made.START_MS
    for part in range(len(fold.partitions)):
        for first in range(part * 50_000, min(scopes, part * 50_000 + 50_000), 25_000):
            size = min(25_000, scopes - first)
            found = made.actions(chance, made.World(1.0, versions=False), np.full(size, at_ms), made.USUAL)
            found["region"], found["client"], found["action_type"] = 0, 0, 0
            found["policy"] = np.arange(size)
            known = per_policy._replace(policies=[f"policy-{number:06}" for number in range(first, first + size)])
            fold.apply([LogRecord(part, offset, at_ms, made.rows(found, known, offset * 50_000))])
            offset += 1

    def tick_ms(second: int) -> float:
        now_ms = at_ms + second * 1000
        records = [LogRecord(part, offset + second, now_ms, _tick(10**7, now_ms)) for part in fold.partitions]
        before = time.process_time()
        fold.apply(records)
        return (time.process_time() - before) * 1000

    took = [tick_ms(second) for second in range(ticks)]
    end_s = HOUR_S + int(rules.stream.lateness_s)
    tick_ms(end_s - 10)
    hour_ms = max(tick_ms(second) for second in range(end_s - 9, end_s + 10))
    state = sum(len(key) + len(value) for _, key, value in fold.snapshot().policies())
    return Scale(scopes, float(np.median(took)), max(took), hour_ms, state / scopes)


def _fold(rules: Ruleset, partitions: int = 1) -> Fold:
    fold = Fold(rules.stream)
    for partition in range(partitions):
        fold.assign(partition, {})
        settings = log.Settings(version=rules.version, ruleset=msgspec.json.encode(rules))
        settings.version = "bench"
        fold.apply([LogRecord(partition, 0, 0, settings)])
    return fold


def _tick(through: int, newest_ms: int) -> log.Tick:
    return log.Tick(worker="bench", sources=[log.SourceReport(0, through, through + 1, newest_ms)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=200)
    parser.add_argument("--scopes", type=int, default=SCOPES)
    parser.add_argument("--ticks", type=int, default=900)
    parser.add_argument("--times", type=float, default=1.0, help="as much traffic as all policies are used to")
    parser.add_argument("--profile", action="store_true", help="where the time of the first goes")
    asked = parser.parse_args()
    if asked.profile:
        with cProfile.Profile() as profile:
            print(per_event(asked.batches, asked.times))
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
        return
    print(per_event(asked.batches, asked.times))
    print(at_scale(asked.scopes, asked.ticks))


if __name__ == "__main__":
    main()
