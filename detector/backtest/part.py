"""Rows of the log with names that hold for the whole run: what counting and pausing look at."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.events import KINDS, Action, Deploy
from detector.wire import log

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

ACTION: Final = KINDS.index(Action)
DEPLOY: Final = KINDS.index(Deploy)
COLUMNS: Final = {
    "rule_version": "origin", "model_version": "model", "signal": "signal", "region": "region", "client": "client",
    "action_type": "type",
}  # fmt: skip
"""Which column of the log holds the values of a scope's dimension."""


class Names:
    """Numbers names in order of first use."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.names: list[str] = []

    def __len__(self) -> int:
        return len(self.names)

    def code(self, name: str) -> int:
        """Number of a name, a new one on first use."""
        found = self.codes.get(name)
        if found is None:
            found = self.codes[name] = len(self.names)
            self.names.append(name)
        return found

    def all(self, names: list[str]) -> Ints:
        """Numbers of names."""
        return np.array([self.code(name) for name in names], np.int64)


class Part(NamedTuple):
    """Columns of equal length; an event that came twice in one record of the log is here once."""

    time_ms: Ints
    policy: Ints
    action: Mask
    automated: Mask
    values: dict[str, Ints]
    """By dimension."""

    def where(self, mask: Mask | Ints) -> Part:
        """Some of the rows."""
        values = {name: column[mask] for name, column in self.values.items()}
        return Part(self.time_ms[mask], self.policy[mask], self.action[mask], self.automated[mask], values)


class Book:
    """The names of one run, shared by all who look at its parts."""

    def __init__(self) -> None:
        self.policies = Names()
        self.values = {dimension: Names() for dimension in COLUMNS}

    def part(self, rows: log.Rows) -> Part:
        """A record's rows."""
        _, once = np.unique(rows.column("event"), return_index=True)
        once.sort()
        kind = rows.column("kind")[once]
        return Part(
            rows.column("time")[once],
            self.policies.all(rows.policies)[rows.column("policy")[once]],
            kind == ACTION,
            (rows.column("flags")[once] & log.AUTOMATED) != 0,
            {
                dimension: self.values[dimension].all(getattr(rows, log.DIMENSIONS[column]))[rows.column(column)[once]]
                for dimension, column in COLUMNS.items()
            },
        )
