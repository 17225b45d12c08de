"""The decision rule, in one place: what evidence makes a breaker warn or trip.

Evidence is in hours: the mean time between false alarms that it would take to reach it. A scope's budget sets two
lines, for warnings and for trips. The rule:

- a hard limit trips;
- deploy: more than the busiest hours, on several subjects, since a change: trips (`stats.surge`). To let a scope go
  again is a change of it, too: probe. That its breaker then closes is none, and forgives none;
- surge: the same without a change trips where nothing better is known: no deploys of the policy are sent, nor the mix
  of those acted on, nor a usual share of items, so many subjects are the only corroboration there can be;
- proof trips: the weighted average of the signals that need no other, over the trip line: the mix of those acted on,
  and what becomes of the actions. An average of such evidence keeps its promise; a product would not;
- while a breaker is open, what became of its actions may be proof by itself: that upholds it, once;
- volume and a corroborating signal, both over the warning line, trip;
- while a breaker is half-open, volume over the trip line of what it holds opens it again: that goes on;
- any signal alone, over the warning line, warns; a ramp (`stats.slow`) or silence never does more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.engine import channels
from detector.engine.columns import FOREVER
from detector.events import Evidence
from detector.stats import baseline, evidence, surge

Rows = NDArray[np.void]
Ints = NDArray[np.int64]
Verdict = Literal["trip", "warn"]
Weights = Mapping[str, float]

PROOF: Final = ("tenure", "content_age", "overturns", "reversals", "rebans")
"""Signals that may trip alone. Those that can speak share a scope's budget evenly; reversals and re-bans always can."""
AFTERMATH: Final = frozenset({"overturns", "reversals", "rebans"})
"""Those of what became of actions: they may prove an open breaker right."""
INFORMING: Final = ("tenure", "content_age")
"""Signals whose silence, where they are known, says that a wave of many subjects is no mistake."""
OF_VOLUME: Final = frozenset({"volume", "deploy", "probe", "surge"})
"""Signals of how much a scope acts; the others ask on whom, and what becomes of it."""
CALM_RATIO: Final = 0.01
"""A warning may be given again once evidence has fallen below this share of the warning line."""
OF_A_WINDOW: Final = frozenset({"ramp", "silence"})
"""Signals of whole policies, whose time and count are those of their window alone."""
HOT_RATIO: Final = 0.03
"""Part of its trip line from which evidence stops learning."""
_W, _K = len(evidence.RATIOS), len(surge.RATIOS)
CORROBORATING: Final = frozenset({*PROOF, "appeals"})
"""Signals that turn a warning about volume into a trip. More first offenders come with any wave: they only warn."""


class Lines(NamedTuple):
    """Evidence at which each row is worth a decision, shape (rows,): of volume (hours), a change, and a surge."""

    volume: NDArray[np.float64]
    change: NDArray[np.float64]
    surge: NDArray[np.float64]

    def of(self, rows: Ints) -> Lines:
        """Those of some rows."""
        return Lines(self.volume[rows], self.change[rows], self.surge[rows])


def lines(view: Rows, link: Rows) -> Lines:
    """The lines that matter next.

    Volume says nothing before a few hours are known; nor does a surge on the first day of a stream, because what seems
    new may be what every morning brings.
    """
    young, first_day = _young(view), _first_day(view)
    return Lines(
        np.where(young, np.inf, link["next_h"]), link["change_line"], np.where(first_day, np.inf, link["surge_line"])
    )


def unknown(view: Rows) -> NDArray[np.bool_]:
    """Rows too new for their volume, or a surge, to be judged."""
    return _young(view) | _first_day(view)


def _young(view: Rows) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = view["level_b"] < baseline.KNOWN_H
    return found


def _first_day(view: Rows) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (view["stranger"] != 0) & (view["level_b"] < baseline.TRAINED_H)
    return found


def hot(view: Rows, link: Rows) -> NDArray[np.bool_]:
    """Rows on the way to a trip: what they do now must not become usual."""
    change, surging = levels(view)
    found: NDArray[np.bool_] = (change > HOT_RATIO * link["change_line"]) | (surging > HOT_RATIO * link["surge_line"])
    return found


def heard(channel: Rows, link: Rows) -> NDArray[np.bool_]:
    """The same for rows with channels: whom they meet now, and how it varies, must not become usual."""
    level = channels.levels(channel)
    loudest = np.maximum.reduce([level[signal] for signal in sorted(CORROBORATING)])
    found: NDArray[np.bool_] = loudest > np.sqrt(link["trip_h"])
    return found


