"""Whom a scope's actions meet, each subject once an hour: one noisy actor must not look like many people.

A minute brings a bitmap of subjects for each field of the mix. Its people are those that the hour before it did not
hold: sets, so neither order nor repetition can matter. An hour that holds too many to tell them apart counts actions;
no one actor makes a share of so many.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.engine.channel_state import CROWDS, Rows
from detector.stats import surge
from detector.stats.evidence import Floats

Words = NDArray[np.uint64]

TELLS: Final = surge.BITS // 2
"""Bits of the hour from which its people are not told apart: some 180 of them."""
_TRIALS: Final = np.arange(CROWDS) // 2 * 2
"""Of each field, the one of its trials."""


def people(view: Rows, actions: Floats, marks: NDArray[np.uint8], minute: int) -> Floats:
    """People behind a final minute's counts who are new to the hour, shape (rows, `CROWDS`); takes note of them.

    Args:
        view: rows of `CHANNEL`, advanced to an earlier minute.
        actions: shape (rows, `CROWDS`): of each share in turn the trials and the successes.
        marks: shape (rows, `surge.BITS`), at the place of each subject the fields for which it counts, a bit each.
        minute: minutes since the epoch.
    """
    some, goes_on = np.flatnonzero(actions.any(axis=1)), view["met_hour"] == minute // 60
    before = np.where(goes_on[:, None, None], view["met"], np.uint64(0))[some]
    after = before | _bitmaps(marks[some])
    view["met"][some], view["met_hour"][some] = after, minute // 60
    crowded = _each(surge.marked, after)[:, _TRIALS] >= TELLS
    found = np.zeros_like(actions)
    found[some] = np.where(crowded, actions[some], _each(surge.people, after) - _each(surge.people, before))
    return found


def _bitmaps(marks: NDArray[np.uint8]) -> Words:
    """The same as a bitmap of subjects for each field, shape (rows, `CROWDS`, `surge.WORDS`)."""
    fields = [np.packbits(marks & np.uint8(1 << field), axis=1, bitorder="little") for field in range(CROWDS)]
    return np.stack(fields, axis=1).view(np.uint64)


def _each(told: Callable[[Words], NDArray[Any]], bitmaps: Words) -> NDArray[Any]:
    """What is told of each bitmap, shape (rows, `CROWDS`)."""
    return told(bitmaps.reshape(-1, surge.WORDS)).reshape(-1, CROWDS)
