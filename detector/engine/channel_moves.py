"""How a final minute moves the tests of a scope's channels: trials of shares, counts against what is due."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.engine.channel_state import (
    COUNTS,
    FILLING,
    LEARNED,
    MIXES,
    QUIET,
    SHARES,
    SUMS,
    Rows,
    index,
    part,
)
from detector.stats import ages, evidence, onset, shares
from detector.stats.evidence import Floats

CAP_H: Final = 1e8
"""Where evidence saturates unless told otherwise, hours: beyond any line, and near enough to come down from."""
REBAN_SHARE: Final = 0.02
"""One in fifty of the reinstated may be acted on again, until more is known."""
REBAN_MEAN_H: Final = 24.0
"""Mean time in which the reinstated pass through the window of three days: most who are met again are met early."""
_LOG_TWO: Final = float(np.log(2.0))
_TWICE: Final = int(np.searchsorted(shares.ODDS, 2.0))
_MOST: Final = 69.0
"""Largest exponent of one step, as in `stats.evidence`."""


def age(view: Rows, minute: int) -> None:
    """Move the ages of actions on to `minute`."""
    view["rings"], left = ages.aged(view["rings"], view["at"], minute)
    view["behind"] -= left
    view["at"] = minute


def speaks(view: Rows) -> NDArray[np.bool_]:
    """Tests that are made: the known ones, and reversals and re-bans from the first: theirs is a prior that is mild."""
    found: NDArray[np.bool_] = view["known"].copy()
    found[:, index("reversals")] = found[:, index("rebans")] = True
    return found


def mixes(view: Rows, trials: Floats, successes: Floats, cap_h: float) -> None:
    """Judge the mix of those acted on, arrays of shape (rows, 3)."""
    judged = shares.judged(part(view, LEARNED, "successes"), part(view, LEARNED, "trials"))
    bets = shares.log_bet(successes, trials, judged, view["phi"][:, :MIXES].astype(np.float64))
    _shares(view, slice(0, MIXES), bets, successes, trials * judged, trials, cap_h)


def decisions(view: Rows, overturned: Floats, decided: Floats, quick: Floats, cap_h: float) -> None:
    """Judge decisions by age, shape (rows, 5), and how many of them were quick rejections, shape (rows,)."""
    at_age = ages.judged(part(view, LEARNED, "overturned"), part(view, LEARNED, "decided"))
    trials = decided.sum(axis=1)
    rejected = shares.judged(part(view, LEARNED, "rejections")[:, 0], part(view, LEARNED, "decided").sum(axis=1))
    phi = view["phi"].astype(np.float64)
    spread = np.broadcast_to(phi[:, [index("overturns")]], decided.shape)
    overturns = shares.log_bet(overturned, decided, at_age, spread).sum(axis=1)
    bets = np.stack([overturns, shares.log_bet(quick, trials, rejected, phi[:, index("rejections")])], axis=1)
    seen = np.stack([overturned.sum(axis=1), quick], axis=1)
    due = np.stack([(decided * at_age).sum(axis=1), trials * rejected], axis=1)
    _shares(view, slice(MIXES, len(SHARES)), bets, seen, due, np.stack([trials, trials], axis=1), cap_h)


def counts(view: Rows, seen: Floats, evaluated: Floats, minute: int, cap_h: float) -> None:
    """Judge counts, shape (rows, 4), against those due since they were judged last; and appeals gone quiet.

    The rows stand at `minute`. `evaluated`: shape (rows,), items behind the actions that are judged now, if any.
    """
    first, quiet = index(COUNTS[0]), index("quiet")
    passed, reinstated = _passed(view, minute)
    due = expected(view, passed, reinstated, evaluated, shares.CAUTION)
    least = expected(view, passed, reinstated, evaluated, -shares.CAUTION)[:, :1]
    elapsed_h = (minute - view["moved"][:, first]) / 60.0
    spread, made = view["phi"][:, first:].astype(np.float64), speaks(view)[:, first:]
    gain, loss = (one.reshape(*seen.shape, -1) for one in evidence.bets(spread[:, :-1].ravel()))
    bets = gain * seen[..., None] - loss * due[..., None]
    few = (least * (1 - QUIET) + seen[:, :1] * np.log(QUIET)) / spread[:, -1:]
    view["counts"] = _moved(view["counts"], bets, elapsed_h[:, None], due > 0, made[:, :-1], cap_h)
    view["quiet"] = _moved(view["quiet"], few, elapsed_h, least[:, 0] > 0, made[:, -1], cap_h)
    change = np.concatenate([seen * _LOG_TWO - due, least / 2 - seen[:, :1] * _LOG_TWO], axis=1) / spread
    counted = np.concatenate([seen, seen[:, :1]], axis=1)
    tests, every = slice(first, quiet + 1), np.ones((len(view), quiet + 1 - first), bool)
    _since(view, tests, every, change, counted, np.concatenate([due, least], axis=1), counted, elapsed_h)
    view["moved"][:, first:] = minute


def _moved(
    level: NDArray[np.float32], bets: Floats, elapsed_h: Floats, watched: NDArray[np.bool_], speaks: NDArray[np.bool_],
    cap_h: float,
) -> Floats:  # fmt: skip
    """Evidence of counts after their bets, as `stats.shares.step` for shares; hours without any due don't count."""
    added = np.where(watched, np.minimum(elapsed_h, shares.ACTIVE_H), 0.0)
    waited = level * shares.forgotten(elapsed_h)[..., None] + added[..., None]
    found = np.minimum(waited * np.exp(np.clip(bets, -_MOST, _MOST)), cap_h)
    return np.where(speaks[..., None], found, 0.0)