def levels(view: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Evidence of a change and of a surge, each in its own unit (see `stats.surge`), shape (rows,)."""
    return view["change"].mean(axis=1), view["surge"].mean(axis=1)


def strength(view: Rows, link: Rows) -> NDArray[np.float64]:
    """The highest evidence of each row over the line at which it may trip, shape (rows,); 0 where nothing is judged."""
    change, surging = levels(view)
    found: NDArray[np.float64] = np.maximum.reduce(
        [
            evidence.strength(view["evidence"], link["trip_h"]),
            change / link["change_line"],
            surging / link["surge_line"],
        ]
    )
    return found


def speaks(levels: NDArray[np.float64], link: Rows, place: Ints, least: Lines, limited: Ints) -> NDArray[np.bool_]:
    """Which are worth a decision: evidence at its line, a limit passed, or numbers gone wrong.

    `levels`: shape (cells, 8 + 5 + 5), evidence of volume, a change and a surge; `place`: which of `link` is each
    cell's; `limited`: actions in a hard limit's window.
    """
    change, surging = levels[:, _W : _W + _K].mean(axis=1), levels[:, _W + _K :].mean(axis=1)
    found: NDArray[np.bool_] = ~(volume(levels) < least.volume)  # so written, what is no number speaks, too
    found |= ~(change < least.change) | ~(surging < least.surge)
    most = np.where(link["limit_max"] > 0, link["limit_max"], FOREVER)
    found |= limited > most[place]
    heard: NDArray[np.bool_] = found & np.isfinite(link["warn_h"])[place]
    return heard


def volume(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evidence of volume, hours, of such rows of levels."""
    return evidence.level_h(levels[:, :_W])


def channels_speak(channel: Rows, link: Rows) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of rows with channels: which a channel corroborates, and which are worth a decision: what is proof warns, too."""
    level = channels.levels(channel)
    loud = {signal: found >= link["warn_h"] for signal, found in level.items()}
    corroborated = np.logical_or.reduce([loud[signal] for signal in sorted(CORROBORATING)])
    return corroborated, np.logical_or.reduce(list(loud.values()))


def proof_weights(channel: Rows, deaf: Collection[str]) -> Weights:
    """Shares of the budget in the channels of one row, or none. `deaf`: signals that may not trip, and get no share."""
    speak = [signal for signal in PROOF if signal not in deaf and channels.speaks(channel, signal).any()]
    return {signal: 1.0 / len(speak) for signal in speak}


def decide(found: tuple[Evidence, ...], weights: Weights, *, informed: bool, probing: bool) -> Verdict | None:
    """Trip, warn, or nothing.

    `weights`: see `proof_weights`, of the row; `informed`: see `is_informed`; `probing`: the scope is being let go
    again, or some of it.
    """
    strength = {signal.signal: signal.strength for signal in found}
    if {"hard_limit", "deploy", "probe"} & strength.keys():
        return "trip"
    if "surge" in strength and not informed:
        return "trip"
    if probing and strength.get("volume", 0.0) >= 1.0:
        return "trip"
    if is_proof(found, weights):
        return "trip"
    if "volume" in strength and CORROBORATING & strength.keys():
        return "trip"
    return "warn" if found else None


def is_proof(found: Iterable[Evidence], weights: Weights) -> bool:
    """Whether signals that need no other are strong enough together."""
    return sum(weights.get(each.signal, 0.0) * each.strength for each in found) >= 1.0


def foremost(found: tuple[Evidence, ...]) -> str:
    """The signal of channels that matters most to a decision: the strongest that may trip, else the strongest."""
    mine = [each for each in found if each.signal in channels.SIGNALS]
    return max(mine, key=lambda each: (each.signal in CORROBORATING, each.strength, each.signal)).signal


def began_ms(found: tuple[Evidence, ...], end_ms: int) -> int | None:
    """Since when what was found goes on, where it is of channels alone: None where volume says that better."""
    if any(each.signal not in channels.SIGNALS for each in found):
        return None
    name = foremost(found)
    window_s = next(each.window_s for each in found if each.signal == name)
    return end_ms - round(1000 * window_s)


def ramp_h(profile: Rows) -> NDArray[np.float64]:
    """Evidence of the slow twins of policies, hours, shape (profiles,)."""
    found: NDArray[np.float64] = profile["twin"]["evidence"].mean(axis=1)
    return found


def is_informed(channel: Rows, whole: Rows, link: Rows, ignored: Collection[str]) -> bool:
    """Whether more is known than how many subjects a scope meets: on whom it acts, or that the share of items is usual.

    `channel`, `whole`: channels of the row and of its policy, or empty; `link`: of the policy; `ignored`: signals that
    say nothing here.
    """
    if any(channels.known(channel, signal).any() for signal in INFORMING if signal not in ignored):
        return True
    if "share" in ignored:
        return False
    usual = channels.known(whole, "share") & (channels.evidence_of(whole, "share") < link["warn_h"])
    return bool(usual.any())
