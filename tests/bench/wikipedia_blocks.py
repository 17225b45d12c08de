"""Blocks of English Wikipedia, 2004 to 2012, and their overturns: who was blocked by mistake is unblocked.

Policy = reason of the block; an unblock of the same target is a `reversal` of that block, as old as the time between.
The log does not say why somebody was unblocked. The harness says `appeal`, the usual way out on Wikipedia, and not
`bulk_correction`: that many blocks are undone together is what is to be found. Administrators block by hand, yet the
blocks count as automated here, or nothing could ever trip; no rule version, no deploy.

A mass overturn is found in time when overturn evidence trips its policy before half of the reversals of that day's
blocks are in. Overturn evidence is any signal in `OVERTURN`; a trip without such evidence counts as a volume trip.
Where the wave itself has tripped already, that the open breaker is upheld by such evidence counts as a trip.
`--around 60`: each mass overturn by itself, its policy alone, after 60 days of history, for quick trials.

`python -m tests.bench.wikipedia_blocks [--peers] [--years 2004-2012] [--policies ID;ID...] [--around DAYS]
[--set KEY=VALUE] [--sweep KEY=VALUE,...]`
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detector.events import Alert
from detector.policy import Ruleset
from detector.wire import log
from tests.bench import wikipedia_data as data
from tests.bench.harness import add_settings, rulesets, table, utc
from tests.bench.history import ACTION, REVERSAL, TRIPS, History, alerts, at_ms, identities, scattered
from tests.bench.peers.series import Series
from tests.bench.scoring import AFTER_MS, FEWEST_EVENTS, REFRACTORY_MS, thinned, years
from tests.bench.wikipedia_columns import ms

OVERTURN = frozenset({"overturns", "reversals", "appeals", "rebans"})
UPHELD = "breaker.upheld"
DAY_MS = 86_400_000
WEEK_S = 7 * 86_400
SETTINGS = """
stream: {clock: events, ahead: 7d}
unknown_policies: {mode: enforce, cap: 1000}
"""
MASS = [
    ("2008-07-06", "{{blocked proxy}}"),
    ("2006-02-15", "vandalism"),
    ("2008-10-26", "wikipediarequests for checkuse"),
    ("2010-04-25", "{{checkuserblock}}"),
    ("2007-05-06", "(other)"),
]
HEAD = ["", "in time", "late", "missed", "other overturn trips", "a policy-year", "volume trips", "warnings/y", "CPU s"]


class Overturn(NamedTuple):
    """Reversals within a week of one day's blocks for one reason: first, middle and last of them (epoch ms)."""

    policy_id: str
    blocks: int
    reversals: int
    first_ms: int
    half_ms: int
    last_ms: int

    def covers(self, at: int) -> bool:
        return self.first_ms <= at <= self.last_ms + AFTER_MS


class Run(NamedTuple):
    """Times of trips by policy: on overturn evidence, and on other evidence."""

    name: str
    overturn: Mapping[str, list[int]]
    volume: Mapping[str, list[int]]
    cpu_s: float
    said: list[Alert]
    exposed: Mapping[str, float]
    """Policy-years, of policies with enough blocks."""


def history(folder: Path) -> History:
    """Blocks and the reversals that came before the end of 2012, in order of time."""
    blocks = np.load(folder / "blocks_2004_2012.npz")
    time_s, reason, after_s = blocks["time_s"], blocks["reason"].astype(np.int64), blocks["reversed_after_s"]
    undone = np.flatnonzero((after_s >= 0) & (time_s + after_s <= time_s.max()))
    target = scattered(np.arange(1, len(time_s) + 1, dtype=np.uint64))
    size, more = len(time_s), len(undone)
    at_s = np.concatenate([time_s, time_s[undone] + after_s[undone]])
    order = np.argsort(at_s, kind="stable")
    columns = {
        "time": at_s * 1000,
        "policy": np.concatenate([reason, reason[undone]]),
        "kind": np.repeat([ACTION, REVERSAL], [size, more]),
        "flags": np.repeat([log.AUTOMATED, log.WRONG], [size, more]),
        "origin": np.zeros(size + more, np.int64),
        "type": np.repeat([0, 1], [size, more]),
        "subject": np.concatenate([target, target[undone]]),
        "event": identities(size + more, size),
        "acted_s": np.concatenate([np.zeros(size, np.int64), after_s[undone]]),
    }
    names = {"policy": [str(each) or "(none)" for each in blocks["reasons"]], "origin": [""], "type": ["block", ""]}
    return History({name: column[order] for name, column in columns.items()}, names)


