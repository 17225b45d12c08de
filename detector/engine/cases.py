"""What events count for, beside the actions themselves: whom actions meet, and what follows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.engine.channel_state import CONTENT_OLD_S, FIELDS, FOLLOWED, TENURED_S, field
from detector.engine.transition import Batch
from detector.stats import ages

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

ACTION, APPEAL, DECISION, REVERSAL, REVIEW, _, EVALUATED = range(7)
"""Kinds of events, as in `events.KINDS`; those up to reviews count for scopes."""
_FIELD: Final = {name: field(name)[0] for name in FIELDS}
_BIT: Final = {name: 1 << at for at, name in enumerate(FOLLOWED)}
_TENURED_H: Final = TENURED_S // 3600 + 1
_CONTENT_OLD_H: Final = CONTENT_OLD_S // 3600 + 1


def mix(batch: Batch) -> Bytes:
    """What each action says of whom it meets, a bit for each of the first `CROWDS` of `FIELDS`; 0 of other events."""
    ages_h = (batch.subject_age_h, _TENURED_H), (batch.content_age_h, _CONTENT_OLD_H)
    known = [(age_h > 0, age_h >= old) for age_h, old in ages_h] + [(batch.prior > 0, batch.prior == 1)]
    kinds = np.zeros(len(batch.kind), np.uint8)
    for at, mask in enumerate(mask for pair in known for mask in pair):
        kinds |= mask.view(np.uint8) << np.uint8(at)
    kinds[batch.kind != ACTION] = 0
    return kinds


class Case(NamedTuple):
    """A mask of events, and what they count as: a column of `FIELDS` each, or one for all.

    `bit`: of the case of `FOLLOWED` that they are, one each; 0 where they only tell more of one.
    """

    events: NDArray[np.bool_]
    fields: Ints | int
    bit: int = 0


def other(batch: Batch, again: NDArray[np.bool_]) -> Iterator[Case]:
    """What else a batch's events count for. `again`: actions on subjects that were reinstated of late."""
    if again.any():
        yield Case(again, _FIELD["rebans"], _BIT["rebans"])
    if (batch.kind != ACTION).any():
        yield from _follow_ups(batch)


def undone(batch: Batch) -> NDArray[np.bool_]:
    """Events that reinstate their subject."""
    found: NDArray[np.bool_] = batch.wrong & ((batch.kind == DECISION) | (batch.kind == REVERSAL))
    return found


def _follow_ups(batch: Batch) -> Iterator[Case]:
    age = ages.bin_of(batch.acted_s)
    wrong = batch.wrong
    decision = batch.kind == DECISION
    decided = decision | (batch.kind == REVIEW)
    yield Case(batch.kind == APPEAL, _FIELD["appeals_0"] + age, _BIT["appeals"])
    yield Case(decided & ~wrong, _FIELD["decided_0"] + age, _BIT["upheld"])
    yield Case(decided & wrong, _FIELD["decided_0"] + age, _BIT["overturned"])
    yield Case(decided & wrong, _FIELD["overturned_0"] + age)
    yield Case((batch.kind == REVERSAL) & wrong, _FIELD["reversals_0"] + age, _BIT["reversals"])
    yield Case(undone(batch), _FIELD["reinstated"], _BIT["reinstated"])
    yield Case(decision & ~wrong & batch.automated, _FIELD["quick_rejections"])