def _passed(view: Rows, minute: int) -> tuple[Floats, Floats]:
    """What actions, shape (rows, 4), and the reinstated, shape (rows,), have passed since this was last asked."""
    behind = ages.passages(view["rings"], minute)
    passed = behind - view["behind"]
    again = -np.expm1((view["moved"][:, -1] - minute) / (60.0 * REBAN_MEAN_H)) * view["reinstated"]
    view["sums"][:, FILLING, SUMS["passages"]] += passed
    view["sums"][:, FILLING, SUMS["reinstated"]] += again[:, None]
    view["behind"] = behind
    view["reinstated"] -= again
    return passed, again


def expected(view: Rows, passed: Floats, reinstated: Floats, evaluated: Floats, caution: float) -> Floats:
    """Appeals, reversals, re-bans and actions due, shape (rows, 4), where these were passed: see `ages.due`."""
    passages = part(view, LEARNED, "passages")
    again = shares.judged_count(part(view, LEARNED, "rebans")[:, 0], part(view, LEARNED, "reinstated")[:, 0], caution)
    share = np.where(view["known"][:, index("rebans")], again, REBAN_SHARE)
    appeals = ages.due(passed, part(view, LEARNED, "appeals"), passages, caution)
    reversals = ages.due(passed, part(view, LEARNED, "reversals"), passages, caution)
    acted = part(view, LEARNED, "acted")[:, 0]
    actions = (acted + caution * np.sqrt(acted)) / np.maximum(part(view, LEARNED, "evaluated")[:, 0], 1.0) * evaluated
    return np.stack([appeals, reversals, share * reinstated, actions], axis=1)


def _shares(view: Rows, tests: slice, bets: Floats, seen: Floats, due: Floats, trials: Floats, cap_h: float) -> None:
    """Move the tests of some shares: bets of shape (rows, tests, 6), the others (rows, tests)."""
    tried = (trials > 0) & view["known"][:, tests]
    elapsed_h = (view["at"][:, None] - view["moved"][:, tests]) / 60
    moved = shares.step(view["shares"][:, tests].astype(np.float64), bets, elapsed_h, cap_h)
    view["shares"][:, tests] = np.where(tried[..., None], moved, view["shares"][:, tests])
    change, seen, due, trials, elapsed_h = (
        np.where(tried, one, 0.0) for one in (bets[..., _TWICE], seen, due, trials, elapsed_h)
    )
    _since(view, tests, tried, change, seen, due, trials, elapsed_h)
    view["moved"][:, tests] = np.where(trials > 0, view["at"][:, None], view["moved"][:, tests])


def _since(
    view: Rows, tests: slice, made: NDArray[np.bool_], change: Floats, seen: Floats, due: Floats, trials: Floats,
    elapsed_h: Floats,
) -> None:  # fmt: skip
    """Note since when, and what was seen since: the CUSUM of `stats.onset` for doubled odds, rates or silence.

    Only tests that are `made` move: a row must not show which others were handled with it.
    """
    calm = made & (view["cusum"][:, tests] <= 0.0)
    view["onset"][:, tests] = np.where(calm, view["at"][:, None], view["onset"][:, tests])
    kept = np.where(calm[..., None], 0.0, view["since"][:, tests])
    view["since"][:, tests] = kept + np.stack([seen, due, trials], axis=-1)
    faded = view["cusum"][:, tests] * shares.forgotten(elapsed_h.reshape(len(view), -1))
    view["cusum"][:, tests] = onset.step(faded, change)
