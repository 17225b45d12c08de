"""Rolling counts over event time: rings of cells, one ring per scope, all scopes at once.

A ring of width `cells` holds the counts of the newest `cells` cells of event time; `head` is the number of the newest.
Adding is a sum of integers, so neither order nor batching can matter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Counts = NDArray[np.int32]


def add(ring: Counts, head: Ints, row: Ints, cell: Ints, count: Counts) -> tuple[Counts, Ints]:
    """Rings (rows, cells) and heads after adding each `count` to cell number `cell` of ring `row`.

    Cells that fall out of the ring are forgotten; a count older than the whole ring is dropped.
    """
    cells = ring.shape[1]
    newest = head.copy()
    np.maximum.at(newest, row, cell)
    ring = aged(ring, head, newest)
    inside = newest[row] - cell < cells
    np.add.at(ring, (row[inside], cell[inside] % cells), count[inside])
    return ring, newest


def aged(ring: Counts, head: Ints, at: Ints) -> Counts:
    """A copy of the rings as they stand at cell number `at` >= head: what fell out since is zero."""
    cells = ring.shape[1]
    held = at[:, None] - (at[:, None] - np.arange(cells)) % cells
    kept: Counts = np.where(held <= head[:, None], ring, 0)
    return kept


def total(ring: Counts, head: Ints, at: Ints, last: Ints | int) -> Ints:
    """Counts of the `last` (<= cells) cells that end with cell number `at`, for each row."""
    cells = ring.shape[1]
    newest = np.maximum(head, at)
    held = newest[:, None] - (newest[:, None] - np.arange(cells)) % cells
    inside = (held <= np.minimum(head, at)[:, None]) & (held > (at - last)[:, None])
    found: Ints = np.where(inside, ring, 0).sum(axis=1, dtype=np.int64)
    return found


def cells(ring: Counts, head: Ints, numbers: Ints) -> Counts:
    """What rings hold of the cells of these numbers, shape (rows, numbers); 0 where they are forgotten or not begun."""
    width = ring.shape[1]
    held = (numbers <= head[:, None]) & (numbers > head[:, None] - width)
    found: Counts = np.where(held, ring[:, numbers % width], 0)
    return found
