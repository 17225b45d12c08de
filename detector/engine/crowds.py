"""Whom a scope's actions meet, each subject once an hour: one noisy actor must not look like many people.

A minute brings a bitmap of subjects for each field of the mix. Its people are those whose place the hour before it did
not hold: sets, so neither order nor repetition can matter, and of whom a share is a fair sample. Where there are too
many to tell them apart, actions are counted; no one actor makes a share of so many.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.engine.channel_state import MIXES, Rows
from detector.stats import surge
from detector.stats.evidence import Floats

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]

TELLS: Final = surge.BITS // 4
"""Places of the hour from which its people are not told apart, some seventy of them. Whose place is taken is lost, an
eighth of all: parts that are told by people must stay comparable with a whole that is told by actions."""
AT_ONCE: Final = 32
"""The same of a minute: two who are new at one place count as one, and as what either of them is."""


def people(view: Rows, actions: Floats, marks: Bytes, minute: int) -> Floats:
    """People behind a final minute's counts who are new to the hour, shape (rows, `CROWDS`); takes note of them.

    Args:
        view: rows of `CHANNEL`, advanced to an earlier minute.
        actions: shape (rows, `CROWDS`): of each share in turn the trials and the successes.
        marks: shape (rows, `surge.BITS`), at the place of each subject the fields for which it counts, a bit each.
        minute: minutes since the epoch.
    """
    some, goes_on = np.flatnonzero(actions.any(axis=1)), view["met_hour"] == minute // 60
    before = np.where(goes_on[:, None, None], view["met"], np.uint64(0))[some]
    found = np.zeros_like(actions)
    for share in range(MIXES):
        trials, successes = (_bitmap(marks[some], 2 * share + which) for which in (0, 1))
        new, held = trials & ~before[:, share], before[:, share] | trials
        crowded = (surge.marked(held) >= TELLS) | (surge.marked(trials) >= AT_ONCE)
        for which, those in enumerate((new, new & successes)):
            found[some, 2 * share + which] = np.where(crowded, actions[some, 2 * share + which], surge.marked(those))
        view["met"][some, share] = held
    view["met_hour"][some] = minute // 60
    return found


def _bitmap(marks: Bytes, field: int) -> Words:
    """Subjects that count for a field, shape (rows, `surge.WORDS`)."""
    return np.packbits(marks & np.uint8(1 << field), axis=1, bitorder="little").view(np.uint64)
