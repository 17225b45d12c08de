"""Outbreaks in weekly counts: the 42 scenarios of Noufaily et al. 2013 (doi 10.1002/sim.5595).

`python -m tests.bench.noufaily [--replicates 24] [--seed 7] [--drawn] [--without-farrington]`

Seven kinds of series (mean 0.1 to 1,000 a week, dispersion 1 to 5), with and without a trend, with no, one or two
seasonal waves; 624 weeks, of which the last 49 are judged, each by the weeks before it. Four outbreaks lie in weeks 313
to 575 and spoil the baseline, one begins in the judged weeks.

FPR: alarmed among the weeks outside the outbreak (its first to its last case). POD: outbreaks with an alarm within. An
outbreak that drew no case counts as missed. "Tuned" rows move one number for all scenarios until the FPR is 0.99 %.
`--drawn` takes seven other kinds of series, drawn at random from the range of the paper's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.bench.peers import farrington, surveillance
from tests.bench.weekly import excess, gamma_poisson, regression

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

KINDS = (  # theta, beta with trend, gamma1, gamma2, phi: clusters A to G
    (0.1, 0.0025, 0.6, 0.6, 1.5),
    (-2.0, 0.005, 0.1, 0.3, 2.0),
    (1.5, 0.003, 0.2, -0.4, 1.0),
    (0.5, 0.002, 0.5, 0.5, 5.0),
    (2.5, 0.001, 1.0, 0.1, 3.0),
    (3.75, 0.001, 0.1, -0.1, 1.1),
    (5.0, 0.0001, 0.05, 0.01, 1.2),
)
RANGES = ((-2.0, 5.0), (0.0001, 0.005), (-1.0, 1.0), (-0.6, 0.6), (1.0, 5.0))
YEAR, WEEKS, SPOILED_FROM, JUDGED_FROM = 52, 624, 312, 575
PAST_SIZES, SIZES = (2, 3, 5, 10), range(1, 11)
SHOWN_SIZES = (2, 4, 6, 8, 10)
SPREAD = 0.5
FPR = 0.0099


class Series(NamedTuple):
    """One row each: counts, cases of the outbreak to be found, true means by week, dispersion, scenario, size."""

    counts: Ints
    outbreak: Ints
    mean: Floats
    phi: Floats
    scenario: Ints
    size: Ints


class Score(NamedTuple):
    fpr: float
    worst_fpr: float
    pod: float
    pod_at_once: float
    ppv: float
    by_size: list[float]


def drawn_kinds(seed: int) -> tuple[tuple[float, ...], ...]:
    """Seven kinds within `RANGES`; busy ones don't also grow tenfold."""
    rng = np.random.default_rng([seed, 1])
    kinds = [[float(rng.uniform(*span)) for span in RANGES] for _ in KINDS]
    return tuple((theta, beta * min(1.0, 2.0 / max(theta, 2.0)), *rest) for theta, beta, *rest in kinds)


def scenarios(kinds: tuple[tuple[float, ...], ...] = KINDS) -> Iterator[tuple[Floats, float]]:
    """True weekly means and dispersion: kind by kind, without trend and with it, with 0, 1 and 2 waves."""
    week = np.arange(1, WEEKS + 1)
    for theta, beta, cosine, sine, phi in kinds:
        for slope in (0.0, beta):
            for waves in range(3):
                turns = [2 * np.pi * j * week / YEAR for j in range(1, waves + 1)]
                season = sum((cosine * np.cos(turn) + sine * np.sin(turn) for turn in turns), np.zeros(WEEKS))
                yield np.exp(theta + slope * week + season), phi


def draw(rng: np.random.Generator, mean: Floats, phi: float) -> Ints:
    """Poisson for `phi` 1, else negative binomial with variance `phi` times the mean."""
    return rng.poisson(mean) if phi == 1 else rng.negative_binomial(mean / (phi - 1), 1 / phi)


def outbreak(rng: np.random.Generator, deviation: Floats, first: int, size: int) -> Ints:
    """Cases a week of an outbreak of `size` standard deviations from week `first` on; later than the data are lost."""
    cases = rng.poisson(size * deviation[first])
    weeks = first + np.floor(rng.lognormal(0.0, SPREAD, cases)).astype(np.int64)
    return np.bincount(weeks[weeks < WEEKS], minlength=WEEKS)


