"""Farrington flexible on hourly counts with the week as its year: five years of weekly counts are not to be had.

Five weeks back, three hours on either side of the same hour, 24 levels of six or seven hours a week otherwise, the last
day left out.
"""

from __future__ import annotations

import numpy as np

from tests.bench.peers.farrington import FEWEST_CASES, IN_WEEKS, Design, judge_at
from tests.bench.peers.series import Ints, Peer, Series, counted

HOUR_MS = 3_600_000
WEEK = Design(period=168, years=5, half_window=3, levels=25, skipped=24)


def peer(alpha: float) -> Peer:
    """`alpha`: chance of a higher count at which an hour trips."""

    def trips(series: Series) -> Ints:
        counts = counted(series, HOUR_MS)
        hours = _worth_judging(counts.count)
        judged = judge_at(counts.count[None], np.zeros(len(hours), np.int64), hours, WEEK)
        return counts.ends_ms(hours[judged.alarms(alpha)])

    return trips


def _worth_judging(count: Ints) -> Ints:
    """Hours with enough cases for an alarm and more than twice the mean of their five weeks.

    Each hour costs a regression of 800 points; without this the four years would take an hour.
    """
    enough = np.convolve(count, np.ones(IN_WEEKS, np.int64))[: len(count)] >= FEWEST_CASES
    sums = np.concatenate([[0], np.cumsum(count)])
    hours = np.arange(WEEK.reach, len(count))
    mean = (sums[hours - WEEK.skipped] - sums[hours - WEEK.reach]) / (WEEK.reach - WEEK.skipped)
    found: Ints = hours[enough[hours] & (count[hours] > 2 * mean)]
    return found
