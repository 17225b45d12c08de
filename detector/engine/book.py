"""Finds the rows of many scopes at once: a sorted copy of what the policies' own dictionaries say.

They have the last word: what the copy does not know yet is looked up there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.engine.policy_state import Key

Ints = NDArray[np.int64]

WAITING: Final = 64
"""New rows that are taken into the copy together."""
NOWHERE: Final = -1


class Book:
    """Rows by policy (the number of its profile) and key (numbered here)."""

    def __init__(self) -> None:
        self._numbers: dict[Key, int] = {}
        self._scopes: Ints = np.empty(0, np.int64)
        self._rows: Ints = np.empty(0, np.int64)
        self._waiting: dict[tuple[int, Key], int] = {}

    def find(self, profiles: Ints, keys: Sequence[Key], chosen: Ints) -> Ints:
        """Rows of pairs of a policy's profile (-1: no policy) and a key (index into `keys`); -1 where none is known."""
        numbers = np.array([self._numbers.get(key, NOWHERE) for key in keys])[chosen]
        at = self._places(profiles, numbers)
        found: Ints = np.where(at >= 0, self._rows[at], NOWHERE) if len(self._rows) else at
        return found

    def note(self, profile: int, key: Key, row: int) -> None:
        """A row was added."""
        self._waiting[profile, key] = row
        if len(self._waiting) >= WAITING:
            self._take_in()

    def remove(self, profile: int, key: Key) -> None:
        """A row was given back."""
        if self._waiting.pop((profile, key), None) is None and key in self._numbers:
            at = self._places(np.array([profile]), np.array([self._numbers[key]]))
            self._rows[at[at >= 0]] = NOWHERE

    def _places(self, profiles: Ints, numbers: Ints) -> Ints:
        """Where scopes stand in the copy, -1 for those that don't."""
        wanted = _scopes(profiles, numbers)
        at = np.minimum(np.searchsorted(self._scopes, wanted), len(self._scopes) - 1)
        there = (profiles >= 0) & (numbers >= 0) & (at >= 0)
        there[there] = self._scopes[at[there]] == wanted[there]
        return np.where(there, at, NOWHERE)

    def _take_in(self) -> None:
        """Let the copy know what waits, and forget what was given back."""
        live = self._rows >= 0
        held, rows = self._scopes[live], self._rows[live]
        if len(self._numbers) > 2 * (len(rows) + WAITING):
            held = self._renumber(held)
        profiles, keys = zip(*self._waiting, strict=True)
        numbers = np.array([self._numbers.setdefault(key, len(self._numbers)) for key in keys])
        scopes = np.concatenate([held, _scopes(np.array(profiles), numbers)])
        order = np.argsort(scopes, kind="stable")
        self._scopes, self._rows = scopes[order], np.concatenate([rows, list(self._waiting.values())])[order]
        self._waiting.clear()

    def _renumber(self, held: Ints) -> Ints:
        """Forget keys that no scope has any more; returns the scopes with their new numbers."""
        profiles, numbers = held >> _BITS, held & ((1 << _BITS) - 1)
        used, numbers = np.unique(numbers, return_inverse=True)
        keys = list(self._numbers)
        self._numbers = {keys[old]: new for new, old in enumerate(used.tolist())}
        return _scopes(profiles, numbers)


_BITS: Final = 32


def _scopes(profiles: Ints, numbers: Ints) -> Ints:
    return (profiles << _BITS) + numbers
