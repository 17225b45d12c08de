"""Histories that mislead: a baseline that is raised slowly, none at all, clocks that are wrong, hours that are missing.

Each case ends in a step to five times the rate, upon people at large. It is *blind* where the step does not trip and
no alert says that anything is wrong: that rows are counted as late or ahead of time is shown, but pages nobody.

`python -m tests.bench.poison [--seeds 3]`
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Final, Literal, NamedTuple

import numpy as np

from detector.policy import Ruleset, StreamSettings, UnknownPolicies
from tests.bench import shape_events as made
from tests.bench.shape_events import ANYBODY, DAY_MS, HOUR_MS, MINUTE_MS, START_MS, USUAL, Heard, Rows, World

WORLD: Final = World(40.0, phi=1.5)
STEP: Final = 5.0
TRIPS: Final = ("breaker.opened", "breaker.reopened")
Clock = Literal["log", "events"]


class Case(NamedTuple):
    """Events, when the step begins and when all ends. `clock`: production's, or the faster one of replays.

    `since_ms`: since when something is wrong; words before it don't count.
    """

    name: str
    events: Rows
    step_ms: int
    end_ms: int
    clock: Clock = "log"
    since_ms: int = 0


class Outcome(NamedTuple):
    """Hours from the step to the trip (None: none), trips before it, the first warning since `since_ms`, counters."""

    delay_min: float | None
    early: int
    warned_h: float | None
    warnings: int
    counters: dict[str, int]

    @property
    def blind(self) -> bool:
        return self.delay_min is None and self.warned_h is None


# --- cases ------------------------------------------------------------------------------------------------------------


def poisoned(percent: float) -> Callable[[np.random.Generator], Case]:
    """Two ordinary weeks, then sixty days that each bring some percent more, then the step."""

    def draw(chance: np.random.Generator) -> Case:
        step_ms, days = START_MS, 60
        start_ms = step_ms - (days + 14) * DAY_MS
        minute = np.arange(start_ms, step_ms + DAY_MS, MINUTE_MS)
        grown = (1 + percent / 100) ** np.clip((minute - start_ms) / DAY_MS - 14, 0, days)
        low = WORLD._replace(per_h=20.0)
        level = grown * np.where(minute >= step_ms, STEP, 1.0)
        return Case(
            f"poisoned {percent:g} % a day", _stream(chance, low, start_ms, level), step_ms, step_ms + DAY_MS,
            "events", step_ms - days * DAY_MS,
        )  # fmt: skip

    return draw


def cold(deployed: bool) -> Callable[[np.random.Generator], Case]:
    """A policy's first hour is ordinary, its second the step."""

    def draw(chance: np.random.Generator) -> Case:
        step_ms = START_MS + HOUR_MS
        level = np.where(np.arange(START_MS, step_ms + DAY_MS, MINUTE_MS) >= step_ms, STEP, 1.0)
        found = _stream(chance, WORLD, START_MS, level)
        if deployed:
            code = 1 + made.VERSIONS - 1
            wrong = (found["time"] >= step_ms) & (chance.random(len(found)) < 1 - 1 / STEP)
            found["rule"][wrong] = code
            found = made.arranged(np.concatenate([found, made.deploy(chance, step_ms - MINUTE_MS, code)]))
        name = f"cold start, {'deploy' if deployed else 'no deploy'}"
        return Case(name, found, step_ms, step_ms + DAY_MS, since_ms=START_MS)

    return draw


