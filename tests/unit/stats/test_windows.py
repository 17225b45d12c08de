"""Rolling counts equal a recount of the raw events, whatever the order in which they came."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detector.stats import windows

CELLS = 8
adds = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5)), max_size=30)


def filled(events: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    ring, head = np.zeros((1, CELLS), np.int32), np.array([-(2**40)])
    for cell, count in events:
        ring, head = windows.add(ring, head, np.array([0]), np.array([cell]), np.array([count]))
    return ring, head


@given(adds, st.integers(1, CELLS))
def test_the_window_that_ends_with_the_newest_cell_equals_a_recount(events, last):
    ring, head = filled(events)
    newest = max((cell for cell, _ in events), default=0)
    expected = sum(count for cell, count in events if newest - last < cell <= newest)
    assert windows.total(ring, head, np.array([newest]), last)[0] == expected


@given(adds, st.integers(0, 20))
def test_a_window_in_the_future_forgets_what_fell_out(events, later):
    ring, head = filled(events)
    at = max((cell for cell, _ in events), default=0) + later
    expected = sum(count for cell, count in events if at - CELLS < cell <= at)
    assert windows.total(ring, head, np.array([at]), CELLS)[0] == expected


@given(st.permutations([(0, 1), (3, 2), (5, 1), (7, 4)]))
def test_order_does_not_matter_within_the_ring(events):
    ring, head = filled(events)
    np.testing.assert_array_equal(ring, filled([(0, 1), (3, 2), (5, 1), (7, 4)])[0])
    assert head[0] == 7
