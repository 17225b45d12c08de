"""Scans over segments of a flat column, exact in integers: what each entry has behind it since its segment began.

`starts` marks the first entry of each segment; entry 0 begins one in any case. No sum of floats crosses a segment, so
what one scope comes to never depends on which others are handled with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Words = NDArray[np.uint64]


def order(keys: Ints) -> Ints:
    """The stable order of small integers >= 0: key and index in one number, sorted, six times as fast as `argsort`."""
    size = max(len(keys), 1)
    found: Ints = np.sort(keys * size + np.arange(len(keys))) % size
    return found


def runs(values: Ints) -> Iterator[tuple[int, Ints | slice]]:
    """Each distinct value, ascending, and which entries have it, in their order: a slice where all do."""
    if not len(values):
        return
    if (least := values.min()) == values.max():
        yield int(least), slice(None)
        return
    by_value = order(values - least)
    ascending = values[by_value]
    later = np.flatnonzero(np.diff(ascending)) + 1
    for begin, end in pairwise([0, *later.tolist(), len(values)]):
        yield int(ascending[begin]), by_value[begin:end]


def later(values: NDArray[Any]) -> NDArray[Any]:
    """What stood one entry before each, along the first axis; the first entry keeps its own."""
    found = values.copy()
    found[1:] = values[:-1]
    return found


def inverse(order: Ints) -> Ints:
    """Where each entry went in an order."""
    found = np.empty_like(order)
    found[order] = np.arange(len(order))
    return found


def distinct(keys: Ints, most: int) -> Ints:
    """Distinct keys in [0, most), ascending: a mark per key, no hashing."""
    there = np.zeros(most, bool)
    there[keys] = True
    return np.flatnonzero(there)


def places(keys: Ints, most: int) -> tuple[Ints, Ints]:
    """Distinct keys in [0, most), ascending; and for each entry, of whatever shape they are, the index of its own."""
    found, index = distinct(keys, most), np.empty(most, np.int64)
    index[found] = np.arange(len(found))
    return found, index[keys]


def begins(starts: Mask) -> Ints:
    """For each entry, the index of the first one of its segment."""
    at = np.where(starts, np.arange(len(starts)), 0)
    found: Ints = np.maximum.accumulate(at)
    return found


def sums(values: NDArray[np.int32], first: Ints) -> Ints:
    """Sums of integers, along the first axis, from each segment's start (`first`, see `begins`) through the entry."""
    total = np.cumsum(values, axis=0, dtype=np.int64)
    before = total[first] - values[first]
    found: Ints = total - before
    return found


def unions(marks: Words, first: Ints) -> Words:
    """Unions of bitmaps, shape (entries, words), from each segment's start through the entry."""
    found, step, index = marks.copy(), 1, np.arange(len(marks))
    longest = int((index - first).max(initial=0))
    while step <= longest:
        inside = index[step:] - step >= first[step:]
        found[step:] |= np.where(inside[:, None], found[:-step], np.uint64(0))
        step *= 2
    return found
