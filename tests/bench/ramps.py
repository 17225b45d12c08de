"""The slow twin on daily sums: time between false alarms, and days until a ramp is found.

`python -m tests.bench.ramps [--scopes 1000] [--days 1000] [--seed 1] [--years 1 10]`

`--years` are the lines at which false alarms are counted.
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np

from detector.stats import evidence, slow

MEANS = (10, 100, 1000, 10_000)
PHIS = (1, 5, 20)
WEEK = np.array([1.1, 1.1, 1.1, 1.1, 1.0, 0.8, 0.8])
BEFORE_D = 119
MOST_D = 120


def counts(rng: np.random.Generator, mean: float, phi: float, rows: int) -> np.ndarray:
    """Poisson for `phi` 1, else gamma-Poisson of variance `phi` times the mean."""
    drawn = rng.poisson(mean, rows) if phi == 1 else rng.negative_binomial(mean / (phi - 1), 1 / phi, rows)
    return drawn.astype(float)


def between_alarms(mean: float, phi: float, line_h: float, scopes: int, days: int, seed: int = 1) -> tuple[float, int]:
    """Mean time between false alarms over the line (twins that have a voice), and the number of alarms."""
    rng, twins, floor = np.random.default_rng(seed), slow.blank(scopes), np.ones(scopes)
    alarms, exposure_h = 0, 0.0
    for day in range(days):
        count = counts(rng, mean * WEEK[day % 7], phi, scopes)
        twins = slow.step(twins, day, count, floor)
        alarmed = twins["evidence"].mean(axis=1) >= line_h
        alarms += int(alarmed.sum())
        exposure_h += slow.DAY_H * float((twins["b"] >= slow.KNOWN_D).sum())
        twins["evidence"][alarmed] = 0.0
        twins = slow.learn(twins, day, count, floor)
    return exposure_h / max(alarms, 1) / line_h, alarms


def days_to_find(mean: float, phi: float, growth: float, line_h: float, scopes: int) -> np.ndarray:
    """Days closed before the alarm, the first grown day being 1; infinite where nothing was found in `MOST_D`."""
    rng, twins, floor = np.random.default_rng(2), slow.blank(scopes), np.ones(scopes)
    found = np.full(scopes, np.inf)
    for day in range(BEFORE_D + MOST_D):
        grown = (1 + growth) ** max(0, day - BEFORE_D + 1)
        count = counts(rng, mean * WEEK[day % 7] * grown, phi, scopes)
        twins = slow.step(twins, day, count, floor)
        if day >= BEFORE_D:
            alarmed = twins["evidence"].mean(axis=1) >= line_h
            found[alarmed & np.isinf(found)] = day - BEFORE_D + 1
        twins = slow.learn(twins, day, count, floor)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scopes", type=int, default=1000)
    parser.add_argument("--days", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--years", type=float, nargs="+", default=[1, 10])
    given = parser.parse_args()
    cases = list(product(MEANS, PHIS))
    head = " | ".join(f"{mean:,}/day, phi {phi}" for mean, phi in cases)
    print(f"| | {head} |\n|---|{'---|' * len(cases)}")
    for years in given.years:
        line_h = evidence.line_h(1 / years, 1.0)
        cells = [between_alarms(mean, phi, line_h, given.scopes, given.days, given.seed) for mean, phi in cases]
        print(f"| time between false alarms / line, line {years:g} y (alarms) |", end="")
        print(" | ".join(f" {'' if alarms else '>'}{ratio:.1f} ({alarms})" for ratio, alarms in cells), "|", flush=True)
    for years, growth in product((10, 100), (0.01, 0.02, 0.05)):
        print(f"| days to find {growth:.0%} a day, median / 90 %, line {years} y |", end="")
        for mean, phi in cases:
            found = np.sort(days_to_find(mean, phi, growth, evidence.line_h(1 / years, 1.0), given.scopes // 4))
            print(f" {found[len(found) // 2]:.0f} / {found[len(found) * 9 // 10]:.0f} |", end="", flush=True)
        print()


if __name__ == "__main__":
    main()
