"""Tweets about five companies, of the Numenta Anomaly Benchmark, with its own scoring: counts as events.

Each five-minute count becomes so many actions, spread over its five minutes; the five series are five policies under
one setting. A point is flagged where the detector trips (second row: where it warns or trips), then no other for six
hours. NAB's score (Lavin & Ahmad 2015, arXiv 1510.03336): an early point in a labelled window earns up to 1, a point
outside costs up to 0.11 (low FP: 0.22), a missed window 1 (low FN: 2); 0 is silence and 100 perfection. Peers get the
threshold that suits them best on these very files.

`python -m tests.bench.nab [--peers] [--set KEY=VALUE] [--sweep KEY=VALUE,...]`
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from detector.events import Alert
from detector.policy import Ruleset
from detector.wire import log
from tests.bench import wikipedia_data
from tests.bench.harness import add_settings, rulesets, table
from tests.bench.history import ACTION, TRIPS, History, alerts, at_ms, identities
from tests.bench.peers.series import Ints
from tests.bench.scoring import REFRACTORY_MS, thinned
from tests.bench.wikipedia_columns import ms

ABSENT = "no data: put nab/ into ../shared/data, or name the folder above it in DETECTOR_DATA_DIR"
STEP_MS = 300_000
PROBATION = 0.15, 750
FULL = 0.9866142981514305
"""What a point at the left edge of a window earns before weights."""
PROFILES = {"standard": (0.11, 1.0), "low FP": (0.22, 1.0), "low FN": (0.11, 2.0)}
"""Weights of a false point and of a missed window."""
SETTINGS = """
stream: {clock: events, bucket: 60s}
unknown_policies: {mode: enforce, false_trips_per_year: 1}
"""
"""The budget lies amid those (0.3 to 10) that score alike; with the default of 0.1 one trip misses its window."""


class Labelled(NamedTuple):
    """Counts of one file, in steps of five minutes from `start_ms`; windows as first and last index."""

    name: str
    start_ms: int
    count: Ints
    windows: list[tuple[int, int]]

    def indices(self, times: Iterable[int]) -> Ints:
        """The steps that times fall into; a time at a step's end belongs to it."""
        return (np.array(list(times), np.int64) - 1 - self.start_ms) // STEP_MS