def generate(replicates: int, seed: int, kinds: tuple[tuple[float, ...], ...] = KINDS) -> Series:
    """All scenarios, `replicates` times each."""
    rng, rows = np.random.default_rng(seed), []
    for number, (mean, phi) in enumerate(scenarios(kinds)):
        deviation = np.sqrt(phi * mean)
        for _ in range(replicates):
            counts = draw(rng, mean, phi)
            for _ in range(4):
                counts = counts + outbreak(
                    rng, deviation, int(rng.integers(SPOILED_FROM, JUDGED_FROM)), int(rng.choice(PAST_SIZES))
                )
            size = int(rng.choice(SIZES))
            cases = outbreak(rng, deviation, int(rng.integers(JUDGED_FROM, WEEKS)), size)
            rows.append((counts + cases, cases, mean, phi, number, size))
    return Series(*(np.array(each) for each in zip(*rows, strict=True)))


def under_way(series: Series) -> Flags:
    """Judged weeks from the outbreak's first case to its last."""
    cases = series.outbreak[:, JUDGED_FROM:] > 0
    begun = np.logical_or.accumulate(cases, axis=1)
    not_over = np.logical_or.accumulate(cases[:, ::-1], axis=1)[:, ::-1]
    return begun & not_over


def score(alarms: Flags, series: Series) -> Score:
    """What alarms of shape (series, judged weeks) are worth."""
    during = under_way(series)
    false, found = alarms & ~during, (alarms & during).any(axis=1)
    first = during & (np.cumsum(during, axis=1) == 1)
    of = [series.scenario == number for number in np.unique(series.scenario)]
    return Score(
        false.sum() / (~during).sum(),
        max(false[rows].sum() / (~during[rows]).sum() for rows in of),
        found.mean(),
        (alarms & first).any(axis=1).mean(),
        (alarms & during).sum() / max(alarms.sum(), 1),
        [found[series.size == size].sum() / max((series.size == size).sum(), 1) for size in SHOWN_SIZES],
    )


def tuned(alarms_at: Callable[[float], Flags], series: Series, low: float, high: float) -> tuple[float, Score]:
    """The threshold (more alarms the higher it is) between `low` and `high` at which the FPR just stays at 0.99 %."""
    during = under_way(series)
    for _ in range(30):
        middle = np.sqrt(low * high)
        if (alarms_at(middle) & ~during).sum() / (~during).sum() > FPR:
            high = middle
        else:
            low = middle
    return low, score(alarms_at(low), series)


class Judged(NamedTuple):
    strength: Floats
    tail: Floats


def judge(counts: Ints) -> Judged:
    """The production code: fitted to the weeks before those judged, then forecast, judge, learn, week by week."""
    weeks = np.arange(WEEKS) - float(JUDGED_FROM)
    model = regression.fit(counts[:, :JUDGED_FROM].astype(float), weeks[:JUDGED_FROM], YEAR)
    before, judged = np.zeros((len(counts), len(excess.SIZES))), []
    for week in range(JUDGED_FROM - 1, WEEKS):
        count, due = counts[:, week].astype(float), regression.forecast(model, weeks[week], YEAR)
        now = excess.ratios(count, due.mean, due.phi)
        if week >= JUDGED_FROM:
            judged.append((excess.evidence(now, before), gamma_poisson.tail(count, due.mean, due.phi)))
            model = regression.update(model, weeks[week], count, YEAR)
        before = now
    return Judged(*(np.stack(each, axis=1) for each in zip(*judged, strict=True)))


def oracle(series: Series) -> Judged:
    """The same evidence and tail, with the true means and dispersion."""
    phi = np.repeat(series.phi[:, None], WEEKS, axis=1)
    ratios = excess.ratios(series.counts.astype(float), series.mean, phi)
    strength = excess.evidence(ratios[:, JUDGED_FROM:], ratios[:, JUDGED_FROM - 1 : -1])
    tail = farrington.tail(series.counts[:, JUDGED_FROM:], series.mean[:, JUDGED_FROM:], phi[:, JUDGED_FROM:])
    return Judged(strength, tail)


