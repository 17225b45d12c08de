"""The book finds what the policies' own dictionaries say, whatever was added and removed."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.engine.book import WAITING, Book
from detector.engine.policy_state import PolicyState
from detector.policy import PolicySettings

KEYS = [("region", f"r{i}") for i in range(12)]
POLICIES = 20


def policies() -> list[PolicyState]:
    return [PolicyState(f"p{i}", 0, PolicySettings(), listed=True, profile=i) for i in range(POLICIES)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, POLICIES - 1), st.integers(0, len(KEYS) - 1), st.booleans()), max_size=300))
def test_what_it_finds_is_what_the_policies_know(moves):
    book, known, row = Book(), policies(), 0
    for at, key, adds in moves:
        rows = known[at].rows
        if adds and KEYS[key] not in rows:
            book.note(at, KEYS[key], row)
            rows[KEYS[key]], row = row, row + 1
        elif not adds and KEYS[key] in rows:
            del rows[KEYS[key]]
            book.remove(at, KEYS[key])
    profiles, keys = (each.reshape(-1) for each in np.meshgrid(np.arange(-1, POLICIES), np.arange(len(KEYS))))
    found = book.find(profiles, KEYS, keys)

    for profile, key, each in zip(profiles.tolist(), keys.tolist(), found.tolist(), strict=True):
        said = known[profile].rows.get(KEYS[key], -1) if profile >= 0 else -1
        assert each in (said, -1), "what it does not know yet is asked of the policy"


def test_it_knows_most_once_there_are_many():
    book = Book()
    for row in range(POLICIES * len(KEYS)):
        book.note(row % POLICIES, KEYS[row // POLICIES], row)
    found = book.find(np.arange(POLICIES), KEYS, np.zeros(POLICIES, int))

    assert POLICIES * len(KEYS) > 2 * WAITING
    assert found.tolist() == list(range(POLICIES))


def test_values_that_come_and_go_do_not_pile_up():
    book = Book()
    for row in range(50 * WAITING):
        book.note(0, ("region", f"r{row}"), row)
        if row:
            book.remove(0, ("region", f"r{row - 1}"))
    last = 50 * WAITING - 1

    assert len(book._numbers) <= 4 * WAITING
    assert book.find(np.zeros(2, int), [("region", f"r{last}"), ("region", "r5")], np.arange(2))[1] == -1
