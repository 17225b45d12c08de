"""The book finds what the policies' own dictionaries say, whatever was added and removed."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.engine.book import LEAST, Book
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
            rows[KEYS[key]], row = row, row + 1
            book.note(known)
        elif not adds and KEYS[key] in rows:
            del rows[KEYS[key]]
            book.remove(at, KEYS[key])
    profiles, keys = (each.reshape(-1) for each in np.meshgrid(np.arange(-1, POLICIES), np.arange(len(KEYS))))
    found = book.find(profiles, KEYS, keys)

    for profile, key, each in zip(profiles.tolist(), keys.tolist(), found.tolist(), strict=True):
        said = known[profile].rows.get(KEYS[key], -1) if profile >= 0 else -1
        assert each in (said, -1), "what it does not know yet is asked of the policy"


def test_it_knows_most_once_there_are_many():
    book, known = Book(), policies()
    for row in range(POLICIES * len(KEYS)):
        known[row % POLICIES].rows[KEYS[row // POLICIES]] = row
        book.note(known)
    found = book.find(np.arange(POLICIES), KEYS, np.zeros(POLICIES, int))

    assert POLICIES * len(KEYS) > LEAST
    assert found.tolist() == list(range(POLICIES))
