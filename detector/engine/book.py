"""Finds the rows of many scopes at once: a sorted copy of what the policies' own dictionaries say.

They have the last word. What the copy does not know yet is looked up there, and once that is much it is made anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.engine.policy_state import Key, PolicyState

Ints = NDArray[np.int64]

LEAST: Final = 64
NOWHERE: Final = -1


class Book:
    """Rows by policy (the number of its profile) and key (numbered here)."""

    def __init__(self) -> None:
        self._numbers: dict[Key, int] = {}
        self._scopes: Ints = np.empty(0, np.int64)
        self._rows: Ints = np.empty(0, np.int64)
        self._unknown = 0

    def find(self, profiles: Ints, keys: Sequence[Key], chosen: Ints) -> Ints:
        """Rows of pairs of a policy's profile (-1: no policy) and a key (index into `keys`); -1 where none is known."""
        numbers = np.array([self._numbers.get(key, NOWHERE) for key in keys])[chosen]
        wanted = _pairs(profiles, numbers)
        at = np.searchsorted(self._scopes, wanted)
        at[at == len(self._scopes)] = 0
        there = (profiles >= 0) & (numbers >= 0) if len(self._scopes) else np.zeros(len(at), bool)
        there[there] = self._scopes[at[there]] == wanted[there]
        found: Ints = np.full(len(at), NOWHERE)
        found[there] = self._rows[at[there]]
        return found

    def note(self, policies: Iterable[PolicyState]) -> None:
        """A row was added; where many were, the copy is made anew."""
        self._unknown += 1
        if self._unknown <= max(LEAST, len(self._rows) // 8):
            return
        every = [(policy.profile, key, row) for policy in policies for key, row in policy.rows.items()]
        self._numbers = {key: number for number, key in enumerate({key for _, key, _ in every})}
        profiles, numbers, rows = (
            np.array(column) for column in zip(*((at, self._numbers[key], row) for at, key, row in every), strict=True)
        )
        scopes = _pairs(profiles, numbers)
        order = np.argsort(scopes)
        self._scopes, self._rows, self._unknown = scopes[order], rows[order], 0

    def remove(self, profile: int, key: Key) -> None:
        """A row was given back."""
        number = self._numbers.get(key)
        if number is None:
            return
        wanted = _pairs(np.array([profile]), np.array([number]))
        at = int(np.searchsorted(self._scopes, wanted)[0])
        if at < len(self._scopes) and self._scopes[at] == wanted[0]:
            self._rows[at] = NOWHERE


def _pairs(profiles: Ints, numbers: Ints) -> Ints:
    return (profiles << 32) + numbers
