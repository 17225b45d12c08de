"""The decision rule, in one place: what evidence makes a breaker warn or trip.

Evidence is in hours: the mean time between false alarms that it would take to reach it. A scope's budget sets two
lines, for warnings and for trips. The rule:

- a hard limit trips;
- proof trips: the weighted average of the signals that need no other, over the trip line. These are volume on an origin
  that a deploy changed within the policy's `deploy_window`, the mix of those acted on, and what becomes of the actions
  (overturns, reversals, re-bans). An average of such evidence keeps its promise; a product would not;
- volume and a corroborating signal, both over the warning line, trip;
- any signal alone, over the warning line, warns.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from detector.engine import channels
from detector.engine.scopes import Key, PolicyState
from detector.engine.step import limit_count
from detector.events import Evidence
from detector.stats import baseline, evidence

Rows = NDArray[np.void]
Ints = NDArray[np.int64]
Verdict = Literal["trip", "warn"]

PROOF_WEIGHTS: Final = {
    "volume": 0.5, "tenure": 0.1, "content_age": 0.1, "overturns": 0.1, "reversals": 0.1, "rebans": 0.1,
}  # fmt: skip
"""Signals that may trip alone, and their shares of a scope's budget; volume only on what was deployed lately."""
PROOF: Final = tuple(signal for signal in PROOF_WEIGHTS if signal != "volume")
CORROBORATING: Final = frozenset({*PROOF, "appeals"})
"""Signals that turn a warning about volume into a trip. More first offenders come with any wave: they only warn."""


def lines(view: Rows, link: Rows) -> NDArray[np.float64]:
    """Evidence at which each row is worth a decision: the line that matters next.

    Where too little history is known, volume says nothing, unless a deploy has made the scope suspect from the start.
    """
    known = (view["level_b"] >= baseline.KNOWN_H) | link["deployed"]
    return np.where(known, link["next_h"], np.inf)


def speaks(view: Rows, link: Rows, lines: NDArray[np.float64], limited: Ints) -> NDArray[np.bool_]:
    """Rows worth a decision: evidence at its line, a limit passed (of rows `limited`), or numbers gone wrong."""
    found: NDArray[np.bool_] = ~(view["evidence"].mean(axis=1) < lines)  # so written, what is no number speaks, too
    if len(limited):
        found[limited] |= limit_count(view[limited], link[limited]) > link["limit_max"][limited]
    found &= np.isfinite(link["warn_h"])
    return found


def channels_speak(channel: Rows, link: Rows) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of rows with channels: which a channel corroborates, and which are worth a decision."""
    levels = {signal: channels.evidence_of(channel, signal) for signal in (*PROOF, *CORROBORATING, "appeals_quiet")}
    line = link["warn_h"]
    corroborated = np.any([levels[signal] >= line for signal in (*PROOF, *CORROBORATING) if signal in levels], axis=0)
    return corroborated, corroborated | (levels["appeals_quiet"] >= line)


def signals(view: Rows, link: Rows, channel: Rows, bucket_ms: int, end_ms: int) -> tuple[Evidence, ...]:
    """Evidence of one row (arrays of length 1; `channel` may be empty), each beyond its warning line.

    Raises FloatingPointError when a number of the row is not finite.
    """
    found = [_hard_limit(view, link), _volume(view, link, "trip_h", bucket_ms, end_ms)]
    if len(channel):
        found += [_channel(channel, link, signal) for signal in channels.SIGNALS]
    return tuple(signal for signal in found if signal is not None)


def decide(found: tuple[Evidence, ...], policy: PolicyState, key: Key, end_ms: int) -> Verdict | None:
    """Trip, warn, or nothing. `end_ms`: event time up to which the evidence reaches."""
    strength = {signal.signal: signal.strength for signal in found}
    if "hard_limit" in strength:
        return "trip"
    suspect = strength if recent_deploy_ms(policy, key, end_ms) else strength | {"volume": 0.0}
    if sum(weight * suspect.get(signal, 0.0) for signal, weight in PROOF_WEIGHTS.items()) >= 1.0:
        return "trip"
    if "volume" in strength and CORROBORATING & strength.keys():
        return "trip"
    return "warn" if found else None


def loudest_h(channel: Rows) -> float:
    """The highest evidence, hours, of any channel of one row; 0 without channels."""
    if not len(channel):
        return 0.0
    return max(float(channels.evidence_of(channel, signal)[0]) for signal in channels.SIGNALS)


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


def _volume(view: Rows, link: Rows, line: str, bucket_ms: int, end_ms: int) -> Evidence | None:
    level = float(evidence.strength(view["evidence"], link[line])[0])
    if not np.isfinite(level):
        raise FloatingPointError("the evidence of this scope is not a finite number")
    if level * link[line][0] < link["warn_h"][0]:
        return None
    window_s = (end_ms - int(view["onset"][0]) * bucket_ms) / 1000
    seen, expected = float(view["since"][0, 0]), float(view["rate"][0]) * window_s / 3600
    return Evidence(
        signal="volume", window_s=window_s, observed=seen, expected=six(expected), ratio=six(seen / expected),
        strength=six(level), detail=f"over-dispersion {six(float(view['phi'][0]))}",
    )  # fmt: skip


def _channel(channel: Rows, link: Rows, signal: str) -> Evidence | None:
    level = float(channels.evidence_of(channel, signal)[0])
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
