"""The eighteen shapes of incidents and legitimate waves, with production's fold and the default settings, enforced.

Each shape runs with and without rule versions (and deploys), with every event once and twice, and in order of time or
with three in ten events ten minutes late. The policies of one run learn from four weeks of ordinary traffic; the seeds
of a run are policies of one fold, which do not touch each other.

`python -m tests.bench.shapes [--seeds 20] [--shape step --shape "12 "] [--plain] [--alerts]`
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Container, Iterable, Sequence
from statistics import median
from typing import Final, NamedTuple

import numpy as np
from msgspec.structs import replace
from scipy.stats import nbinom, poisson

from detector import events
from detector.engine.topics import TOPICS
from detector.policy import YEAR_S, PolicySettings, Ruleset, StreamSettings, UnknownPolicies
from tests.bench import shape_events as made
from tests.bench.shape_events import HOUR_MS, MINUTE_MS, START_MS, Heard, Rows, World
from tests.bench.shape_scenes import LIVE_MS, SHAPES, Scene, Shape

WEEKS: Final = 4
HISTORIES: Final = 2
"""Different pasts of each world that the seeds share; busy worlds have one."""
BUSY_PER_H: Final = 1000
LATE_MS: Final = 10 * MINUTE_MS
LATE_SHARE: Final = 0.3
LATENESS_S: Final = StreamSettings().lateness_s
BUDGET_H: Final = YEAR_S / 3600 / PolicySettings().false_trips_per_year
"""Hours in which a policy may trip falsely once."""
SLACK: Final = 1.3
"""Where theory needs longer than a shape's limit, this many times the bound."""
TRIPS: Final = ("breaker.opened", "breaker.reopened")
LOST: Final = ("silence", "stalled", "appeals_quiet")
"""Signals that may say that evidence is lost."""


class Variant(NamedTuple):
    """How a shape reaches the detector."""

    versions: bool
    twice: bool
    late: bool

    def __str__(self) -> str:
        return f"{'rule' if self.versions else '-':4} {'x2' if self.twice else 'x1'} {'late' if self.late else '-':4}"


VARIANTS: Final = tuple(Variant(*each) for each in itertools.product((True, False), (False, True), (False, True)))


class Verdict(NamedTuple):
    """What became of one seed. `delay_ms`: to what had to be said, None if it was not; `amiss`: what should not be."""

    delay_ms: int | None
    limit_ms: float
    amiss: tuple[str, ...]
    early: int
    wrongful: int
    bound_ms: float
    oracle: bool | None
    """Whether an oracle would have tripped in time, where it can be told: see `oracle_ms`."""

    @property
    def in_time(self) -> bool:
        return self.delay_ms is not None and self.delay_ms <= self.limit_ms


class Past(NamedTuple):
    """Trained state: table values of policies by world and history, what the partition needs, and later events."""

    stream: StreamSettings
    table: dict[bytes, bytes]
    policies: dict[tuple[World, int], bytes]
    tails: dict[tuple[World, int], Rows]
    position: tuple[int, int]


def ruleset(stream: StreamSettings) -> Ruleset:
    """The default settings, enforced."""
    return Ruleset(version="bench", stream=stream, unknown=UnknownPolicies(mode="enforce", cap=1000))


# --- the past ---------------------------------------------------------------------------------------------------------


def train(worlds: Iterable[World], weeks: int = WEEKS, lateness_s: float = LATENESS_S) -> Past:
    """Four weeks of ordinary traffic of each world, some different pasts of each."""
    keys = [(world, number) for world in worlds for number in range(_pasts(world))]
    known = made.names("")._replace(policies=[f"past-{code}" for code in range(len(keys))])
    pasts = [made.history(np.random.default_rng([7, n]), world, weeks) for n, (world, _) in enumerate(keys)]
    stream = StreamSettings(clock="events", lateness_s=lateness_s)
    feed = made.Feed(ruleset(stream), known)
    for week in range(-weeks, 0):
        parts = [next(past) for past in pasts]
        for code, part in enumerate(parts):
            part["policy"] = code
        hours = range(START_MS + week * made.WEEK_MS + HOUR_MS, START_MS + (week + 1) * made.WEEK_MS + 1, HOUR_MS)
        feed.run(made.arranged(np.concatenate(parts)), hours)
    feed.run(np.empty(0, made.EVENT), [LIVE_MS])
    saved = feed.fold.snapshot()
    stored = {key: value for _, key, value in saved.policies()}
    values = {key: stored.pop(b"policy/past-%d" % code) for code, key in enumerate(keys)}
    stored |= {key: value for _, key, value in saved.seals()}
    return Past(stream, stored, values, {key: next(past) for key, past in zip(keys, pasts, strict=True)}, feed.position)


