"""The bounded set of reinstated subjects answers as a plain dictionary would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.engine import reinstated
from detector.engine.reinstated import Reinstated
from detector.errors import StateError

HOUR_MS = 3_600_000


def subjects(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


def times(*hours: float) -> np.ndarray:
    return np.array([int(hour * HOUR_MS) for hour in hours], np.int64)


def holding(*pairs: tuple[int, float]) -> Reinstated:
    held = Reinstated()
    held.add(subjects(*(who for who, _ in pairs)), times(*(hour for _, hour in pairs)))
    return held


def test_an_action_within_three_days_of_the_reinstatement_is_one_again_and_no_other():
    held = holding((7, 100.0))
    asked = held.again(subjects(7, 7, 7, 7, 8), times(100, 171.9, 172, 99.9, 101))
    assert asked.tolist() == [True, True, False, False, False]


def test_nobody_is_met_again_where_nobody_was_reinstated():
    assert not Reinstated().again(subjects(1, 0), times(1, 1)).any()


def test_unknown_subjects_are_never_held():
    held = holding((0, 1.0), (5, 1.0))
    assert len(held) == 1
    assert held.again(subjects(0, 5), times(2, 2)).tolist() == [False, True]


pairs = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 200)), max_size=30)


@given(pairs, pairs, st.randoms(use_true_random=False))
def test_order_and_batches_do_not_matter_and_answers_are_those_of_a_dictionary(added, asked, random):
    whole, piecemeal, oracle = holding(*added), Reinstated(), {}
    shuffled = random.sample(added, len(added))
    for who, hour in shuffled:
        piecemeal.add(subjects(who), times(hour))
        if who:
            oracle[who] = max(hour, oracle.get(who, hour))
    assert whole.to_bytes() == piecemeal.to_bytes()
    answers = whole.again(subjects(*(who for who, _ in asked)), times(*(hour for _, hour in asked)))
    assert answers.tolist() == [0 <= hour - oracle.get(who, 10**6) < 72 for who, hour in asked]


def test_beyond_the_bound_the_longest_reinstated_go_and_are_counted(monkeypatch):
    monkeypatch.setattr(reinstated, "MOST", 3)
    held = holding((1, 5.0), (2, 1.0), (3, 2.0), (4, 9.0), (5, 1.0))
    assert held.dropped == 2
    assert held.again(subjects(1, 2, 3, 4, 5), times(9, 9, 9, 9, 9)).tolist() == [True, False, True, True, False]


def test_those_whose_three_days_are_over_are_let_go():
    held = holding((1, 1.0), (2, 50.0))
    held.prune(74 * HOUR_MS)
    assert len(held) == 1
    assert held.dropped == 0


def test_its_bytes_bring_it_back():
    held = holding((1, 5.0), (2**64 - 1, 6.0))
    held.dropped = 4
    again = Reinstated.from_bytes(held.to_bytes())
    assert again.to_bytes() == held.to_bytes()
    assert again.again(subjects(2**64 - 1), times(7)).all()
    again.add(subjects(3), times(7))
    assert len(again) == 3


@pytest.mark.parametrize("raw", [b"", b"1234567", bytes(9), bytes(8 + 16 * 4097)])
def test_bytes_that_are_none_of_its_own_are_refused(raw):
    with pytest.raises(StateError, match="reinstated subjects"):
        Reinstated.from_bytes(raw)
