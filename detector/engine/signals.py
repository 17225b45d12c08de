"""What the numbers of one row say beyond its warning lines, signal by signal, as alerts carry it.

Rows are arrays of length 1.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.engine import channels, quiet
from detector.engine.judge import levels, lines, ramp_h
from detector.engine.step import day_count, limit_count
from detector.events import Evidence
from detector.stats import baseline, evidence, slow, surge
from detector.units import DAY_MS, HOUR_MS

Rows = NDArray[np.void]


def loud(view: Rows, link: Rows, channel: Rows, profile: Rows, bucket_ms: int, end_ms: int) -> tuple[Evidence, ...]:
    """Evidence of one row (`channel` and `profile` may be empty), each beyond its warning line.

    Raises FloatingPointError when a number of the row is not finite.
    """
    found = [_hard_limit(view, link, end_ms), _volume(view, link, bucket_ms, end_ms)]
    found[1:1] = _surges(view, link, bucket_ms, end_ms)
    if len(profile):
        found.append(_ramp(view, link, profile, end_ms))
    if len(profile) and end_ms <= (int(view["settled"][0]) + 1) * bucket_ms:  # what may still come is not missing
        found.append(_silence(view, link, profile, end_ms))
    said = (signal for signal in found if signal is not None)
    return *said, *of_channels(link, channel, channels.SIGNALS)


def of_channels(link: Rows, channel: Rows, names: Collection[str]) -> list[Evidence]:
    """That of these signals of channels alone. Raises FloatingPointError as `loud` does."""
    level = channels.levels(channel) if len(channel) else {}
    found = [_channel(channel, link, signal, float(h[0])) for signal, h in level.items() if signal in names]
    return [signal for signal in found if signal is not None]


def _hard_limit(view: Rows, link: Rows, end_ms: int) -> Evidence | None:
    count, most = int(limit_count(view, link, end_ms)[0]), int(link["limit_max"][0])
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
    for name, level, line, met in (
        ("probe" if link["let_go"][0] else "deploy", change, float(least.change[0]), _met(view, "changed", "deployed")),
        ("surge", surging, float(least.surge[0]), _met(view, "crowd", "onset")),
    ):
        if not np.isfinite(level):
            raise FloatingPointError(f"the evidence of {name} of this scope is not a finite number")
        if level < line or met.people < surge.FEWEST - 0.5:
            continue
        told = _lately(view, met, bucket_ms)
        window_s = max(end_ms - told.since * bucket_ms, bucket_ms) / 1000
        due = bar * window_s / 3600
        found.append(
            Evidence(
                signal=name, window_s=window_s, observed=six(told.people), expected=six(due),
                ratio=six(told.people / due), strength=six(level / line),
                detail="distinct subjects, against the busiest hours of late",
            )
        )  # fmt: skip
    return found


class Met(NamedTuple):
    """Distinct subjects, since a bucket. `full`: more than can be told, because the bitmap is."""

    people: float
    since: int
    full: bool = False


def _met(view: Rows, bitmap: str, since: str) -> Met:
    people, full = float(surge.people(view[bitmap])[0]), bool(surge.marked(view[bitmap])[0] > _TELLS)
    return Met(people, int(view[since][0]), full)


def _lately(view: Rows, met: Met, bucket_ms: int) -> Met:
    """What is told instead of those since a change: fewer buckets, where that is a wave by itself, or can be told.

    Before the onset came no more than was due; the hour's bitmap is four times as wide.
    """
    hour = int(view["met_hour"][0]) * HOUR_MS // bucket_ms
    this_hour = Met(float(surge.people(view["met"])[0]) + float(view["more"][0]), hour)
    for other in (_met(view, "crowd", "onset"), this_hour):
        if (other.since > met.since or met.full) and other.people >= surge.FEWEST - 0.5 and not other.full:
            return other
    return met


_TELLS: Final = 48
"""Bits of the small bitmaps from which their counts say little: some ninety subjects."""


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


def _ramp(view: Rows, link: Rows, profile: Rows, end_ms: int) -> Evidence | None:
    level_h = float(ramp_h(profile)[0])
    if not np.isfinite(level_h):
        raise FloatingPointError("the evidence of ramp of this scope is not a finite number")
    if level_h < link["warn_h"][0]:
        return None
    hour = end_ms // HOUR_MS // baseline.DAY_H * baseline.DAY_H - 1
    due = slow.due(profile["twin"], hour // baseline.DAY_H, link["floor"] * baseline.DAY_H)
    seen, expected = float(day_count(view, hour)[0]), float((due.level * due.season)[0])
    if seen <= expected:  # it has ended, and evidence has not died down yet
        return None
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