def overturns(blocked: History) -> list[Overturn]:
    """The mass overturns that the data's description names, as far as they are in this history."""
    found = [_overturn(blocked, ms(day), reason) for day, reason in MASS]
    return [each for each in found if each is not None]


def _overturn(blocked: History, day_ms: int, reason: str) -> Overturn | None:
    columns = blocked.columns
    own = columns["policy"] == blocked.names["policy"].index(reason)
    acted_ms = columns["time"] - columns["acted_s"] * 1000
    of_day = own & (acted_ms >= day_ms) & (acted_ms < day_ms + DAY_MS)
    undone = of_day & (columns["kind"] == REVERSAL) & (columns["acted_s"] <= WEEK_S)
    at = np.sort(columns["time"][undone])
    if not len(at):
        return None
    count = int((of_day & (columns["kind"] == ACTION)).sum())
    return Overturn(reason, count, len(at), int(at[0]), int(at[len(at) // 2]), int(at[-1]))


def engine(ruleset: Ruleset, name: str, blocked: History) -> Run:
    """What production says."""
    began_s = time.process_time()
    said = alerts(ruleset, blocked)
    took_s = time.process_time() - began_s
    trips = [each for each in said if each.type in (*TRIPS, UPHELD)]
    return Run(
        name,
        _times([each for each in trips if on_overturns(each)]),
        _times([each for each in trips if not on_overturns(each)]),
        took_s,
        said,
        exposure(blocked.series()),
    )


def exposure(blocked: Mapping[str, Series]) -> dict[str, float]:
    """Policy-years, of policies with enough blocks."""
    return {name: years({name: each}) for name, each in blocked.items() if len(each.time_ms) >= FEWEST_EVENTS}


def around(ruleset: Ruleset, name: str, blocked: History, named: list[Overturn], days: int) -> Run:
    """Each named overturn's policy by itself, from `days` before."""
    runs = [
        engine(ruleset, name, blocked.between(each.first_ms - days * DAY_MS, each.last_ms).of({each.policy_id}))
        for each in named
    ]
    return Run(
        name,
        {policy: times for run in runs for policy, times in run.overturn.items()},
        {policy: times for run in runs for policy, times in run.volume.items()},
        sum(run.cpu_s for run in runs),
        [alert for run in runs for alert in run.said],
        {policy: length for run in runs for policy, length in run.exposed.items()},
    )


def on_overturns(alert: Alert) -> bool:
    """Whether what became of the actions is part of its evidence."""
    return any(each.signal in OVERTURN for each in alert.evidence)


def peers(undone: Mapping[str, Series], exposed: Mapping[str, float]) -> list[Run]:
    """Count peers on the reversals alone: they know no ages and no shares."""
    from tests.bench.peers.listed import ON_REVERSALS  # noqa: PLC0415 - the detector runs without what peers need

    runs = []
    for name, peer in ON_REVERSALS:
        began_s = time.process_time()
        trips = {policy: thinned(peer(series), REFRACTORY_MS) for policy, series in undone.items()}
        runs.append(Run(name, trips, {}, time.process_time() - began_s, [], exposed))
    return runs


def report(run: Run, named: list[Overturn], counted: Mapping[str, Series]) -> list[str]:
    """The cells of a run's row."""
    first = [_first(run, each) for each in named]
    in_time = sum(at is not None and at <= each.half_ms for at, each in zip(first, named, strict=True))
    others = len(other_trips(run, named, counted))
    exposed = sum(run.exposed.values())
    warned = sum(each.type == "breaker.warned" and each.scope.policy_id in counted for each in run.said)
    return [
        run.name,
        f"{in_time}/{len(named)}",
        str(sum(at is not None for at in first) - in_time),
        str(first.count(None)),
        str(others),
        f"{others / exposed:.3f}",
        str(sum(len(times) for policy, times in run.volume.items() if policy in counted)),
        f"{warned / exposed:.2f}" if run.said else "-",
        f"{run.cpu_s:.0f}",
    ]


def other_trips(run: Run, named: list[Overturn], counted: Mapping[str, Series]) -> list[tuple[int, str]]:
    """Trips on overturns outside the named ones."""
    return sorted(
        (at, policy)
        for policy, times in run.overturn.items()
        if policy in counted
        for at in times
        if not any(each.policy_id == policy and each.covers(at) for each in named)
    )


def details(run: Run, named: list[Overturn], counted: Mapping[str, Series]) -> str:
    """Each named overturn in a line, then the other trips by policy."""
    reasons = {(each.scope.policy_id, at_ms(each)): each.reason for each in run.said}
    lines = [_line(run, each) for each in named]
    others = other_trips(run, named, counted)
    for policy, number in Counter(policy for _, policy in others).most_common():
        lines.append(f"{policy}: {number} other overturn trips")
        lines += [f"    {utc(at)} {reasons.get((policy, at), '')}" for at, own in others if own == policy]
    return "\n".join(lines)


def _line(run: Run, overturn: Overturn) -> str:
    what = (
        f"{utc(overturn.first_ms)} {overturn.policy_id}: {overturn.blocks} blocks in the day, "
        f"{overturn.reversals} undone, half by {utc(overturn.half_ms)}"
    )
    at = _first(run, overturn)
    return f"{what}: " + ("missed" if at is None else f"tripped {utc(at)}{'' if at <= overturn.half_ms else ', late'}")


def _first(run: Run, overturn: Overturn) -> int | None:
    return next((at for at in run.overturn.get(overturn.policy_id, []) if overturn.covers(at)), None)


def _times(trips: list[Alert]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for each in trips:
        found.setdefault(each.scope.policy_id, []).append(at_ms(each))
    return {policy: thinned(times, REFRACTORY_MS) for policy, times in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", action="store_true", help="count peers on reversals, too")
    parser.add_argument("--years", default="2004-2012", help="first and last, or one")
    parser.add_argument("--policies", help="reasons, separated by semicolons")
    parser.add_argument("--around", type=int, metavar="DAYS", help="the mass overturns alone, after so many days")
    add_settings(parser)
    asked, folder = parser.parse_args(), data.folder()
    if folder is None:
        raise SystemExit(data.ABSENT)
    first, _, last = asked.years.partition("-")
    blocked = history(folder).between(ms(f"{first}-01-01"), ms(f"{int(last or first) + 1}-01-01"))
    if asked.policies:
        blocked = blocked.of(set(asked.policies.split(";")))
    named, series = overturns(blocked), blocked.series()
    counted = {policy: each for policy, each in series.items() if len(each.time_ms) >= FEWEST_EVENTS}
    from tests.bench.bed import conditions  # noqa: PLC0415 - brings what only a run needs

    print(conditions())
    runs = [
        around(ruleset, name, blocked, named, asked.around) if asked.around else engine(ruleset, name, blocked)
        for name, ruleset in rulesets(SETTINGS, asked)
    ]
    runs += peers(blocked.series(REVERSAL), exposure(series)) if asked.peers else []
    print(f"{len(blocked):,} events, {len(counted)} policies with {FEWEST_EVENTS} blocks or more,")
    print(f"{years(counted):.1f} policy-years\n")
    print(table([HEAD, *(report(run, named, counted) for run in runs)]))
    for run in runs:
        if run.said:
            print(f"\n{run.name}\n{details(run, named, counted)}")


if __name__ == "__main__":
    main()
