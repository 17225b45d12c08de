"""Steps, ramps and pulses of Poisson and gamma-Poisson streams: our evidence beside an oracle and the theory's bound.

Delay of a trip after a step, in operation (after 300 ordinary events) and from rest: ours with the line that guarantees
a mean time between false trips of at least `A`, the oracle's with the line that a simulation finds to give it
exactly `A`. The oracle is a CUSUM that knows the rate, the ratio and the dispersion (Page, 1954; exactly optimal by
Moustakides, 1986). The bound is `ln(A I0) / I1`.

A step under dispersion can mean two things: more clusters of the same size (`more`: variance stays `phi` times the
mean), or as many clusters, each larger (`larger`: the gamma noise is multiplied with the rate).

`python -m tests.bench.steps [--quick] [--streams 600]`
"""

from __future__ import annotations

import argparse
import time
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from detector.engine.links import POLICY_WEIGHT
from detector.policy import Ruleset, StreamSettings, UnknownPolicies
from detector.stats import evidence
from tests.bench import shape_events as made

Floats = NDArray[np.float64]
Kind = Literal["more", "larger"]

BUCKET_H: Final = 5 / 3600
EVENTS: Final = 1e5
"""The line `A`, in events due: the time in which the baseline brings so many."""
ORDINARY_EVENTS: Final = 300
"""What the baseline brings before a step in operation; streams that alarm meanwhile are left out."""
RATIOS: Final = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
PHIS: Final = (1.0, 2.0, 5.0, 20.0)
PER_H: Final = (1.0, 10.0, 100.0, 1000.0, 10_000.0)


class Stream(NamedTuple):
    """A stream of `per_h` events with dispersion `phi`, watched in buckets; it may step to `ratio` times its rate."""

    per_h: float
    phi: float
    ratio: float
    kind: Kind = "more"

    @property
    def width_h(self) -> float:
        """Production's buckets, or as many as four an event where they would nearly all be empty (the same numbers)."""
        return max(BUCKET_H, 0.25 / (self.per_h * self.ratio))

    @property
    def mean(self) -> float:
        return self.per_h * self.width_h

    def draw(self, chance: np.random.Generator, factor: float | Floats, size: int) -> Floats:
        """Counts of a bucket in `size` streams at `factor` times the baseline."""
        if self.phi == 1:
            return chance.poisson(factor * self.mean, size).astype(float)
        r, scale = self.mean / (self.phi - 1), self.phi - 1
        lively = chance.gamma(factor * r, scale, size) if self.kind == "more" else factor * chance.gamma(r, scale, size)
        return chance.poisson(lively).astype(float)

    def gain(self, n: Floats) -> Floats:
        """Log-likelihood ratio of a bucket with `n` events, after the step against before."""
        mean, ratio, extra = self.mean, self.ratio, self.phi - 1
        if not extra:
            return n * np.log(ratio) - (ratio - 1) * mean
        if self.kind == "larger":
            gain = np.log(ratio * self.phi / (1 + ratio * extra))
            return n * gain - np.log((1 + ratio * extra) / self.phi) * mean / extra
        r = mean / extra
        clusters = gammaln(n + ratio * r) - gammaln(ratio * r) - gammaln(n + r) + gammaln(r)
        found: Floats = clusters - (ratio - 1) * r * np.log(self.phi)
        return found

    def bound_h(self, line_h: float, chance: np.random.Generator) -> float:
        """`ln(A I0) / I1`, hours; the informations by simulation."""
        before, after = (self.gain(self.draw(chance, factor, 400_000)).mean() for factor in (1.0, self.ratio))
        return float(np.log(max(np.e, line_h * -before / self.width_h)) / after * self.width_h)


# --- ours -------------------------------------------------------------------------------------------------------------


