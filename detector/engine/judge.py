"""The decision rule, in one place: what evidence makes a breaker warn or trip.

Evidence is in hours: the mean time between false alarms that it would take to reach it. A scope's budget sets two
lines, for warnings and for trips. The rule:

- a hard limit trips;
- deploy: more than the busiest hours, on several subjects, since a change: trips (`stats.surge`). To let a scope go
  again is a change of it, too: probe;
- surge: the same without a change trips where nothing better is known: no deploys of the policy are sent, nor the mix
  of those acted on, nor a usual share of items, so many subjects are the only corroboration there can be;
- proof trips: the weighted average of the signals that need no other, over the trip line: the mix of those acted on,
  and what becomes of the actions. An average of such evidence keeps its promise; a product would not;
- volume and a corroborating signal, both over the warning line, trip;
- while a breaker of the policy is half-open, volume over the trip line opens it again: what it held goes on;
- any signal alone, over the warning line, warns; a ramp (`stats.slow`) or silence never does more.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.engine import channels, quiet
from detector.engine.policy_state import Key, PolicyState
from detector.engine.step import day_count, limit_count
from detector.events import Evidence
from detector.stats import baseline, evidence, slow, surge
from detector.units import DAY_MS, HOUR_MS

Rows = NDArray[np.void]
Ints = NDArray[np.int64]
Verdict = Literal["trip", "warn"]

PROOF_WEIGHTS: Final = {"tenure": 0.2, "content_age": 0.2, "overturns": 0.2, "reversals": 0.2, "rebans": 0.2}
"""Signals that may trip alone, and their shares of a scope's budget."""
PROOF: Final = tuple(PROOF_WEIGHTS)
INFORMING: Final = ("tenure", "content_age")
"""Signals whose silence, where they are known, says that a wave of many subjects is no mistake."""
OF_VOLUME: Final = frozenset({"volume", "deploy", "probe", "surge"})
"""Signals of how much a scope acts; the others ask on whom, and what becomes of it."""
CALM_RATIO: Final = 0.01
"""A warning may be given again once evidence has fallen below this share of the warning line."""
HOT_RATIO: Final = 0.03
"""Part of its trip line from which evidence stops learning."""
_W, _K = len(evidence.RATIOS), len(surge.RATIOS)
_MEAN: Final = np.full(len(surge.RATIOS), 1 / len(surge.RATIOS))
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
    unknown = view["level_b"] < baseline.KNOWN_H
    first_day = (view["stranger"] != 0) & (view["level_b"] < baseline.TRAINED_H)
    return Lines(
        np.where(unknown, np.inf, link["next_h"]), link["change_line"], np.where(first_day, np.inf, link["surge_line"])
    )


def hot(view: Rows, link: Rows) -> NDArray[np.bool_]:
    """Rows on the way to a trip: what they do now must not become usual."""
    change, surging = levels(view)
    found: NDArray[np.bool_] = (change > HOT_RATIO * link["change_line"]) | (surging > HOT_RATIO * link["surge_line"])
    return found


