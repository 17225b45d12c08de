"""The decision rule, in one place: what evidence makes a breaker warn or trip.

A signal is a function of a row that returns `events.Evidence` with `strength` (1 and above speaks). The rule: a hard
limit trips; volume alone warns; volume on an origin that a deploy changed within the policy's `deploy_window` trips.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detector.engine.scopes import Key, PolicyState
from detector.engine.step import limit_count
from detector.events import Evidence
from detector.stats import baseline, evidence

Rows = NDArray[np.void]
Ints = NDArray[np.int64]
Verdict = Literal["trip", "warn"]


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


def signals(view: Rows, link: Rows, bucket_ms: int, end_ms: int) -> tuple[Evidence, ...]:
    """Evidence of one row (arrays of length 1), strongest cause first, each beyond its line.

    Raises FloatingPointError when a number of the row is not finite.
    """
    found = [_hard_limit(view, link), _volume(view, link, "trip_h", bucket_ms, end_ms)]
    return tuple(signal for signal in found if signal is not None)


def decide(found: tuple[Evidence, ...], policy: PolicyState, key: Key, end_ms: int) -> Verdict | None:
    """Trip, warn, or nothing. `end_ms`: event time up to which the evidence reaches."""
    strong = {signal.signal for signal in found if signal.strength >= 1.0}
    if "hard_limit" in strong:
        return "trip"
    if "volume" in strong and recent_deploy_ms(policy, key, end_ms):
        return "trip"
    return "warn" if found else None


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


def six(value: float) -> float:
    """Six significant digits: what leaves must not show the last bits of a CPU's exp()."""
    return float(f"{value:.6g}")
