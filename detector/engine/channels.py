"""Signals that don't ask how much a scope acts, but on whom, and what becomes of it: mix, appeals, overturns, re-bans.

State is one `CHANNEL` row per scope that has such data. `step` takes the counts of a final minute, `close_hour` learns.
Each test is an e-detector in hours, for the same lines as the volume's (`stats.evidence`, `stats.shares`): it may be
averaged with them, never multiplied. Follow-ups are judged against those due at the actions' age (`stats.ages`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.engine import channel_learning as learning
from detector.engine import channel_moves as moves
from detector.engine import crowds
from detector.engine.channel_state import (
    CHANNEL,
    COUNTS,
    CROWDS,
    FIELDS,
    FILLING,
    LEARNED,
    MIXES,
    SHARES,
    SIGNALS,
    SUMS,
    Counts,
    Rows,
    blank,
    field,
    index,
)
from detector.stats import ages
from detector.stats.evidence import Floats

__all__ = [
    "CHANNEL",
    "FIELDS",
    "SIGNALS",
    "Items",
    "Told",
    "blank",
    "close_hour",
    "evidence_of",
    "excess",
    "forget",
    "forget_mix",
    "known",
    "levels",
    "speaks",
    "step",
    "told",
]

_SOURCES: Final = {
    "trials": [field(name)[0] for name in ("tenure_known", "content_known", "prior_known")],
    "successes": [field(name)[0] for name in ("tenured", "content_old", "first_time")],
    "appeals": field("appeals")[: ages.BOUNDED],
    "reversals": field("reversals")[: ages.BOUNDED],
    "decided": field("decided"),
    "overturned": field("overturned"),
    "rejections": field("quick_rejections"),
    "rebans": field("rebans"),
}
"""Columns of a minute's counts behind those of `SUMS`."""
_SOURCE: Final = [column for columns in _SOURCES.values() for column in columns]
_TARGET: Final = [column for name in _SOURCES for column in range(SUMS[name].start, SUMS[name].stop)]
_ACTIONS, _REINSTATED = field("actions")[0], field("reinstated")[0]


class Told(NamedTuple):
    """A signal in numbers. Shares tell shares (0..1), counts tell counts."""

    observed: float
    expected: float
    ratio: float
    window_s: float


class Items(NamedTuple):
    """Items evaluated, and the actions taken in the same time; shape (rows,), 0 where nobody tells."""

    evaluated: Floats
    acted: Floats


def step(
    view: Rows, counts: Counts, minute: int, items: Items | None = None,
    marks: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None, cap_h: float = moves.CAP_H,
) -> None:  # fmt: skip
    """Move rows, in place, through one final minute.

    Args:
        view: rows of `CHANNEL`, advanced to an earlier minute; a row depends on its own counts only.
        counts: shape (rows, len(FIELDS)).
        minute: minutes since the epoch.
        items: what was evaluated, where somebody tells it in that minute.
        marks: subjects behind the mix, and behind what follows, see `crowds`; without any each event is of another one.
        cap_h: where evidence saturates, hours.
    """
    moves.age(view, minute)
    ages.add(view["rings"], counts[:, _ACTIONS])
    many = counts.astype(np.float64)
    if marks is not None:
        met, followed = marks
        if many[:, :CROWDS].any():
            many[:, :CROWDS] = crowds.people(view, many[:, :CROWDS], met, minute)
        crowds.thin(view, many, followed, minute)
    many += view["late"]
    view["late"] = 0.0
    seen = many[:, _SOURCE]
    if seen.any() or items is not None:
        items = items or Items(*np.zeros((2, len(view))))
        _judge(view, many, items, minute, cap_h)
        filling = view["sums"][:, FILLING]
        filling[:, _TARGET] += seen
        filling[:, SUMS["evaluated"]] += items.evaluated[:, None]
        filling[:, SUMS["acted"]] += items.acted[:, None]
    view["reinstated"] += many[:, _REINSTATED]


def close_hour(view: Rows, hour: int, frozen: NDArray[np.bool_], guard_h: int = 1) -> None:
    """End hour number `hour` (since the epoch) of rows, in place: counts due by now are judged, the past is learned.

    Args:
        view: rows of `CHANNEL`; all that hold data, not only those with counts in this hour.
        hour: hours since the epoch; each hour once.
        frozen: shape (rows,); of these, what is not learned yet never will be, and what is does not fade.
        guard_h: hours that are waited for before something is learned; it takes at most twice that, and one to two days
            more where a row is grown: see `channel_learning.learn`.
    """
    minute = 60 * hour + 59
    moves.age(view, minute)
    moves.counts(view, np.zeros((len(view), len(COUNTS))), np.zeros(len(view)), minute, moves.CAP_H)
    view["sums"][frozen, LEARNED + 1 :] = 0.0
    learning.fade(view, ~frozen)
    if hour % guard_h == 0:
        learning.learn(view, hour, guard_h)
    learning.conclude(view)


