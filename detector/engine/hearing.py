"""Decides on the scopes that speak, always in the same order: a row's number is another one after a restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from detector.breaker import Moment
from detector.engine import judge as rule
from detector.engine.actuator import Actuator
from detector.engine.minutes import Moved
from detector.engine.policy_state import WHOLE, Key
from detector.engine.scopes import Scopes
from detector.engine.transition import Transition
from detector.engine.walk import Walk
from detector.policy import DIMENSIONS
from detector.units import MINUTE_MS


class Hearing:
    """Hears the scopes that speak, and has their breakers moved."""

    def __init__(self, scopes: Scopes, actuator: Actuator, bucket_ms: int) -> None:
        self._scopes = scopes
        self._actuator = actuator
        self._bucket_ms = bucket_ms

    def channels(self, moved: Moved, minute: int, to: Mapping[int, Moment]) -> list[Transition]:
        """Decide on scopes whose channels speak after a final minute."""
        links, found = self._scopes.links.rows, list[Transition]()
        corroborated, speaking = rule.channels_speak(moved.channel, links[moved.rows])
        for row in moved.rows[links["corroborated"][moved.rows] != corroborated].tolist():
            links["corroborated"][row] ^= True
            self._scopes.expect(*self._scopes.owner[row])
        bucket = ((minute + 1) * MINUTE_MS - 1) // self._bucket_ms
        for row in self.in_turn(moved.rows[speaking].tolist()):
            found += self.row(row, bucket, to)
        return found

    def row(self, row: int, through: int, to: Mapping[int, Moment]) -> list[Transition]:
        """Decide on a scope of which all through a bucket is final."""
        links, table = self._scopes.links.rows, self._scopes.table.rows
        return self._actuator.judge(row, table[row : row + 1], through, to[int(links["partition"][row])])

    def walk(self, walk: Walk, bucket: int, speaking: list[int], to: Mapping[int, Moment]) -> list[Transition]:
        """Decide on rows (indices into the walk's) that speak after a bucket."""
        found: list[Transition] = []
        for i in sorted(speaking, key=lambda one: self._turn(int(walk.rows[one]))):
            now = to[int(walk.link["partition"][i])]
            found += self._actuator.judge(int(walk.rows[i]), walk.view[i : i + 1], bucket, now)
        if found:
            walk.listen()
        return found

    def in_turn(self, rows: Iterable[int]) -> list[int]:
        """Rows by policy; in it, who decided before where, and the whole last: a cause may speak for itself."""
        return sorted(rows, key=self._turn)

    def _turn(self, row: int) -> tuple[str, int, Key]:
        policy, key = self._scopes.owner[row]
        return policy.id, DIMENSIONS.index(key[0]) if key != WHOLE else len(DIMENSIONS), key
