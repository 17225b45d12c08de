"""What a scope knows of whom its actions meet and of what becomes of them: one row of numbers, byte for byte."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.stats import ages, evidence, shares, surge
from detector.stats.evidence import Floats

Rows = NDArray[np.void]
Counts = NDArray[np.int32]

FIELDS: Final = (
    *("tenure_known", "tenured", "content_known", "content_old", "prior_known", "first_time", "actions"),
    *(f"{name}_{age}" for name in ("appeals", "reversals", "decided", "overturned") for age in range(ages.BINS)),
    *("reinstated", "rebans", "quick_rejections"),
)
"""What is counted per final minute. Ages are bins of `stats.ages`; `expiry` and `legal` reversals are left out.

`tenured`: subjects at least `TENURED_S` old; `content_old`: content at least `CONTENT_OLD_S` old; `first_time`: without
prior actions; `decided` and `overturned`: appeal decisions and reviews; `reinstated`: subjects whose action was undone;
`rebans`: actions on a subject reinstated less than `REBAN_S` before; `quick_rejections`: appeals upheld by automation.
"""
TENURED_S: Final = 365 * 86_400
CONTENT_OLD_S: Final = 30 * 86_400
REBAN_S: Final = 72 * 3_600

SHARES: Final = ("tenure", "content_age", "first_time", "overturns", "rejections")
"""Tests of shares, in the order of their columns,"""
COUNTS: Final = ("appeals", "reversals", "rebans", "share")
"""of counts against their exposure,"""
QUIET: Final = np.array([0.05, 0.01])
"""and of appeals gone quiet: a twentieth or less. Fewer at night is no news."""
TESTS: Final = (*SHARES, *COUNTS, "quiet")
SIGNALS: Final = (
    *("tenure", "content_age", "first_time", "appeals", "overturns", "reversals", "rebans", "share"),
    "appeals_quiet",
)
"""What channels can say. `share`: actions against the number of items evaluated; `appeals_quiet`: the mean of the tests
`quiet` and `rejections`."""

MIXES: Final = 3
"""The first three shares: of those acted on."""
CROWDS: Final = 2 * MIXES
"""The first six fields: trials and successes of each of them, which are people, not actions."""
FOLLOWED: Final = {
    "appeals": ("appeals",),
    "reversals": ("reversals",),
    "upheld": ("decided", "quick_rejections"),
    "overturned": ("overturned",),
    "rebans": ("rebans",),
    "reinstated": ("reinstated",),
}
"""What follows actions, and the fields that tell it, of which the first holds every case: people, too, not actions.
Those upheld are what is left of `decided`."""
FOLLOWED_WORDS: Final = 2
"""Of its bitmaps of subjects: fewer people are followed up than met."""
UNKNOWN: Final = 128
"""Beside a bit for each of `FOLLOWED`, the one that says that who was followed up is not known."""
_BOUNDED, _BINS = ages.BOUNDED, ages.BINS
_SUMS: Final = {
    "trials": MIXES,
    "successes": MIXES,
    "appeals": _BOUNDED,
    "reversals": _BOUNDED,
    "passages": _BOUNDED,
    "decided": _BINS,
    "overturned": _BINS,
    "rejections": 1,
    "rebans": 1,
    "reinstated": 1,
    "acted": 1,
    "evaluated": 1,
}
_ENDS: Final = np.cumsum(list(_SUMS.values())).tolist()
SUMS: Final = {name: slice(end - size, end) for (name, size), end in zip(_SUMS.items(), _ENDS, strict=True)}
"""Columns of what is learned."""
LEARNED, YESTERDAY, DAY, WAITING, FILLING = 0, 1, 2, 3, 4
"""Rows of `sums`: what is learned, the days that will be, what waits for its guard lag, and what is being counted."""

CHANNEL: Final = np.dtype(
    [
        ("at", "<i8"),  # minute since the epoch through which the row is advanced
        ("shares", "<f4", (len(SHARES), len(shares.ODDS))),  # evidence, hours
        ("counts", "<f4", (len(COUNTS), len(evidence.RATIOS))),
        ("quiet", "<f4", (len(QUIET),)),
        ("moved", "<i4", (len(TESTS),)),  # minute of each test's last trial, or of its last move
        ("sums", "<f4", (FILLING + 1, _ENDS[-1])),
        ("begun", "<i4", (len(TESTS),)),  # minute of the first hour that was learned; 0 none
        ("dispersion", "<f4", (len(TESTS), 2)),  # see stats.shares: deviations, variance due
        ("phi", "<f4", (len(TESTS),)),  # what they give, and
        ("known", "?", (len(TESTS),)),  # whether history is enough: both as of the last hour's end
        ("rings", "<i4", (ages.CELLS,)),  # actions by age, see stats.ages
        ("met", "<u8", (MIXES, surge.WORDS)),  # bitmaps of subjects in the hour `met_hour`, see engine.crowds
        ("met_hour", "<i8"),
        ("followed", "<u8", (len(FOLLOWED), FOLLOWED_WORDS)),  # the same of what follows, since `followed_since`
        ("followed_since", "<i4", (len(FOLLOWED),)),  # in periods of engine.crowds
        ("late", "<f4", (len(FIELDS),)),  # people who came too late for their minute; the next one counts them
        ("behind", "<f4", (_BOUNDED,)),  # passages behind those actions when counts were last judged
        ("reinstated", "<f4"),  # subjects reinstated of late, see channel_moves
        ("cusum", "<f4", (len(TESTS),)),  # see stats.onset
        ("onset", "<i4", (len(TESTS),)),
        ("since", "<f4", (len(TESTS), 3)),  # seen, expected, trials since onset
    ]
)


def blank(view: Rows, minute: int) -> None:
    """Set zeroed rows to: nothing seen, all up to `minute` (since the epoch) is final."""
    view["at"] = minute
    view["moved"] = view["onset"] = minute
    view["phi"] = shares.PHI_PRIOR


def inherit(view: Rows, parent: Rows) -> None:
    """Give blank rows what others have learned: what is usual, and how far it varies."""
    for name in ("begun", "dispersion", "phi", "known"):
        view[name] = parent[name]
    view["sums"][:, LEARNED] = parent["sums"][:, LEARNED]


def part(view: Rows, level: int, name: str) -> Floats:
    """Columns of some sums, shape (rows, columns): of what is `LEARNED`, say."""
    found: Floats = view["sums"][:, level, SUMS[name]].astype(np.float64)
    return found


def field(name: str) -> list[int]:
    """Column of a field in the counts of a minute, or its columns of all ages."""
    by_age = {f"{name}_{age}" for age in range(ages.BINS)}
    return [column for column, one in enumerate(FIELDS) if one == name or one in by_age]


def index(test: str) -> int:
    """Place of a test among `TESTS`."""
    return TESTS.index(test)