def ours_h(stream: Stream, line_h: float, factors: Floats, size: int, chance: np.random.Generator) -> Floats:
    """Hours to the trip of each of `size` streams, whose rate is `factors` (a bucket each, the last for ever) times
    the baseline's; infinite where a stream needs longer than a generous cap."""
    state, live = np.zeros((size, len(evidence.RATIOS))), np.arange(size)
    found, most = np.full(size, np.inf), int(40 * line_h / stream.width_h)
    for bucket in range(most):
        n = stream.draw(chance, float(factors[min(bucket, len(factors) - 1)]), len(live))
        rate, phi = np.full(len(live), stream.per_h), np.full(len(live), stream.phi)
        factor, offset = evidence.moves(n, np.zeros(len(live)), rate, phi, stream.width_h)
        state = state * factor + offset
        speaks = evidence.strength(state, np.full(len(live), line_h)) >= 1
        if speaks.any():
            found[live[speaks]] = (bucket + 1) * stream.width_h
            state, live = state[~speaks], live[~speaks]
            if not len(live):
                break
    return found


# --- the oracle -------------------------------------------------------------------------------------------------------


def oracle_line(stream: Stream, line_h: float, chance: np.random.Generator, size: int = 4000) -> float:
    """The CUSUM's line whose mean time between false alarms is `line_h`, or the next above it: counts are whole.

    A CUSUM that leaves zero either returns or alarms; the mean time is that of such an excursion over its chance to
    alarm (Siegmund, 1985, chapter 2). The chance is found under the stepped stream, weighted by the likelihood ratio.
    So many begin that about `size` leave zero: one in a hundred does where events come in clusters.
    """
    leaves = (stream.gain(stream.draw(chance, stream.ratio, 100_000)) > 0).mean()
    seed, size = int(chance.integers(2**31)), int(size / leaves)
    low, high = 0.0, np.log(line_h / stream.width_h) + 5
    stay = _excursion_buckets(stream, chance, 5 * size)
    for _ in range(12):
        middle = (low + high) / 2
        chance_to_alarm = _chance_to_alarm(stream, middle, np.random.default_rng(seed), size)
        if stay * stream.width_h < line_h * chance_to_alarm:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _excursion_buckets(stream: Stream, chance: np.random.Generator, size: int) -> float:
    """Mean buckets from zero back to zero, in control."""
    level, total = np.zeros(size), 0
    while len(level):
        total += len(level)
        level = level + stream.gain(stream.draw(chance, 1.0, len(level)))
        level = level[level > 0]
    return total / size


def _chance_to_alarm(stream: Stream, line: float, chance: np.random.Generator, size: int) -> float:
    level, found = np.zeros(size), 0.0
    while len(level):
        level = level + stream.gain(stream.draw(chance, stream.ratio, len(level)))
        found += np.exp(-level[level >= line]).sum()
        level = level[(level > 0) & (level < line)]
    return found / size


def oracle_h(stream: Stream, line: float, factors: Floats, size: int, chance: np.random.Generator, most: int) -> Floats:
    """Hours to the alarm of each stream."""
    level, live, found = np.zeros(size), np.arange(size), np.full(size, np.inf)
    for bucket in range(most):
        factor = float(factors[min(bucket, len(factors) - 1)])
        level = np.maximum(0, level + stream.gain(stream.draw(chance, factor, len(live))))
        speaks = level >= line
        if speaks.any():
            found[live[speaks]] = (bucket + 1) * stream.width_h
            level, live = level[~speaks], live[~speaks]
            if not len(live):
                break
    return found


# --- tables -----------------------------------------------------------------------------------------------------------


class Step(NamedTuple):
    """Mean hours to a trip after a step; `rest_ratio`: ours over the oracle's where both begin with the step."""

    stream: Stream
    ours_h: float
    oracle_h: float
    bound_h: float
    rest_ratio: float

    def __str__(self) -> str:
        s = self.stream
        events = self.ours_h * s.per_h * s.ratio
        return (
            f"{s.per_h:8g} {s.phi:4g} {s.kind if s.phi > 1 else '':7} {s.ratio:6g} {events:9.1f} {self.ours_h:10.4g}"
            f" {self.oracle_h:10.4g} {self.ours_h / self.oracle_h:7.2f} {self.ours_h / self.bound_h:7.2f}"
            f" {self.rest_ratio:9.2f}"
        )


HEAD: Final = (
    f"{'per_h':>8} {'phi':>4} {'step':7} {'ratio':>6} {'events':>9} {'ours h':>10} {'oracle h':>10} {'/oracle':>7}"
    f" {'/bound':>7} {'from rest':>9}"
)


