"""A checkpoint's content: frozen at one position of each partition, encoded lazily, written in slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from detector.engine import Engine
from detector.fold import state
from detector.fold.partition import Partition

Entry = tuple[int, bytes, bytes]
"""Partition, key, value of the table."""


def settings_key(partition: int, version: str) -> bytes:
    """Table key of a policy file on a partition: a seal names the version that it needs."""
    return b"settings/%d/%s" % (partition, version.encode())


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What changed since the one before. Write `policies()` and await them, then `seals()`, then commit `floors`."""

    floors: dict[int, int]
    _positions: dict[int, int]
    _policies: list[tuple[int, bytes, state.PolicyValue]]
    _settings: list[Entry]
    _seals: list[Entry]

    @classmethod
    def take(cls, engine: Engine, partitions: Mapping[int, Partition]) -> Snapshot:
        """Freeze what changed; from now on it counts as saved (a failed write stops the process)."""
        positions = {number: mine.position for number, mine in partitions.items()}
        changed = []
        for policy in engine.scopes.policies.values():
            if policy.changed and policy.partition in positions:
                changed.append((policy.partition, b"policy/" + policy.id.encode(), state.freeze_policy(engine, policy)))
                policy.changed = False
        settings, seals = [], []
        for number, mine in partitions.items():
            if mine.config_version != mine.saved_version:
                mine.saved_version = mine.config_version
                value = state.pack(mine.position, mine.ruleset)
                settings.append((number, settings_key(number, mine.config_version), value))
            seal = mine.seal(engine.scopes.deploys.get(number, {}), engine.scopes.glimpses.started.get(number))
            seals.append((number, b"seal/%d" % number, state.pack_seal(mine.position, seal)))
        floors = {number: mine.seen.floor(mine.position) for number, mine in partitions.items()}
        return cls(floors, positions, changed, settings, seals)

    def __len__(self) -> int:
        return len(self._policies) + len(self._settings)

    def policies(self) -> Iterator[Entry]:
        """Values that must be safe before any seal is written."""
        for partition, key, value in self._policies:
            yield partition, key, state.pack_policy(self._positions[partition], value)
        yield from self._settings

    def seals(self) -> Iterator[Entry]:
        """One per partition: the proof that all before it is complete."""
        yield from self._seals
