"""Whom a scope's actions meet, and of whom more is heard, each subject once an hour: one person is not many people.

A minute brings a bitmap of subjects for each field of the mix. Its people are those whose place the hour before it did
not hold: sets, so neither order nor repetition can matter, and of whom a share is a fair sample. Where there are too
many to tell them apart, actions are counted; no one actor makes a share of so many.

Of events that come when their minute is final, only people are counted, while the bitmap of their hour is there: so no
late repetition counts twice, though nobody knows the ids of events for so long.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.engine.channel_state import CROWDS, FOLLOWED, MIXES, UNKNOWN, Counts, Rows, field
from detector.stats import surge
from detector.stats.evidence import Floats

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

TELLS: Final = surge.BITS // 4
"""Places of the hour from which its people are not told apart, some seventy of them. Whose place is taken is lost, an
eighth of all: parts that are told by people must stay comparable with a whole that is told by actions."""
AT_ONCE: Final = 32
"""The same of a minute: two who are new at one place count as one, and as what either of them is."""
FOLLOWS: Final = 32
"""Places from which people are not told apart any more in what follows."""
SEVERAL: Final = 1.5
"""Follow-ups for each person from which people are counted: two who share a place are not one who is heard of twice."""
PERIODS_MIN: Final = tuple(1440 if case == "rebans" else 60 for case in FOLLOWED)
"""For how long a person counts once. Who is acted on again after being reinstated may be so all day."""
_DECIDED, _OVERTURNED = field("decided"), field("overturned")
_OUTCOMES: Final = [list(FOLLOWED).index(case) for case in ("upheld", "overturned")]
_REINSTATED: Final = list(FOLLOWED).index("reinstated")
_OF_ACTIONS: Final = [*field("appeals"), *field("reversals")]
_FOLLOWED: Final = [[np.array(field(name)) for name in names] for names in FOLLOWED.values()]


def people(view: Rows, actions: Floats, marks: Bytes, minute: int, *, late: bool = False) -> Floats:
    """People behind a final minute's counts who are new to the hour, shape (rows, `CROWDS`); takes note of them.

    Args:
        view: rows of `CHANNEL`, advanced to an earlier minute.
        actions: shape (rows, `CROWDS`): of each share in turn the trials and the successes.
        marks: shape (rows, `surge.BITS`), at the place of each subject the fields for which it counts, a bit each.
        minute: minutes since the epoch.
        late: the minute was final before; `view` stands at a later one.
    """
    hour = minute // 60
    some, goes_on = np.flatnonzero(actions.any(axis=1) & (view["met_hour"] <= hour)), view["met_hour"] == hour
    before = np.where(goes_on[:, None, None], view["met"], np.uint64(0))[some]
    found = np.zeros_like(actions)
    for share in range(MIXES):
        trials, successes = (_bitmap(marks[some], 2 * share + which) for which in (0, 1))
        new, held = trials & ~before[:, share], before[:, share] | trials
        crowded = (surge.marked(held) >= TELLS) | (surge.marked(trials) >= AT_ONCE)
        for which, those in enumerate((new, new & successes)):
            beyond = 0.0 if late else actions[some, 2 * share + which]
            found[some, 2 * share + which] = np.where(crowded, beyond, surge.marked(those))
        view["met"][some, share] = np.where((crowded & late)[:, None], before[:, share], held)
    view["met_hour"][some] = hour
    return found


def thin(view: Rows, counts: Floats, marks: Bytes, minute: int) -> None:
    """Let one person's many follow-ups in a final minute count as one, in place; takes note of whom they were about.

    Args:
        view: as in `people`.
        counts: shape (rows, len(FIELDS)).
        marks: shape (rows, 64 `FOLLOWED_WORDS`), at the place of each subject bits for `FOLLOWED`, and `UNKNOWN`.
        minute: minutes since the epoch.
    """
    counts[:, _DECIDED] -= counts[:, _OVERTURNED]
    for at, fields in enumerate(_FOLLOWED):
        total = counts[:, fields[0]].sum(axis=1)
        if not len(some := np.flatnonzero(total)):
            continue
        before = _before(view, some, at, minute)
        held = before | _bitmap(marks[some], at)
        new = surge.people(held) - surge.people(before)
        known = (surge.marked(held) < FOLLOWS) & ~(marks[some] & np.uint8(UNKNOWN)).any(axis=1)
        several = known & (total[some] > SEVERAL * new)
        part = np.where(several, np.rint(new) / total[some], 1.0)
        for columns in fields:
            counts[np.ix_(some, columns)] *= part[:, None]
        view["followed"][some, at], view["followed_since"][some, at] = held, minute // PERIODS_MIN[at]
    counts[:, _DECIDED] += counts[:, _OVERTURNED]


def latecomers(view: Rows, counts: Counts, marks: tuple[Bytes, Bytes], minute: int) -> Floats:
    """What a final minute's counts that came too late say of people who were not counted, shape (rows, len(FIELDS)).

    Takes note of those people, and of nobody else: in a bitmap full of people who count for nothing, one person would
    pass for many. `view` stands at a later minute; `marks` are those of `people` and of `thin`, all known. What is held
    against each other is heard together or not at all: decisions of either outcome; appeals and reversals not, since
    late actions, from which they are due, are not. The reinstated are due to be left alone: rather too many.
    """
    many = counts.astype(np.float64)
    many[:, _OF_ACTIONS] = 0.0
    many[:, :CROWDS] = people(view, many[:, :CROWDS], marks[0], minute, late=True)
    many[:, _DECIDED] -= many[:, _OVERTURNED]
    cases = range(len(_FOLLOWED))
    before = np.stack([_before(view, slice(None), at, minute) for at in cases])
    since = minute // np.array(PERIODS_MIN)
    held = before | np.stack([_bitmap(marks[1], at) for at in cases])
    told = (view["followed_since"] <= since).T & _fewer(before, FOLLOWS) & _fewer(held, 3 * FOLLOWS)
    told[_OUTCOMES] = told[_OUTCOMES].all(axis=0)
    for at, fields in enumerate(_FOLLOWED):
        total = many[:, fields[0]].sum(axis=1)
        new = surge.people(held[at]) - surge.people(before[at])
        part = np.where(told[at], new / np.maximum(total, 1.0), float(at == _REINSTATED))
        many[:, np.concatenate(fields)] *= part[:, None]
        some = told[at] & (total > 0)
        view["followed"][some, at], view["followed_since"][some, at] = held[at, some], since[at]
    many[:, _DECIDED] += many[:, _OVERTURNED]
    return many


def _before(view: Rows, some: Ints | slice, at: int, minute: int) -> Words:
    """Bitmaps of whom some rows heard of by a case in a minute's period so far."""
    goes_on = view["followed_since"][some, at] == minute // PERIODS_MIN[at]
    return np.where(goes_on[:, None], view["followed"][some, at], np.uint64(0))


def _fewer(bitmaps: Words, most: int) -> NDArray[np.bool_]:
    """Which bitmaps, shape (cases, rows, words), have fewer places marked."""
    found: NDArray[np.bool_] = np.bitwise_count(bitmaps).sum(axis=-1) < most
    return found


def _bitmap(marks: Bytes, kind: int) -> Words:
    """Subjects marked with a kind, a bit each, shape (rows, words)."""
    return np.packbits(marks & np.uint8(1 << kind), axis=1, bitorder="little").view(np.uint64)