def quiet_start(chance: np.random.Generator) -> Case:
    """A policy's first fortnight, without any step: nothing must trip."""
    end_ms = START_MS + 14 * DAY_MS
    found = _stream(chance, WORLD, START_MS, np.ones((end_ms - START_MS) // MINUTE_MS))
    return Case("cold start, no step", found, end_ms, end_ms, "events", START_MS)


def skewed(minutes: float, share: float) -> Callable[[np.random.Generator], Case]:
    """From the last day before the step on, a share of the producers has a clock that is so far ahead (or behind)."""

    def draw(chance: np.random.Generator) -> Case:
        case = _ordinary(chance, f"clock {minutes:+g} min, {share:.0%} of rows")
        wrong = (case.events["time"] >= START_MS - DAY_MS) & (chance.random(len(case.events)) < share)
        case.events["time"][wrong] += int(minutes * MINUTE_MS)
        return case._replace(since_ms=START_MS - DAY_MS)

    return draw


def missing(hours: float) -> Callable[[np.random.Generator], Case]:
    """Nothing at all for hours that end half a day before the step."""

    def draw(chance: np.random.Generator) -> Case:
        case = _ordinary(chance, f"{hours:g} hours missing")
        until_ms = START_MS - 12 * HOUR_MS
        gone = (case.events["time"] < until_ms) & (case.events["time"] >= until_ms - hours * HOUR_MS)
        return case._replace(events=case.events[~gone], since_ms=int(until_ms - hours * HOUR_MS))

    return draw


CASES: Final = (
    *(poisoned(percent) for percent in (1, 2, 3, 5)),
    cold(deployed=True),
    cold(deployed=False),
    quiet_start,
    *(skewed(minutes, share) for minutes in (1, 10, 180, -10) for share in (0.3, 1.0)),
    *(missing(hours) for hours in (1, 6, 72)),
)


def _ordinary(chance: np.random.Generator, name: str) -> Case:
    """Ten ordinary days, then the step."""
    start_ms, step_ms = START_MS - 10 * DAY_MS, START_MS
    level = np.where(np.arange(start_ms, step_ms + DAY_MS, MINUTE_MS) >= step_ms, STEP, 1.0)
    return Case(name, _stream(chance, WORLD, start_ms, level), step_ms, step_ms + DAY_MS)


def _stream(chance: np.random.Generator, world: World, start_ms: int, level: made.Floats) -> Rows:
    """Actions whose rate is `level` times the ordinary one, minute by minute; what is above the slow rise is wrong."""
    end_ms = start_ms + len(level) * MINUTE_MS
    minute = np.arange(start_ms, end_ms, MINUTE_MS)
    rate = world.rate_per_h(minute) * level
    base = made.actions(chance, world, made.moments(chance, rate, start_ms, world.phi), USUAL)
    at = np.clip((base["time"] - start_ms) // MINUTE_MS, 0, len(level) - 1)
    after = at >= np.flatnonzero(np.diff(level, prepend=level[0]) > 1).min(initial=len(level))
    wrong = after & (chance.random(len(base)) < 1 - 1 / STEP)
    shifted = base[wrong]
    made.describe(chance, shifted, ANYBODY)
    base[wrong] = shifted
    later = [made.aftermath(chance, base[~wrong], USUAL), made.aftermath(chance, base[wrong], ANYBODY)]
    found = np.concatenate([base, *later, made.routine_deploys(chance, world, start_ms, end_ms)])
    return made.arranged(found[found["time"] < end_ms])


# --- running ----------------------------------------------------------------------------------------------------------


def run(case: Case) -> Outcome:
    """Feed by the hour until half an hour before the step, from then on by the minute."""
    rules = Ruleset(version="bench", stream=StreamSettings(clock=case.clock), unknown=UnknownPolicies(mode="enforce"))
    feed = made.Feed(rules, made.names("policy"))
    first = int(case.events["arrives"][0]) // HOUR_MS * HOUR_MS
    by_hour = list(range(first + HOUR_MS, case.step_ms - 30 * MINUTE_MS, HOUR_MS))
    last = by_hour[-1] if by_hour else first
    by_minute = range(last + MINUTE_MS, case.end_ms + 1, MINUTE_MS if case.clock == "log" else HOUR_MS)
    heard = feed.run(case.events, [*by_hour, *by_minute])
    return _outcome(case, heard, dict(feed.fold.partitions[0].counters))


def _outcome(case: Case, heard: list[Heard], counters: dict[str, int]) -> Outcome:
    at = [(each.alert.detected_at.timestamp() * 1000, each.alert.type in TRIPS) for each in heard]
    trips = [at_ms for at_ms, trip in at if trip and at_ms >= case.step_ms]
    early = [at_ms for at_ms, trip in at if trip and case.since_ms <= at_ms < case.step_ms]
    warned = [at_ms for at_ms, trip in at if not trip and case.since_ms and at_ms >= case.since_ms]
    return Outcome(
        (min(trips) - case.step_ms) / MINUTE_MS if trips else None,
        len(early),
        (min(warned) - case.since_ms) / HOUR_MS if warned else None,
        len(warned),
        counters,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--case", default="", help="cases whose name contains this")
    asked, began_s = parser.parse_args(), time.monotonic()
    columns = "tripped", "delay", "early", "word after", "words", "late", "ahead"
    print(f"{'case':33} " + " ".join(f"{each:>10}" for each in columns))
    for number, draw in enumerate(CASES):
        drawn = [draw(np.random.default_rng([seed, number])) for seed in range(asked.seeds)]
        if asked.case in drawn[0].name:
            print(_line(drawn[0].name, [run(case) for case in drawn]), flush=True)
    print(f"{time.monotonic() - began_s:.0f} s")


def _line(name: str, found: list[Outcome]) -> str:
    delays = [each.delay_min for each in found if each.delay_min is not None]
    words = [each.warned_h for each in found if each.warned_h is not None]
    late, ahead = (int(median(each.counters.get(what, 0) for each in found)) for what in ("late", "ahead"))
    blind = sum(each.blind for each in found)
    columns = (
        f"{len(delays)}/{len(found)}",
        f"{median(delays):.1f} min" if delays else "-",
        sum(each.early for each in found),
        f"{median(words):.1f} h" if words else "-",
        int(median(each.warnings for each in found)),
        late,
        ahead,
    )
    return f"{name:33} " + " ".join(f"{each:>10}" for each in columns) + ("  BLIND" if blind else "")


if __name__ == "__main__":
    main()
