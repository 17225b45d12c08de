"""Labelled bad rules of English Wikipedia, 2009 to 2012: the production engine and its peers, scored alike.

One policy file for all filters (`wikipedia.policies.yaml`); the rule of the score is in `scoring.py`.
`--deploys-hidden` withholds edits and rule versions. `--policies 15`: filters with incidents and 15 others at random,
for quick trials.

`python -m tests.bench.wikipedia_all [--deploys-hidden] [--peers] [--years 2009-2012] [--policies N | ID,ID,...]
[--set KEY=VALUE] [--sweep KEY=VALUE,VALUE,...] [--alerts OUT.ndjson] [--no-engine]`
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import msgspec

from detector.events import Alert
from detector.policy import Ruleset
from tests.bench import scoring, wikipedia_columns
from tests.bench import wikipedia_data as data
from tests.bench.harness import add_settings, rulesets, table, utc
from tests.bench.history import TRIPS, History, alerts, at_ms, trips
from tests.bench.peers.series import Series
from tests.bench.scoring import Incident, Score, scored

POLICY_FILE = Path(__file__).with_name("wikipedia.policies.yaml")
SEED = 1
HEAD = ["", "found", "of all", "delay min", "wrongful", "avoided", "others/y", "warnings/y", "CPU s"]


class Run(NamedTuple):
    """What one detector came to; the engine's alerts."""

    name: str
    score: Score
    cpu_s: float
    said: list[Alert]

    def cells(self) -> list[str]:
        warned = sum(each.type == "breaker.warned" for each in self.said)
        warnings = f"{warned / self.score.years:.2f}" if self.said else "-"
        return [self.name, *self.score.cells(), warnings, f"{self.cpu_s:.0f}"]


class Bench(NamedTuple):
    """A history, its labels, and what peers see of it."""

    history: History
    incidents: list[Incident]
    series: dict[str, Series]

    def engine(self, ruleset: Ruleset, name: str) -> Run:
        began_s = time.process_time()
        said = alerts(ruleset, self.history)
        took_s = time.process_time() - began_s
        counted = [each for each in said if len(self.series[each.scope.policy_id].time_ms) >= scoring.FEWEST_EVENTS]
        return Run(name, scored(trips(said), self.incidents, self.series), took_s, counted)

    def peers(self) -> list[Run]:
        from tests.bench.peers.listed import PEERS  # noqa: PLC0415 - the detector runs without what peers need

        return [self.peer(*each) for each in PEERS]

    def peer(self, name, peer, refractory_ms) -> Run:
        began_s = time.process_time()
        said = {policy: peer(series) for policy, series in self.series.items()}
        took_s = time.process_time() - began_s
        return Run(name, scored(said, self.incidents, self.series, refractory_ms), took_s, [])


def bench(folder: Path, years: tuple[int, int], chosen: str | None, *, hidden: bool) -> Bench:
    """The data asked for. `chosen`: comma-separated filters, or how many at random beside those with incidents."""
    from_ms, to_ms = (wikipedia_columns.ms(f"{year}-01-01") for year in (years[0], years[1] + 1))
    history = wikipedia_columns.history(folder).between(from_ms, to_ms)
    labelled = [each for each in wikipedia_columns.incidents(folder) if from_ms <= each.onset_ms < to_ms]
    if hidden:
        history = wikipedia_columns.blind(history)
    if chosen:
        ids = _chosen(chosen, labelled, history)
        history, labelled = history.of(ids), [each for each in labelled if each.policy_id in ids]
    return Bench(history, labelled, history.series())


def details(run: Run) -> str:
    """Each incident in a line, then the other trips by policy."""
    return "\n".join([*map(_incident, run.score.incidents), *_others(run)])


def _chosen(chosen: str, labelled: list[Incident], history: History) -> set[str]:
    if "," in chosen or not chosen.isdigit():
        return set(filter(None, chosen.split(",")))
    own = {each.policy_id for each in labelled}
    rest = sorted(set(history.series()) - own)
    return own | set(random.Random(SEED).sample(rest, min(int(chosen), len(rest))))


def _incident(found: scoring.Found) -> str:
    incident = found.incident
    what = (
        f"filter {incident.policy_id:>4} {utc(incident.onset_ms)} to {utc(incident.fixed_ms)}, {incident.hits:3} hits"
    )
    note = "" if found.counted else " (filter has too few events to count)"
    if found.trip_ms is None:
        return f"{what}: missed{note}"
    delay_min = found.delay_ms / 60_000
    return f"{what}: tripped after {delay_min:.1f} min, {found.before} wrongful, {found.avoided} avoided{note}"


def _others(run: Run) -> list[str]:
    """Other trips by policy, most first; with the reason where the detector gave one."""
    reasons = {(each.scope.policy_id, at_ms(each)): each.reason for each in run.said if each.type in TRIPS}
    lines = []
    for policy, number in Counter(policy for policy, _ in run.score.others).most_common():
        lines.append(f"filter {policy}: {number} other trips")
        lines += [
            f"    {utc(time_ms)} {reasons.get((policy, time_ms), '')}"
            for each, time_ms in run.score.others
            if each == policy
        ]
    return lines


def _runs(asked: argparse.Namespace, what: Bench) -> list[Run]:
    settings = [] if asked.no_engine else rulesets(POLICY_FILE.read_text(), asked)
    runs = [what.engine(ruleset, name) for name, ruleset in settings]
    return runs + (what.peers() if asked.peers or asked.no_engine else [])


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deploys-hidden", action="store_true", help="without edits and rule versions")
    parser.add_argument("--peers", action="store_true", help="all peers, too")
    parser.add_argument("--no-engine", action="store_true", help="peers alone")
    parser.add_argument("--years", default="2009-2012", help="first and last, or one")
    parser.add_argument(
        "--policies", help="comma-separated filters, or a number: those with incidents and so many more"
    )
    add_settings(parser)
    parser.add_argument("--alerts", type=Path, help="write the alerts of the last engine's run, a line each")
    return parser.parse_args()


def main() -> None:
    asked, folder = _asked(), data.folder()
    if folder is None:
        raise SystemExit(data.ABSENT)
    first, _, last = asked.years.partition("-")
    what = bench(folder, (int(first), int(last or first)), asked.policies, hidden=asked.deploys_hidden)
    from tests.bench.bed import conditions  # noqa: PLC0415 - brings what only a run needs

    print(conditions())
    runs = _runs(asked, what)
    wrongful = sum(each.incident.hits for each in runs[0].score.incidents if each.counted)
    print(
        f"{len(what.history):,} events, {runs[0].score.policies} policies with {scoring.FEWEST_EVENTS} events or more,"
    )
    print(f"{runs[0].score.years:.1f} policy-years, {wrongful:,} wrongful actions in their incidents\n")
    print(table([HEAD, *(run.cells() for run in runs)]))
    print("\nAvoided, if a trip finds an incident however soon after another trip:")
    print("; ".join(f"{run.name} {run.score.avoided_anyhow:,}" for run in runs))
    for run in runs:
        if run.said:
            print(f"\n{run.name}\n{details(run)}")
    if asked.alerts:
        asked.alerts.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in runs[0].said))


if __name__ == "__main__":
    main()
