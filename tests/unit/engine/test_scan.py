"""Scans over flat columns, held against plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detector.engine import scan

values = st.lists(st.integers(0, 6), max_size=30).map(lambda found: np.array(found, np.int64))


@given(values, st.integers(-(2**40), 2**40))
def test_runs_hold_every_entry_once_in_its_order(found, least):
    found = found + least
    runs = [(value, np.arange(len(found))[here].tolist()) for value, here in scan.runs(found)]
    assert runs == [(value, np.flatnonzero(found == value).tolist()) for value in np.unique(found).tolist()]


@given(values)
def test_places_are_those_of_unique(found):
    distinct, place = scan.places(found.reshape(1, -1), 7)
    expected, index = np.unique(found, return_inverse=True)
    assert (distinct.tolist(), place.tolist()) == (expected.tolist(), [index.tolist()])


@given(values, st.data())
def test_sums_and_unions_begin_anew_with_each_segment(found, data):
    starts = np.array(data.draw(st.lists(st.booleans(), min_size=len(found), max_size=len(found))), bool)
    first = scan.begins(starts)
    sums, unions = scan.sums(found.astype(np.int32), first), scan.unions(found.astype(np.uint64)[:, None], first)
    for i in range(len(found)):
        segment = found[max([at for at in range(i + 1) if starts[at]], default=0) : i + 1]
        assert (sums[i], unions[i, 0]) == (segment.sum(), np.bitwise_or.reduce(segment))
