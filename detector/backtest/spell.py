"""Figures as people read them. Nothing is left out: what is unknown is a dash."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

UNKNOWN: Final = "–"  # noqa: RUF001 - the dash is what stands in the table
MOST_ROWS: Final = 100
"""Rows of one table on a terminal; whatever is left out is in the JSON."""
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
FULL: Final = 1000


def utc(time_ms: int) -> str:
    """`2012-07-02 01:52:02`."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def count(number: float) -> str:
    """A whole number with its thousands parted."""
    return f"{number:,.0f}"


def figure(number: float | None) -> str:
    """Three significant digits; from a thousand on a whole number."""
    if number is None:
        return UNKNOWN
    return count(number) if abs(number) >= FULL else f"{float(f'{number:.3g}'):.12g}"


def share(ratio: float | None) -> str:
    """A ratio in per cent."""
    return UNKNOWN if ratio is None else f"{figure(ratio * 100)} %"


def span(seconds: float | None) -> str:
    """A time span in its two largest units: `41 s`, `3 min 20 s`, `5 h 2 min`, `12 d 4 h`."""
    if seconds is None:
        return UNKNOWN
    whole = round(seconds)
    if whole < MINUTE_S:
        return f"{figure(seconds)} s"
    for unit_s, unit, part_s, part in ((DAY_S, "d", HOUR_S, "h"), (HOUR_S, "h", MINUTE_S, "min"), (60, "min", 1, "s")):
        if whole >= unit_s:
            rest = whole % unit_s // part_s
            return f"{whole // unit_s:,} {unit}" + (f" {rest} {part}" if rest else "")
    raise AssertionError(seconds)