def files(folder: Path) -> list[Labelled]:
    """All five, by name. A step that a file leaves out counts nothing."""
    windows = json.loads((folder / "windows.json").read_text())
    found = []
    for name in sorted(windows):
        with gzip.open(folder / f"{name}.gz", "rt", newline="") as lines:
            rows = [(ms(row["timestamp"]), int(row["value"])) for row in csv.DictReader(lines)]
        start_ms = rows[0][0]
        steps = (np.array([at for at, _ in rows]) - start_ms) // STEP_MS
        count = np.bincount(steps, [value for _, value in rows]).astype(np.int64)
        own = [tuple((ms(edge) - start_ms) // STEP_MS for edge in window) for window in windows[name]]
        found.append(Labelled(name.removeprefix("Twitter_volume_").removesuffix(".csv"), start_ms, count, own))
    return found


def history(series: list[Labelled]) -> History:
    """Every count as actions of as many subjects, evenly spread over its step."""
    times = [_spread(each) for each in series]
    time_ms = np.concatenate(times)
    order = np.argsort(time_ms, kind="stable")
    policy = np.repeat(np.arange(len(series)), [len(each) for each in times])
    size = len(time_ms)
    columns = {
        "time": time_ms[order],
        "policy": policy[order],
        "kind": np.full(size, ACTION),
        "flags": np.full(size, log.AUTOMATED),
        "origin": np.zeros(size, np.int64),
        "type": np.zeros(size, np.int64),
        "subject": identities(size, size),
        "event": identities(size),
    }
    return History(columns, {"policy": [each.name for each in series], "origin": [""], "type": ["tweet"]})


def score(series: list[Labelled], flagged: Mapping[str, Ints], false_weight: float, missed_weight: float) -> float:
    """NAB's score over all files, 0 for silence, 100 for perfection."""
    windows = sum(len(each.windows) for each in series)
    raw = sum(file_score(each, flagged.get(each.name, ()), false_weight, missed_weight) for each in series)
    silent = -missed_weight * windows
    return 100 * (raw - silent) / (windows - silent)


def file_score(series: Labelled, flagged: Iterable[int], false_weight: float, missed_weight: float) -> float:
    """The sum over a file. In each window only the earliest point counts; points in the probation time don't."""
    share, most = PROBATION
    first = min(int(share * len(series.count)), most)
    points = sorted({int(each) for each in flagged if each >= first})
    total = 0.0
    for begin, end in series.windows:
        inside = next((each for each in points if begin <= each <= end), None)
        total += -missed_weight if inside is None else sigmoid(-(end - inside + 1) / (end - begin + 1)) / FULL
    outside = [each for each in points if not any(begin <= each <= end for begin, end in series.windows)]
    return total + false_weight * sum(_false(series, each) for each in outside)


def sigmoid(position: float) -> float:
    """From 1 at the left edge of a window (-1) by 0 at its right edge (0) to -1 far behind it."""
    return -1.0 if position > 3 else 2 / (1 + np.exp(5 * position)) - 1


def _false(series: Labelled, point: int) -> float:
    """Cost of a point outside: little just behind a window, in full elsewhere."""
    before = [(begin, end) for begin, end in series.windows if end < point]
    if not before:
        return -1.0
    begin, end = before[-1]
    return sigmoid((point - end) / (end - begin))


def _spread(series: Labelled) -> Ints:
    step = np.repeat(np.arange(len(series.count)), series.count)
    rank = np.arange(len(step)) - np.repeat(np.cumsum(series.count) - series.count, series.count)
    return series.start_ms + step * STEP_MS + ((rank + 0.5) * STEP_MS / series.count[step]).astype(np.int64)


def _flagged(series: list[Labelled], said: list[Alert], types: tuple[str, ...]) -> dict[str, Ints]:
    return {
        each.name: each.indices(
            thinned([at_ms(a) for a in said if a.type in types and a.scope.policy_id == each.name], REFRACTORY_MS)
        )
        for each in series
    }


def cells(name: str, series: list[Labelled], flagged: Mapping[str, Ints]) -> list[str]:
    """The three profiles, windows found, points flagged."""
    found = sum(
        bool(np.any((flagged[each.name] >= begin) & (flagged[each.name] <= end)))
        for each in series
        for begin, end in each.windows
    )
    total = sum(len(each.windows) for each in series)
    scores = [f"{score(series, flagged, *weights):.1f}" for weights in PROFILES.values()]
    return [name, *scores, f"{found}/{total}", str(sum(map(len, flagged.values())))]


def engine(series: list[Labelled], ruleset: Ruleset, name: str) -> list[list[str]]:
    """One row for trips, one for trips and warnings."""
    said = alerts(ruleset, history(series))
    trips, all_ = _flagged(series, said, TRIPS), _flagged(series, said, (*TRIPS, "breaker.warned"))
    return [cells(f"{name}: trips", series, trips), cells(f"{name}: trips and warnings", series, all_)]


def peers(series: list[Labelled]) -> list[list[str]]:
    """Each peer at the one threshold, for all files, that gives it the best standard score."""
    from tests.bench.peers import listed  # noqa: PLC0415 - the detector runs without what peers need

    rows = []
    for name, thresholds, steps in listed.ON_COUNTS:
        tried = [(_quiet(series, steps, threshold), threshold) for threshold in thresholds]
        flagged, best = max(tried, key=lambda each: score(series, each[0], *PROFILES["standard"]))
        rows.append(cells(f"{name} {best:g}", series, flagged))
    return rows


def _quiet(series: list[Labelled], steps: Callable[[Ints, float], Ints], threshold: float) -> dict[str, Ints]:
    every = {each.name: steps(each.count, threshold) for each in series}
    return {
        name: np.array(thinned(found * STEP_MS, REFRACTORY_MS), np.int64) // STEP_MS for name, found in every.items()
    }


def folder() -> Path | None:
    """Where the data lies, None where there is none."""
    beside = wikipedia_data.folder()
    found = beside.with_name("nab") if beside else None
    return found if found is not None and found.is_dir() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", action="store_true", help="all peers, too")
    add_settings(parser)
    asked, where = parser.parse_args(), folder()
    if where is None:
        raise SystemExit(ABSENT)
    from tests.bench.bed import conditions  # noqa: PLC0415 - brings what only a run needs

    print(conditions())
    series = files(where)
    rows = [row for name, ruleset in rulesets(SETTINGS, asked) for row in engine(series, ruleset, name)]
    rows += peers(series) if asked.peers else []
    print(table([["", *PROFILES, "windows", "points"], *rows]))


if __name__ == "__main__":
    main()