def levels(view: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Evidence of a change and of a surge, each in its own unit (see `stats.surge`), shape (rows,)."""
    return view["change"] @ _MEAN, view["surge"] @ _MEAN


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


def speaks(levels: NDArray[np.float64], link: Rows, least: Lines, limited: Ints) -> NDArray[np.bool_]:
    """Which are worth a decision: evidence at its line, a limit passed, or numbers gone wrong.

    `levels`: shape (rows, 8 + 5 + 5), evidence of volume, a change and a surge; `limited`: actions in a hard limit's
    window.
    """
    change, surging = levels[:, _W : _W + _K] @ _MEAN, levels[:, _W + _K :] @ _MEAN
    found: NDArray[np.bool_] = ~(volume(levels) < least.volume)  # so written, what is no number speaks, too
    found |= ~(change < least.change) | ~(surging < least.surge)
    found |= (link["limit_max"] > 0) & (limited > link["limit_max"])
    heard: NDArray[np.bool_] = found & np.isfinite(link["warn_h"])
    return heard


def volume(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evidence of volume, hours, of such rows of levels."""
    found: NDArray[np.float64] = levels[:, :_W].mean(axis=1)
    return found


def channels_speak(channel: Rows, link: Rows) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of rows with channels: which a channel corroborates, and which are worth a decision."""
    level = channels.levels(channel)
    loud = {signal: found >= link["warn_h"] for signal, found in level.items()}
    corroborated = np.logical_or.reduce([loud[signal] for signal in sorted(CORROBORATING)])
    proven = sum(weight * level[signal] for signal, weight in PROOF_WEIGHTS.items()) >= link["trip_h"]
    return corroborated, np.logical_or.reduce([*loud.values(), proven])


def signals(view: Rows, link: Rows, channel: Rows, profile: Rows, bucket_ms: int, end_ms: int) -> tuple[Evidence, ...]:
    """Evidence of one row (arrays of length 1; `channel` and `profile` may be empty), each beyond its warning line.

    Raises FloatingPointError when a number of the row is not finite.
    """
    found = [_hard_limit(view, link), *_surges(view, link, bucket_ms, end_ms), _volume(view, link, bucket_ms, end_ms)]
    if len(profile):
        found += [_ramp(view, link, profile, end_ms), _silence(view, link, profile, end_ms)]
    if len(channel):
        found += [_channel(channel, link, signal, float(h[0])) for signal, h in channels.levels(channel).items()]
    return tuple(signal for signal in found if signal is not None)


def decide(found: tuple[Evidence, ...], *, informed: bool, probing: bool) -> Verdict | None:
    """Trip, warn, or nothing. `informed`: see `is_informed`; `probing`: the policy is being let go again."""
    strength = {signal.signal: signal.strength for signal in found}
    if {"hard_limit", "deploy", "probe"} & strength.keys():
        return "trip"
    if "surge" in strength and not informed:
        return "trip"
    if probing and strength.get("volume", 0.0) >= 1.0:
        return "trip"
    if sum(weight * strength.get(signal, 0.0) for signal, weight in PROOF_WEIGHTS.items()) >= 1.0:
        return "trip"
    if "volume" in strength and CORROBORATING & strength.keys():
        return "trip"
    return "warn" if found else None


def is_informed(channel: Rows, whole: Rows, link: Rows) -> bool:
    """Whether more is known than how many subjects a scope meets: on whom it acts, or that the share of items is usual.

    `channel`, `whole`: channels of the row and of its policy, or empty; `link`: of the policy.
    """
    if any(channels.known(channel, signal).any() for signal in INFORMING):
        return True
    usual = channels.known(whole, "share") & (channels.evidence_of(whole, "share") < link["warn_h"])
    return bool(usual.any())


def loudest_h(channel: Rows) -> float:
    """The highest evidence, hours, of any channel of one row; 0 without channels."""
    if not len(channel):
        return 0.0
    return max(float(each[0]) for each in channels.levels(channel).values())


def recent_deploy_ms(policy: PolicyState, key: Key, end_ms: int) -> int:
    """When the scope's origin was changed, if that was within the policy's deploy window; else 0."""
    deployed = policy.deployed_ms(key)
    return deployed if 0 <= end_ms - deployed <= policy.settings.deploy_window_s * 1000 else 0


def _hard_limit(view: Rows, link: Rows) -> Evidence | None:
    count, most = int(limit_count(view, link)[0]), int(link["limit_max"][0])
    if not most or count <= most:
        return None
    window_s = float(link["limit_ms"][0] * link["limit_cells"][0]) / 1000
    return Evidence(
        signal="hard_limit", window_s=window_s, observed=float(count), expected=float(most), ratio=six(count / most),
        strength=six(count / most),
    )  # fmt: skip


def _surges(view: Rows, link: Rows, bucket_ms: int, end_ms: int) -> list[Evidence]:
    """More than the busiest hours, since a deploy or at all, by enough subjects to be a wave."""
    found, bar = [], float(view["bar"][0])
    change, surging = (float(level[0]) for level in levels(view))
    least = lines(view, link)
    change_name = "probe" if link["probing"][0] else "deploy"
    since = {change_name: int(view["deployed"][0]), "surge": int(view["onset"][0])}
    for name, level, line, bitmap, most in (
        (change_name, change, float(least.change[0]), view["changed"], surge.SINCE_DEPLOY),
        ("surge", surging, float(least.surge[0]), view["crowd"], surge.SINCE_ONSET),
    ):
        met = float(surge.people(bitmap)[0])
        if not np.isfinite(level):
            raise FloatingPointError(f"the evidence of {name} of this scope is not a finite number")
        if level < line or met < most - 0.5:
            continue
        window_s = max(end_ms - since[name] * bucket_ms, bucket_ms) / 1000
        due = bar * window_s / 3600
        found.append(
            Evidence(
                signal=name, window_s=window_s, observed=six(met), expected=six(due), ratio=six(met / due),
                strength=six(level / line), detail="distinct subjects, against the busiest hours of late",
            )
        )  # fmt: skip
    return found


def _volume(view: Rows, link: Rows, bucket_ms: int, end_ms: int) -> Evidence | None:
    level = float(evidence.strength(view["evidence"], link["trip_h"])[0])
    if not np.isfinite(level):
        raise FloatingPointError("the evidence of this scope is not a finite number")
    if level * link["trip_h"][0] < link["warn_h"][0] or view["level_b"][0] < baseline.KNOWN_H:
        return None
    window_s = (end_ms - int(view["onset"][0]) * bucket_ms) / 1000
    seen, expected = float(view["since"][0, 0]), float(view["rate"][0]) * window_s / 3600
    return Evidence(
        signal="volume", window_s=window_s, observed=seen, expected=six(expected), ratio=six(seen / expected),
        strength=six(level), detail=f"over-dispersion {six(float(view['phi'][0]))}",
    )  # fmt: skip


def ramp_h(profile: Rows) -> NDArray[np.float64]:
    """Evidence of the slow twins of policies, hours, shape (profiles,)."""
    found: NDArray[np.float64] = profile["twin"]["evidence"].mean(axis=1)
    return found


def _ramp(view: Rows, link: Rows, profile: Rows, end_ms: int) -> Evidence | None:
    level_h = float(ramp_h(profile)[0])
    if not np.isfinite(level_h):
        raise FloatingPointError("the evidence of ramp of this scope is not a finite number")
    if level_h < link["warn_h"][0]:
        return None
    hour = end_ms // HOUR_MS // baseline.DAY_H * baseline.DAY_H - 1
    due = slow.due(profile["twin"], hour // baseline.DAY_H, link["floor"] * baseline.DAY_H)
    seen, expected = float(day_count(view, hour)[0]), float((due.level * due.season)[0])
    return Evidence(
        signal="ramp", window_s=DAY_MS / 1000, observed=seen, expected=six(expected), ratio=six(seen / expected),
        strength=six(level_h / float(link["trip_h"][0])), detail="the last whole day, against the weeks before",
    )  # fmt: skip


def _silence(view: Rows, link: Rows, profile: Rows, end_ms: int) -> Evidence | None:
    level_h = float(quiet.levels(view, link, profile, end_ms)[0])
    if not np.isfinite(level_h):
        raise FloatingPointError("the evidence of silence of this scope is not a finite number")
    if level_h < link["warn_h"][0]:
        return None
    window_s = (end_ms - int(quiet.last(view)[0])) / 1000
    return Evidence(
        signal="silence", window_s=window_s, observed=0.0, expected=six(float(view["rate"][0]) * window_s / 3600),
        ratio=0.0, strength=six(level_h / float(link["trip_h"][0])), detail="at the rate of the running hour",
    )  # fmt: skip


def _channel(channel: Rows, link: Rows, signal: str, level: float) -> Evidence | None:
    if not np.isfinite(level):
        raise FloatingPointError(f"the evidence of {signal} of this scope is not a finite number")
    if level < link["warn_h"][0]:
        return None
    seen = channels.told(channel, signal)
    return Evidence(
        signal=signal, window_s=seen.window_s, observed=six(seen.observed), expected=six(seen.expected),
        ratio=six(seen.ratio), strength=six(level / float(link["trip_h"][0])),
    )  # fmt: skip


def six(value: float) -> float:
    """Six significant digits: what leaves must not show the last bits of a CPU's exp()."""
    return float(f"{value:.6g}")