def step(stream: Stream, size: int, seed: int) -> Step:
    """Our mean delay, the oracle's, and the bound, all for the same mean time between false trips."""
    chance, line_h = np.random.default_rng(seed), EVENTS / stream.per_h
    line = oracle_line(stream, line_h, chance)
    ours_h, oracle_h_ = _delays(stream, line_h, line, ORDINARY_EVENTS, size, chance)
    rest = _delays(stream, line_h, line, 0, size, chance)
    return Step(stream, ours_h, oracle_h_, stream.bound_h(line_h, chance), rest[0] / rest[1])


def _delays(
    stream: Stream, line_h: float, line: float, ordinary: int, size: int, chance: np.random.Generator
) -> tuple[float, float]:
    """Mean hours from a step behind the time of `ordinary` events to our trip, and to the oracle's."""
    before = int(ordinary / stream.mean)
    factors, most = np.append(np.ones(before), stream.ratio), int(40 * line_h / stream.width_h)
    found = (
        ours_h(stream, line_h, factors, size, chance),
        oracle_h(stream, line, factors, size, chance, most),
    )
    ours, oracle = (times[times > before * stream.width_h].mean() - before * stream.width_h for times in found)
    return float(ours), float(oracle)


def between_false_trips(phi: float, events: float, size: int, seed: int, *, hourly: bool = False) -> float:
    """Our mean time between false trips over the line, where the baseline brings `events` in the line's time.

    `hourly`: the gamma noise holds for a whole hour (of ten events), not for a bucket.
    """
    chance, per_h = np.random.default_rng(seed), 10.0
    stream, line_h = Stream(per_h, phi, 4.0), events / per_h
    if not hourly:
        return float(ours_h(stream, line_h, np.array([1.0]), size, chance).mean()) / line_h
    lively = Stream(per_h, 1.0, 4.0)
    state, live, found = np.zeros((size, len(evidence.RATIOS))), np.arange(size), np.full(size, np.inf)
    each_h = round(1 / stream.width_h)
    for bucket in range(int(40 * line_h / stream.width_h)):
        if bucket % each_h == 0:
            noise = chance.gamma(per_h / (phi - 1), (phi - 1) / per_h, size) if phi > 1 else np.ones(size)
        n = chance.poisson(noise[live] * lively.mean).astype(float)
        factor, offset = evidence.moves(
            n, np.zeros(len(live)), np.full(len(live), per_h), np.full(len(live), phi), stream.width_h
        )
        state = state * factor + offset
        speaks = evidence.strength(state, np.full(len(live), line_h)) >= 1
        found[live[speaks]] = (bucket + 1) * stream.width_h
        state, live = state[~speaks], live[~speaks]
        if not len(live):
            break
    return float(found.mean()) / line_h


def shaped(stream: Stream, factors: Floats, size: int, seed: int) -> tuple[float, float, float, float]:
    """Share found while `factors` last (the last is dropped), and the median hours: ours, then the oracle's."""
    chance, line_h = np.random.default_rng(seed), EVENTS / stream.per_h
    line, most = oracle_line(stream, line_h, chance), len(factors)
    ours = ours_h(stream, line_h, factors, size, chance)
    oracle = oracle_h(stream, line, factors, size, chance, most)
    ours[ours > most * stream.width_h] = np.inf
    return (
        float(np.isfinite(ours).mean()),
        float(np.median(ours)),
        float(np.isfinite(oracle).mean()),
        float(np.median(oracle)),
    )