def forget(view: Rows) -> None:
    """Start evidence anew, in place: what led to a trip must not count twice. What is learned stays."""
    for name in ("shares", "counts", "quiet", "cusum", "since", "late"):
        view[name] = 0.0


def forget_mix(view: Rows) -> None:
    """The same of whom actions meet alone: what becomes of those before a probe says whether it may end."""
    for name in ("shares", "cusum", "since"):
        view[name][:, :MIXES] = 0.0
    view["late"][:, :CROWDS] = 0.0


def levels(view: Rows) -> dict[str, Floats]:
    """Evidence of each of `SIGNALS` in hours, shape (rows,), for the lines of `stats.evidence.line_h`."""
    judged, counts = view["shares"].mean(axis=2, dtype=np.float64), view["counts"].mean(axis=2, dtype=np.float64)
    quiet = view["quiet"].mean(axis=1, dtype=np.float64)
    tests = dict(zip((*SHARES, *COUNTS), (*judged.T, *counts.T), strict=True))
    tests["appeals_quiet"] = (quiet + tests["rejections"]) / 2
    return {signal: tests[signal] for signal in SIGNALS}


def evidence_of(view: Rows, signal: str) -> Floats:
    """Evidence of one of them."""
    return levels(view)[signal]


def speaks(view: Rows, signal: str) -> NDArray[np.bool_]:
    """Rows, shape (rows,), in which the test of a signal is made: see `channel_moves.speaks`."""
    found: NDArray[np.bool_] = moves.speaks(view)[:, index(signal)]
    return found


def known(view: Rows, signal: str) -> NDArray[np.bool_]:
    """Rows, shape (rows,), with enough history for a quiet signal to mean that all is normal."""
    tests = [index("quiet"), index("rejections")] if signal == "appeals_quiet" else [index(signal)]
    found: NDArray[np.bool_] = np.logical_or.reduce(view["known"][:, tests], axis=1)
    return found


def excess(view: Rows, signal: str) -> float:
    """What one row (array of length 1, or empty) has seen beyond what was due, since the onset of a signal."""
    test = index("quiet" if signal == "appeals_quiet" else signal)
    if not len(view) or view["cusum"][0, test] <= 0:
        return 0.0
    observed, expected, _ = view["since"][0, test].tolist()
    return max(float(observed - expected), 0.0)


def told(row: Rows, signal: str) -> Told:
    """A signal of one row (array of length 1) in numbers, from its onset to the row's last minute."""
    test = index(signal) if signal != "appeals_quiet" else _quieter(row)
    observed, expected, trials = row["since"][0, test].astype(np.float64).tolist()
    if test < len(SHARES):
        observed, expected = observed / max(trials, 1.0), expected / max(trials, 1.0)
    onset = int(row["onset"][0, test])
    window_s = 60.0 * (int(row["at"][0]) - onset + 1)
    return Told(observed, expected, observed / max(expected, 1e-9), window_s)


def _quieter(row: Rows) -> int:
    """The stronger of the two tests behind `appeals_quiet`."""
    rejected = row["shares"][0, index("rejections")].mean()
    return index("rejections" if rejected > row["quiet"][0].mean() else "quiet")


def _judge(view: Rows, many: Floats, items: Items, minute: int, cap_h: float) -> None:
    """Make the tests that the counts of a minute allow."""
    trials, decided = many[:, _SOURCES["trials"]], many[:, _SOURCES["decided"]]
    if trials.any():
        moves.mixes(view, trials, many[:, _SOURCES["successes"]], cap_h)
    if decided.any():
        rejected = many[:, _SOURCES["rejections"]][:, 0]
        moves.decisions(view, many[:, _SOURCES["overturned"]], decided, rejected, cap_h)
    seen = np.stack([*(many[:, _SOURCES[name]].sum(axis=1) for name in COUNTS[:-1]), items.acted], axis=1)
    rows = np.flatnonzero(seen.any(axis=1) | (items.evaluated > 0))
    if len(rows):  # the others' wait until they have some, or the hour ends
        some = view[rows]
        moves.counts(some, seen[rows], items.evaluated[rows], minute, cap_h)
        view[rows] = some