class Row(NamedTuple):
    name: str
    score: Score
    ms: float | None

    def line(self) -> str:
        s, took = self.score, "" if self.ms is None else f"{self.ms:.4f}"
        sizes = " / ".join(f"{share:.2f}" for share in s.by_size)
        return (
            f"| {self.name} | {s.fpr:.2%} | {s.worst_fpr:.2%} | {s.pod:.1%} | {s.pod_at_once:.1%} | {s.ppv:.1%} "
            f"| {sizes} | {took} |"
        )


def by_evidence(name: str, judged: Judged, series: Series, ms: float | None) -> Row:
    line, found = tuned(lambda less: excess.alarms(judged.strength, judged.tail, 1 / less), series, 1e-3, 1.0)
    return Row(f"{name}, tuned: line {1 / line:.1f}", found, ms)


def by_tail(name: str, tail: Floats, series: Series, ms: float | None) -> Row:
    alpha, found = tuned(lambda most: tail <= most, series, 1e-4, 0.2)
    return Row(f"{name}, tuned: tail {alpha:.2%}", found, ms)


def ours(series: Series) -> Iterator[Row]:
    judge(series.counts[:64])
    began = time.process_time()
    judged = judge(series.counts)
    ms = (time.process_time() - began) * 1e3 / judged.tail.size
    yield Row(f"ours, line {excess.LINE:g}", score(excess.alarms(judged.strength, judged.tail), series), ms)
    yield by_evidence("ours", judged, series, ms)
    yield Row("ours, this week alone, tail 1 %", score(judged.tail <= 0.01, series), ms)
    yield by_tail("ours, this week alone", judged.tail, series, ms)


def truth(series: Series) -> Iterator[Row]:
    judged = oracle(series)
    yield by_evidence("oracle", judged, series, None)
    yield by_tail("oracle, this week alone", judged.tail, series, None)


def flexible(series: Series) -> Iterator[Row]:
    began = time.process_time()
    judged = farrington.judge(series.counts, JUDGED_FROM)
    ms = (time.process_time() - began) * 1e3 / judged.p.size
    yield Row("Farrington flexible, 1 %", score(judged.alarms(0.01), series), ms)
    yield Row("the same, with fewer than 5 cases too", score(judged.alarms(0.01, with_quiet=True), series), ms)
    yield by_tail("the same", judged.p, series, ms)


def thresholds(series: Series) -> Iterator[Row]:
    def bayes(recent: int, years: int, half_window: int) -> Callable[[Ints, int], Flags]:
        return lambda counts, first: surveillance.bayes(
            counts, first, recent=recent, years=years, half_window=half_window
        )

    rules = {
        "EARS C1": surveillance.ears_c1,
        "EARS C2": surveillance.ears_c2,
        "EARS C3": surveillance.ears_c3,
        "Bayes 1": bayes(6, 0, 6),
        "Bayes 2": bayes(6, 1, 6),
        "Bayes 3": bayes(0, 2, 4),
    }
    for name, rule in rules.items():
        began = time.process_time()
        alarms = rule(series.counts, JUDGED_FROM)
        yield Row(name, score(alarms, series), (time.process_time() - began) * 1e3 / alarms.size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=24, help="of each of the 42 scenarios")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--without-farrington", action="store_true", help="which takes most of the time")
    parser.add_argument("--drawn", action="store_true", help="other kinds of series, drawn by the seed")
    given = parser.parse_args()
    series = generate(given.replicates, given.seed, drawn_kinds(given.seed) if given.drawn else KINDS)
    drew = (series.outbreak > 0).any(axis=1).mean()
    print(f"{len(series.counts):,} series, seed {given.seed}; {drew:.1%} of the outbreaks have a case", flush=True)
    sizes = " / ".join(map(str, SHOWN_SIZES))
    print(f"\n| | FPR | worst scenario | POD | in week 1 | PPV | POD of size {sizes} | CPU ms a point |\n|{'---|' * 8}")
    makers = [ours, truth, thresholds] if given.without_farrington else [ours, truth, flexible, thresholds]
    for maker in makers:
        for row in maker(series):
            print(row.line(), flush=True)


if __name__ == "__main__":
    main()
