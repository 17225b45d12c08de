"""What a batch's events count for, looked at per row."""

from __future__ import annotations

import numpy as np
import pytest

from detector.engine.columns import FOREVER, ROW
from detector.engine.touched import Touched

ROWS = np.array([[4, 4, -1, 2], [7, -1, -1, 7]])
"""Of four events: the third counts for nothing."""


@pytest.fixture
def touched():
    table = np.zeros(16, ROW)
    table["settled"] = np.arange(16)
    table["born"] = 100 - np.arange(16)
    return Touched.of(np.array([0, 2, 3, 9]), ROWS, table)


def test_each_row_stands_once_in_order(touched):
    assert touched.distinct.tolist() == [2, 4, 7]
    assert touched.distinct[touched.place[ROWS >= 0]].tolist() == ROWS[ROWS >= 0].tolist()


def test_the_table_is_read_once_a_row(touched):
    assert (touched.settled.tolist(), touched.born.tolist()) == ([2, 4, 7], [98, 96, 93])


@pytest.mark.parametrize("more", [0, 5])
def test_events_are_held_against_the_bound_of_each_of_their_rows_and_nothing_is_never_beyond(touched, more):
    values = np.array([5, 4, 9, 8]) + more
    expected = [[0 <= row < value for row, value in zip(each, values, strict=True)] for each in ROWS.tolist()]
    assert touched.beyond(np.array([2, 4, 7]), values).tolist() == expected


def test_a_part_of_the_events_keeps_the_rows(touched):
    part = touched.only(np.array([False, True, True, True]))

    assert part.events.tolist() == [2, 3, 9]
    assert part.rows.tolist() == [[4, -1, 2], [-1, -1, 7]]
    assert part.distinct.tolist() == [2, 4, 7]
    assert touched.only(np.ones(4, bool)) is touched


def test_the_least_value_of_each_row_is_of_the_events_that_hold(touched):
    everywhere = ROWS >= 0

    assert touched.least(np.array([30, 20, 1, 10]), everywhere).tolist() == [10, 20, 10]
    assert touched.least(np.array([30, 20, 1, 10]), everywhere & (np.arange(4) < 1)).tolist() == [FOREVER, 30, 30]
