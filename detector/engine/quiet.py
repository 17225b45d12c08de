"""Whole policies that have gone silent: where many actions are due and none comes, all is not well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.engine.columns import NEVER, SECONDS_CELL_MS
from detector.stats import baseline, silence
from detector.units import HOUR_MS

Rows = NDArray[np.void] | Mapping[str, NDArray[Any]]
Floats = NDArray[np.float64]
VIEW: Final = ("rate", "phi", "level_b", "seconds_head")
LINK: Final = ("floor",)
PROFILE: Final = ("silence",)
"""The columns that silence is known from."""


def levels(view: Rows, link: Rows, profile: Rows, end_ms: int) -> Floats:
    """Evidence of silence, hours, shape (rows,), as all before `end_ms` is final; all rows are of whole policies.

    Only a known rate that is material can be missed: it is 0 below, on the first day, and before the first action.
    """
    begin_ms = (end_ms - 1) // HOUR_MS * HOUR_MS
    last_ms = last(view)
    before = np.where(last_ms > begin_ms, 0.0, profile["silence"])
    quiet_h = np.clip(end_ms - np.maximum(last_ms, begin_ms), 0, None) / HOUR_MS
    missed = (view["rate"] > link["floor"]) & (view["level_b"] >= baseline.TRAINED_H)
    missed &= view["seconds_head"] > NEVER
    return np.where(missed, silence.longer(before, quiet_h, view["rate"], view["phi"]), 0.0)


def last(view: Rows) -> NDArray[np.int64]:
    """End of the cell of each row's last final action, epoch ms."""
    found: NDArray[np.int64] = (view["seconds_head"] + 1) * SECONDS_CELL_MS
    return found