def false_warnings(phi: float, swing: float, *, policies: int, days: int, seed: int) -> tuple[float, float]:
    """Warnings by volume per policy-year that the fold gives on ordinary streams, in their last half; and the budget.

    The budget is the largest that a file may set, so that something can be counted in `days`.
    """
    per_year = 1000.0
    unknown = UnknownPolicies(mode="enforce", cap=policies, false_warnings_per_year=per_year)
    rules = Ruleset(version="bench", stream=StreamSettings(clock="events"), unknown=unknown)
    world, chance = made.World(10.0, phi, swing, versions=False, fields=False), np.random.default_rng(seed)
    start_ms = made.START_MS - days * made.DAY_MS
    parts = [made.ordinary(chance, world, start_ms, made.START_MS) for _ in range(policies)]
    for code, part in enumerate(parts):
        part["policy"], part["region"], part["client"], part["action_type"] = code, 0, 0, 0
    feed = made.Feed(rules, made.names("")._replace(policies=[f"policy-{code}" for code in range(policies)]))
    ends = range(start_ms + made.HOUR_MS, made.START_MS + 1, made.HOUR_MS)
    heard = feed.run(made.arranged(np.concatenate(parts)), ends)
    half_ms = made.START_MS - days * made.DAY_MS // 2
    said = [each for each in heard if each.at_ms > half_ms and each.alert.type == "breaker.warned"]
    by_volume = sum(any(one.signal == "volume" for one in each.alert.evidence) for each in said)
    return by_volume / (policies * days / 2 / 365.25), per_year * POLICY_WEIGHT


def ramp(stream: Stream, hours: float) -> Floats:
    """Factors that rise from 1 to the stream's ratio within `hours` and stay there twenty times as long."""
    buckets = max(1, int(hours / stream.width_h))
    return np.concatenate([np.linspace(1, stream.ratio, buckets), np.full(20 * buckets, stream.ratio)])


def pulse(stream: Stream, hours: float) -> Floats:
    """The stream's ratio for `hours`, then the baseline as long again."""
    buckets = max(1, int(hours / stream.width_h))
    return np.concatenate([np.full(buckets, stream.ratio), np.ones(buckets)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer streams")
    parser.add_argument("--streams", type=int, default=600, help="of each kind; 600 give means within 4 %%")
    asked, began_s = parser.parse_args(), time.monotonic()
    size = 150 if asked.quick else asked.streams
    print(f"Steps; A = the time of {EVENTS:g} events\n{HEAD}", flush=True)
    kinds: list[tuple[float, float, Kind]] = [(per_h, 1.0, "larger") for per_h in PER_H]
    kinds += [(per_h, phi, "larger") for per_h in (100.0, 10_000.0) for phi in PHIS[1:]]
    kinds += [(100.0, phi, "more") for phi in PHIS[1:]]
    streams = [Stream(per_h, phi, ratio, kind) for per_h, phi, kind in kinds for ratio in RATIOS]
    steps = []
    for number, stream in enumerate(streams):
        steps.append(step(stream, size, number))
        print(steps[-1], flush=True)
    worst = max(steps, key=lambda each: each.ours_h / each.oracle_h)
    print(f"worst against the oracle: {worst.ours_h / worst.oracle_h:.2f} at {worst.stream}\n")
    print("Mean time between false trips over the configured one\n  phi  events   bucket noise  hourly noise")
    for phi in PHIS:
        for events in (1e3,) if asked.quick else (1e3, 1e4):
            measured = [between_false_trips(phi, events, size // 3, 5, hourly=hourly) for hourly in (False, True)]
            print(f"{phi:5g} {events:7g} {measured[0]:14.2f} {measured[1]:13.2f}", flush=True)
    print("\nThe whole fold on ordinary streams of 10/h: warnings by volume per policy-year, and the budget")
    for phi, swing in ((1.0, 0.0), (5.0, 0.0), (1.0, 0.5)):
        said, asked_for = false_warnings(phi, swing, policies=50, days=14 if asked.quick else 56, seed=3)
        print(f"phi {phi:g}, daily swing {swing:g}: {said:.0f} of {asked_for:.0f}", flush=True)
    print("\nRamps and pulses: found, median hours (ours / oracle that knows the top)")
    for name, shape in (("ramp", ramp), ("pulse", pulse)):
        for phi, ratio, hours in ((1.0, 2.0, 5.0), (1.0, 5.0, 0.5), (2.0, 5.0, 0.5), (5.0, 10.0, 0.5)):
            stream = Stream(100.0, phi, ratio, "larger")
            found = shaped(stream, shape(stream, hours), size // 2, 9)
            print(
                f"{name:5} of {hours:g} h to x{ratio:g}, phi {phi:g}: {found[0]:.0%} {found[1]:.3g} h /"
                f" {found[2]:.0%} {found[3]:.3g} h",
                flush=True,
            )
    print(f"{time.monotonic() - began_s:.0f} s")


if __name__ == "__main__":
    main()
