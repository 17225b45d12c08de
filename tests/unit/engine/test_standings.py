"""What a test may build on of earlier ones."""

from __future__ import annotations

import numpy as np
import pytest

from detector.engine.columns import ROW
from detector.engine.standings import Standings, heads

ROWS = np.array([3, 5])
SETTLED = np.array([10, 10])


@pytest.fixture
def known():
    """Standings of two rows that stood with a CUSUM of 7 after bucket 20."""
    found, view = Standings(5_000), np.zeros(2, ROW)
    found.hear(ROWS, np.array([21, 21]), np.ones(2, int))
    view["cusum"] = 7.0
    found.keep(ROWS, np.array([20, 20]), heads(view, np.arange(2)))
    found.tested(ROWS)
    return found


def test_a_standing_holds_for_what_comes_after_it(known):
    known.hear(ROWS, np.array([21, 24]), np.ones(2, int))
    view = np.zeros(2, ROW)
    known.restore(view, ROWS, SETTLED)

    assert known.through(ROWS, SETTLED).tolist() == [20, 20]
    assert view["cusum"].tolist() == [7.0, 7.0]


def test_an_event_at_or_behind_it_ends_it_for_good(known):
    known.hear(np.array([5]), np.array([20]), np.ones(1, int))
    assert known.through(ROWS, SETTLED).tolist() == [20, 10]

    known.tested(ROWS)
    assert known.through(ROWS, SETTLED).tolist() == [20, 10]


def test_what_moves_a_row_otherwise_ends_it(known):
    known.forget(3)
    assert known.through(ROWS, SETTLED).tolist() == [10, 20]


def test_what_is_settled_beyond_it_counts_instead(known):
    view = np.zeros(2, ROW)
    known.restore(view, ROWS, np.array([20, 25]))

    assert known.through(ROWS, np.array([20, 25])).tolist() == [20, 25]
    assert not view["cusum"].any()