def _pasts(world: World) -> int:
    return 1 if world.per_h > BUSY_PER_H else HISTORIES


# --- one run ----------------------------------------------------------------------------------------------------------


def run(shape: Shape, variant: Variant, seeds: int, past: Past, *, plain: bool = False) -> list[Verdict]:
    """All seeds of a shape in one variant, as policies of one fold."""
    scenes, heard = play(shape, variant, seeds, past, plain=plain)
    said: dict[str, list[Heard]] = {}
    for each in heard:
        said.setdefault(each.alert.scope.policy_id, []).append(each)
    return [judge(shape, variant, scene, said.get(f"p{seed}", [])) for seed, scene in enumerate(scenes)]


def play(
    shape: Shape, variant: Variant, seeds: int, past: Past, *, plain: bool = False
) -> tuple[list[Scene], list[Heard]]:
    """The scenes, and all that was said, in order."""
    world = shape.world._replace(versions=variant.versions, fields=not plain)
    known = made.names("")._replace(policies=[f"p{seed}" for seed in range(seeds)])
    table = dict(past.table)
    scenes, parts = list[Scene](), list[Rows]()
    for seed in range(seeds):
        key = (world, seed % _pasts(world))
        table[b"policy/p%d" % seed] = past.policies[key]
        chance = np.random.default_rng([seed, SHAPES.index(shape), variant.versions])
        scene = shape.draw(chance, world, seed)
        tail = past.tails[key]
        tail = tail[tail["time"] >= LIVE_MS]
        tail["event"] = made.identity(np.random.default_rng([seed, len(tail)]), len(tail))  # others have them, too
        due = np.concatenate([scene.events, tail])
        due = arriving(chance, due[due["time"] < scene.end_ms], variant)
        due["policy"] = seed
        scenes.append(scene)
        parts.append(due)
    stream = replace(past.stream, clock="log") if shape.live else past.stream
    feed = made.Feed.resumed(ruleset(stream), known, table, past.position)
    step_ms = MINUTE_MS if shape.live else 2 * MINUTE_MS if variant.late else HOUR_MS
    ends = range(LIVE_MS + step_ms, max(scene.end_ms for scene in scenes) + LATE_MS + step_ms, step_ms)
    heard = feed.run(made.arranged(np.concatenate(parts)), ends)
    told_by = [said._replace(at_ms=max(moment_ms(said.alert), said.at_ms - step_ms)) for said in heard]
    return scenes, told_by


def arriving(chance: np.random.Generator, due: Rows, variant: Variant) -> Rows:
    """When the events arrive, once or twice."""
    if variant.late:
        late = chance.random(len(due)) < LATE_SHARE
        due["arrives"][late] += LATE_MS + chance.integers(0, 30_000, late.sum())
    if not variant.twice:
        return due
    again = due.copy()
    again["arrives"] += chance.integers(0, 60_000, len(again))
    return np.concatenate([due, again])


def moment_ms(alert: events.Alert) -> int:
    """When the alert was due by event time."""
    return int(alert.detected_at.timestamp() * 1000)


# --- judging ----------------------------------------------------------------------------------------------------------


def judge(shape: Shape, variant: Variant, scene: Scene, heard: Sequence[Heard]) -> Verdict:
    """What must have been said, and what must not."""
    trips = [each for each in heard if each.alert.type in TRIPS]
    early = [each for each in trips if each.at_ms < scene.onset_ms]
    trips = [each for each in trips if scene.onset_ms <= each.at_ms]
    right, amiss = _sorted(shape, scene, trips, [each for each in heard if each.at_ms >= scene.onset_ms])
    first = min((each.at_ms for each in right), default=None)
    bound_ms = bound(scene, scene.phi or shape.world.phi)
    limit_ms = float(scene.until_ms - scene.onset_ms)
    if shape.must.startswith("trip") and bound_ms > limit_ms:
        limit_ms = SLACK * bound_ms
    before = scene.wrong["time"] < (scene.end_ms if first is None else first)
    delay_ms = None if first is None else first - scene.onset_ms
    names = tuple(each.alert.scope.id + " by " + _by(each.alert) for each in amiss)
    oracle = oracle_ms(scene) <= limit_ms if scene.phi == 1.0 else None
    return Verdict(delay_ms, limit_ms, names, len(early), int(before.sum()), bound_ms, oracle)


