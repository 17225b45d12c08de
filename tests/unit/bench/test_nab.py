"""NAB's scoring, on a file of a thousand points with one window."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench import nab

SERIES = nab.Labelled("one", 0, np.zeros(1000, np.int64), [(500, 599)])


def _score(*points):
    return nab.score([SERIES], {"one": np.array(points, np.int64)}, *nab.PROFILES["standard"])


def test_silence_scores_nothing_and_the_left_edge_of_every_window_everything():
    assert _score() == pytest.approx(0)
    assert _score(500) == pytest.approx(100)


def test_only_the_earliest_point_of_a_window_counts():
    assert _score(520, 530, 599) == pytest.approx(_score(520))
    assert _score(520) < _score(500)


def test_points_outside_cost_a_ninth_of_a_window_each_less_just_behind_one():
    assert _score(500, 300) == pytest.approx(_score(500) - 100 * 0.11 / 2)
    assert _score(500, 300) < _score(500, 605) < _score(500)
    assert _score(500, 599 + 400) == pytest.approx(_score(500) - 100 * 0.11 / 2)


def test_points_in_the_probation_time_are_ignored():
    assert _score(10, 149) == pytest.approx(0)
    assert _score(150) < 0


def test_every_count_becomes_as_many_actions_within_its_five_minutes():
    series = nab.Labelled("one", 600_000, np.array([0, 3, 1]), [])
    columns = nab.history([series]).columns
    assert (series.indices(columns["time"]) == [1, 1, 1, 2]).all()
    assert len(set(columns["subject"].tolist())) == 4