def _sorted(shape: Shape, scene: Scene, trips: list[Heard], heard: list[Heard]) -> tuple[list[Heard], list[Heard]]:
    """What meets the shape's demand, and which trips it forbids."""
    if shape.must in {"trip rule", "trip scope"} and scene.narrow:
        return (
            [each for each in trips if each.alert.scope.value in scene.narrow],
            [each for each in trips if each.alert.scope.value not in scene.narrow and each.at_ms <= scene.until_ms],
        )
    if shape.must == "trip or warn":
        return [each for each in heard if each in trips or _is_of(each, TOPICS["aftermath"])], []
    if shape.must.startswith("trip"):
        return trips, []
    if shape.must == "warn":
        return [each for each in heard if _is_of(each, LOST)], trips
    return [], trips


def _is_of(heard: Heard, signals: Container[str]) -> bool:
    return any(one.signal in signals for one in heard.alert.evidence)


def _by(alert: events.Alert) -> str:
    return "+".join(one.signal for one in alert.evidence)


def bound(scene: Scene, phi: float) -> float:
    """The least delay, ms, that any detector of the volume alone can promise (0: volume is not the point).

    `ln(A I0) / I1` with `A` the policy's whole budget of false trips; for a changing excess, when the information
    gathered minute by minute reaches `ln(A I0)`. Information is that of gamma-Poisson counts of minutes.
    """
    if not len(scene.excess):
        return 0.0
    known = np.unique(np.linspace(0, len(scene.excess) - 1, 60).astype(int))
    usual, ratio = scene.usual_per_h[known] / 60 * scene.share, 1 + scene.excess[known] / scene.share
    gain = np.interp(np.arange(len(scene.excess)), known, _divergence(ratio * usual, usual, phi))
    speed = np.interp(np.arange(len(scene.excess)), known, _divergence(usual, ratio * usual, phi)) * 60
    gathered, needed = np.cumsum(gain), np.log(np.maximum(BUDGET_H * speed, np.e))
    enough = np.flatnonzero(gathered >= needed)
    return float((enough[0] + 1) * MINUTE_MS) if len(enough) else np.inf


def oracle_ms(scene: Scene) -> float:
    """When a detector trips that knows what is usual and what comes, and has the policy's whole budget for it alone.

    For scenes whose `wrong` actions are all that is counted, Poisson: the Shiryaev-Roberts statistic of their minutes.
    """
    ratio, level = 1 + scene.excess, 0.0
    count = np.bincount((scene.wrong["time"] - scene.onset_ms) // MINUTE_MS, minlength=len(ratio))[: len(ratio)]
    bets = count * np.log(ratio) - scene.usual_per_h / 60 * scene.excess
    for minute, bet in enumerate(bets.tolist()):
        level = (level + 1 / 60) * np.exp(bet)
        if level >= BUDGET_H:
            return float((minute + 1) * MINUTE_MS)
    return np.inf


def _divergence(of: made.Floats, to: made.Floats, phi: float) -> made.Floats:
    """Kullback-Leibler divergence of gamma-Poisson counts of these means and dispersion `phi`."""
    most = int(max(of.max(), to.max()) + 12 * np.sqrt(phi * max(of.max(), to.max())) + 30 * phi)
    n = np.arange(most)[:, None]
    if phi > 1:
        p, q = (nbinom.logpmf(n, mean / (phi - 1), 1 / phi) for mean in (of, to))
    else:
        p, q = poisson.logpmf(n, of), poisson.logpmf(n, to)
    found: made.Floats = np.where(np.exp(p) > 0, np.exp(p) * (p - q), 0.0).sum(axis=0)
    return found


# --- printing ---------------------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """One shape in one variant over all seeds."""

    shape: Shape
    variant: Variant
    found: list[Verdict]

    @property
    def good(self) -> float:
        """Share of seeds in which all went as it must."""
        must = self.shape.must
        return sum(not each.amiss and (must == "not" or each.in_time) for each in self.found) / len(self.found)

    @property
    def oracle(self) -> str:
        """In how many seeds an oracle is in time, where it can be told."""
        told = [each.oracle for each in self.found if each.oracle is not None]
        return f"{sum(told)}/{len(told)}" if told else "-"

    @property
    def passes(self) -> bool:
        """At least 95 % where something must be said; none in a hundred where nothing must."""
        return self.good >= (0.99 if self.shape.must == "not" else 0.95)

    def __str__(self) -> str:
        delays = [each.delay_ms for each in self.found if each.delay_ms is not None]
        bounds = [each.bound_ms for each in self.found if each.bound_ms]
        ratios = [each.delay_ms / each.bound_ms for each in self.found if each.bound_ms and each.delay_ms is not None]
        in_time, amiss = sum(each.in_time for each in self.found), sum(bool(each.amiss) for each in self.found)
        must = self.shape.must != "not"
        return (
            f"{self.shape.name:18} {self.shape.must:12} {self.variant}"
            f" {f'{in_time}/{len(self.found)}' if must else '':>6} {amiss:>6} {sum(e.early for e in self.found):>5}"
            f" {_span(median(delays)) if delays and must else '-':>8}"
            f" {_span(median(bounds)) if bounds and must else '-':>8}"
            f" {f'{median(ratios):.2f}' if ratios and must else '-':>6}"
            f" {median(each.wrongful for each in self.found):>8.0f} {self.oracle:>6}"
            f"  {'ok' if self.passes else 'FAILS'}"
        )


HEAD: Final = (
    f"{'shape':18} {'must':12} {'variant':12} {'in time':>6} {'amiss':>5} {'early':>5} {'delay':>8} {'bound':>8}"
    f" {'ratio':>6} {'wrongful':>8} {'oracle':>6}"
)


def _span(ms: float) -> str:
    minutes = ms / MINUTE_MS
    return "never" if not np.isfinite(ms) else f"{minutes:.1f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def chosen(asked: Sequence[str]) -> list[Shape]:
    """Shapes whose name begins with, or contains, one of the words; all without any."""
    return [shape for shape in SHAPES if not asked or any(f" {word}" in f" {shape.name} " for word in asked)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--weeks", type=int, default=WEEKS, help="of ordinary traffic to learn from")
    parser.add_argument("--shape", action="append", default=[], help="its number, or a word of its name")
    parser.add_argument("--variant", action="append", default=[], help='as printed: "rule x1 -"')
    parser.add_argument("--lateness", type=float, default=LATENESS_S, help="of the policy file, seconds")
    parser.add_argument("--plain", action="store_true", help="without tenure, age of content and prior actions")
    parser.add_argument("--alerts", action="store_true", help="show what was said")
    asked = parser.parse_args()
    shapes, began_s = chosen(asked.shape), time.monotonic()
    variants = [each for each in VARIANTS if not asked.variant or str(each).split() in map(str.split, asked.variant)]
    plain = {"fields": not asked.plain}
    worlds = dict.fromkeys(
        shape.world._replace(versions=variant.versions, **plain) for shape in shapes for variant in variants
    )
    past = train(worlds, asked.weeks, asked.lateness)
    print(f"{len(worlds)} worlds learned in {time.monotonic() - began_s:.0f} s\n{HEAD}", flush=True)
    lines = []
    for shape, variant in itertools.product(shapes, variants):
        if asked.alerts:
            _show(*play(shape, variant, asked.seeds, past, plain=asked.plain))
        lines.append(Line(shape, variant, run(shape, variant, asked.seeds, past, plain=asked.plain)))
        print(lines[-1], flush=True)
    _sum(lines)
    print(f"{sum(line.passes for line in lines)} of {len(lines)} pass; {time.monotonic() - began_s:.0f} s")


def _sum(lines: Iterable[Line]) -> None:
    """What was amiss, most often first."""
    found: dict[str, int] = {}
    for line in lines:
        for words in itertools.chain.from_iterable(each.amiss for each in line.found):
            _, _, rest = words.partition("|")
            key = f"{line.shape.name}: {rest or words.partition(' ')[2]}"
            found[key] = found.get(key, 0) + 1
    for key, count in sorted(found.items(), key=lambda item: -item[1])[:20]:
        print(f"  {count:4} x amiss {key}")


def _show(scenes: list[Scene], heard: list[Heard]) -> None:
    for number, scene in enumerate(scenes):
        for each in heard:
            if each.alert.scope.policy_id == f"p{number}":
                after = (each.at_ms - scene.onset_ms) / MINUTE_MS
                print(f"  {after:8.1f} min {each.alert.type[8:]:11} {each.alert.scope.id:28} {each.alert.reason}")


if __name__ == "__main__":
    main()
