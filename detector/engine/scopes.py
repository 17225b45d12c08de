"""Who owns which row: policies with their scopes, and the tables their numbers are in."""

from __future__ import annotations

from typing import Final

import numpy as np

from detector.engine.book import Book
from detector.engine.channel_state import CHANNEL
from detector.engine.channel_state import blank as blank_channel
from detector.engine.channel_state import inherit as inherit_channel
from detector.engine.columns import PROFILE, ROW, Table, blank
from detector.engine.glimpses import Glimpses
from detector.engine.links import LINK, tell_lines, tell_settings
from detector.engine.policy_state import WHOLE, Key, PolicyState
from detector.engine.rulebook import Rulebook
from detector.engine.standings import Standings
from detector.policy import PolicySettings, Ruleset
from detector.stats import slow
from detector.units import MINUTE_MS

MAX_VALUES: Final = 32
"""Values of one dimension that a policy tracks at once; the longest idle one makes room."""
INHERITED: Final = (
    *("level_a", "level_b", "phi_total", "phi_hours", "rate", "next_rate", "phi"),
    *("busiest", "begun", "stranger", "bar", "next_bar"),
)
"""What a new version starts with: the numbers of its predecessor."""


class Scopes:
    """All policies of all partitions that this worker holds, and their rows."""

    def __init__(self, bucket_ms: int, behind_ms: int) -> None:
        self.table = Table(ROW)
        self.links = Table(LINK)
        self.channels = Table(CHANNEL)
        self.profiles = Table(PROFILE)
        self.standings = Standings(bucket_ms)
        self.book = Book()
        self.rules = Rulebook()
        self.glimpses = Glimpses(self.table, self.links, self.standings, bucket_ms, behind_ms)
        self.policies: dict[str, PolicyState] = {}
        self.owner: dict[int, tuple[PolicyState, Key]] = {}
        self.freed: list[int] = []
        """Rows given back since the engine last looked: their open counts must go too."""
        self._by_partition: dict[int, np.ndarray[tuple[int], np.dtype[np.int64]]] = {}
        self._unlisted: dict[int, int] = {}
        self._bucket_ms = bucket_ms
        self.deploys: dict[int, dict[str, int]] = {}
        """Newest deploys that named no policy, per partition and origin, epoch ms."""

    def configure(self, partition: int, ruleset: Ruleset) -> list[tuple[PolicyState, bool]]:
        """Adopt a policy file on a partition; returns its policies, and which of them it changed. Numbers are kept."""
        self.rules.adopt(partition, ruleset)
        found = []
        for policy in self.policies.values():
            if policy.partition != partition:
                continue
            before = policy.settings
            policy.settings, listed = self.rules.settings(policy.id, partition)
            found.append((policy, policy.settings != before))
            self._unlisted[partition] += policy.listed - listed
            policy.listed = listed
            self._drop_unwatched(policy)
            for key, row in policy.rows.items():
                tell_settings(self.link_of(row), policy, key, self._bucket_ms)
        return found

    def _drop_unwatched(self, policy: PolicyState) -> None:
        """Forget values of dimensions that are watched no more, but for those that are held or have warned."""
        for key in [key for key in policy.rows if not policy.watches(key)]:
            if policy.breaker(key).at_rest:
                self._drop(policy, key)
                policy.breakers.pop(key, None)
                policy.changed = True

    def policy(self, policy_id: str, partition: int, settled: int, offset: int) -> PolicyState | None:
        """The policy, made on first sight in the record at `offset`; None where the cap on unlisted ones refuses it."""
        known = self.policies.get(policy_id)
        if known is not None:
            return known
        _, listed = self.rules.settings(policy_id, partition)
        if not listed and self._unlisted.get(partition, 0) >= self.rules.of(partition).unknown.cap:
            return None
        made = self.adopt(policy_id, partition)
        made.deploys.update(self.deploys.get(partition, {}))
        self._new_row(made, WHOLE, settled, offset)
        return made

    def adopt(self, policy_id: str, partition: int) -> PolicyState:
        """Take in a policy without rows, listed or not."""
        settings, listed = self.rules.settings(policy_id, partition)
        policy = PolicyState(policy_id, partition, settings, listed, profile=self.profiles.new())
        profile = self.profiles.rows[policy.profile : policy.profile + 1]
        profile["twin"], profile["scale"] = slow.blank(1), 1.0
        self.policies[policy_id] = policy
        self._unlisted[partition] = self._unlisted.get(partition, 0) + (not listed)
        return policy

    def row(self, policy: PolicyState, key: Key, settled: int, offset: int) -> int:
        """Row of a value of a dimension, made on first sight in the record at `offset`; -1 where it is not watched.

        A loaded state knows what earlier records brought; a value that it does not know had made room for another.
        """
        known = policy.rows.get(key)
        if known is not None:
            return known
        if not policy.watches(key) or offset <= policy.position:
            return -1
        if not self._make_room(policy, key[0]):
            policy.dropped_values += 1
            return -1
        return self._new_row(policy, key, settled, offset)

    def load_row(self, policy: PolicyState, key: Key, raw: bytes, channel: bytes = b"") -> int:
        """A row from its stored bytes, and those of its channels if it has any. Raises StateError."""
        row = self._claim(policy, key)
        self.table.read(row, raw)
        if channel:
            self.links.rows["channel"][row] = self.channels.new()
            self.channels.read(int(self.links.rows["channel"][row]), channel)
        return row

    def link_of(self, row: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        """The link of a scope, to be changed in place; so how it stood holds no more."""
        self.standings.forget(row)
        return self.links.rows[row : row + 1]

    def expect(self, policy: PolicyState, key: Key) -> None:
        """Note from which lines on the scope is worth a decision."""
        tell_lines(self.link_of(policy.rows[key]), policy, key)

    def week_of(self, row: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        """The profile of a whole policy's row, as an array of length 1; of a value's row: none."""
        link = self.links.rows[row]
        return self.profiles.rows[link["profile"] : link["profile"] + link["whole"]]

    def channels_of(self, row: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        """The channels of a scope: one row to be changed in place, or none."""
        at = int(self.links.rows["channel"][row])
        return self.channels.rows[at : at + 1] if at >= 0 else self.channels.rows[:0]

    def stored(self, row: int) -> tuple[bytes, bytes]:
        """What `load_row` takes."""
        channel = int(self.links.rows["channel"][row])
        return self.table.rows[row].tobytes(), b"" if channel < 0 else self.channels.rows[channel].tobytes()

    def channel(self, row: int, minute: int) -> int:
        """Row of a scope's channels, made on first use: all up to `minute` (since the epoch) is final."""
        known = int(self.links.rows["channel"][row])
        if known < 0:
            known = self.links.rows["channel"][row] = self.channels.new()
            blank_channel(self.channels.rows[known : known + 1], minute)
        return known

    def of_partition(self, partition: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Numbers of all rows of a partition, ascending."""
        if partition not in self._by_partition:
            link = self.links.rows  # of rows given back all is zero, their lines too
            self._by_partition[partition] = np.flatnonzero((link["partition"] == partition) & (link["trip_h"] > 0))
        return self._by_partition[partition]

    def wholes(self, partition: int, policy_id: str = "") -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Rows of all whole policies of a partition, ascending; with an id, of that one, if it is known there."""
        rows = self.of_partition(partition)
        if policy_id:
            named = self.policies.get(policy_id)
            rows = rows[np.isin(rows, list(named.rows.values()))] if named else rows[:0]
        whole: np.ndarray[tuple[int], np.dtype[np.int64]] = rows[self.links.rows["whole"][rows]]
        return whole

    def mark_changed(self, rows: np.ndarray[tuple[int], np.dtype[np.int64]], *, parts: bool = False) -> None:
        """The policies of which whole rows, or `parts`, are among these must be stored."""
        for row in (rows if parts else rows[self.links.rows["whole"][rows]]).tolist():
            self.owner[row][0].changed = True

    def forget_partition(self, partition: int) -> None:
        """Free everything of a partition: it went to another worker."""
        for policy in [policy for policy in self.policies.values() if policy.partition == partition]:
            self.forget(policy)
        for book in (self._unlisted, self._by_partition, self.deploys):
            book.pop(partition, None)
        self.rules.forget(partition)
        self.glimpses.forget(partition)

    def forget(self, policy: PolicyState) -> None:
        """Free everything of a policy."""
        for key in list(policy.rows):
            self._drop(policy, key)
        self.profiles.free(policy.profile)
        del self.policies[policy.id]
        self._unlisted[policy.partition] -= not policy.listed

    def _new_row(self, policy: PolicyState, key: Key, settled: int, offset: int) -> int:
        row, minute = self._claim(policy, key), settled * self._bucket_ms // MINUTE_MS
        link = self.links.rows[row]
        # Who states a rate has said what is usual.
        stated = policy.settings.min_rate_per_h > PolicySettings().min_rate_per_h
        stranger = not stated and self.glimpses.is_first_day(policy.partition, settled)
        blank(
            self.table, row, settled=settled, minute=minute, offset=offset, floor_per_h=float(link["floor"]),
            bar_per_h=max(float(link["newborn"]), float(link["least"])), stranger=stranger,
        )  # fmt: skip
        if (parent := self._parent(policy, key)) is not None:
            self._inherit(row, parent, minute)
        if deployed_ms := policy.changed_ms(key):
            self.table.rows["deployed"][row] = deployed_ms // self._bucket_ms
            self.glimpses.catch_up(policy, key)
        return row

    def _parent(self, policy: PolicyState, key: Key) -> int | None:
        """Row of the version of the same rule that acted last; a place has none."""
        kin = [each for each in policy.kin(key) if each != key]
        return policy.rows[max(kin, key=lambda k: self._idleness(policy, k))] if kin else None

    def _inherit(self, row: int, parent: int, minute: int) -> None:
        """A new version starts with what is known of another."""
        for name in INHERITED:
            self.table.rows[name][row] = self.table.rows[name][parent]
        self._inherit_channels(row, parent, minute)

    def _inherit_channels(self, row: int, parent: int, minute: int) -> None:
        if (known := int(self.links.rows["channel"][parent])) >= 0:
            channel = self.channel(row, minute)
            inherit_channel(self.channels.rows[channel : channel + 1], self.channels.rows[known : known + 1])

    def _claim(self, policy: PolicyState, key: Key) -> int:
        row = self.table.new()
        self.links.new()  # grows and frees in step with the table: the same number
        self.links.rows["channel"][row] = -1
        policy.rows[key] = row
        self.owner[row] = (policy, key)
        self.book.note(policy.profile, key, row)
        self._by_partition.pop(policy.partition, None)
        tell_settings(self.link_of(row), policy, key, self._bucket_ms)
        return row

    def _make_room(self, policy: PolicyState, dimension: str) -> bool:
        same = [key for key in policy.rows if key[0] == dimension]
        if len(same) < MAX_VALUES:
            return True
        at_rest = [key for key in same if policy.breaker(key).at_rest]
        if not at_rest:
            return False
        idle = min(at_rest, key=lambda key: self._idleness(policy, key))
        self._drop(policy, idle)
        policy.breakers.pop(idle, None)
        return True

    def _idleness(self, policy: PolicyState, key: Key) -> tuple[int, Key]:
        """Sorts the longest idle value first: by its newest final minute, never by row, which a restart changes."""
        return int(self.table.rows[policy.rows[key]]["minutes_head"]), key

    def _drop(self, policy: PolicyState, key: Key) -> None:
        row = policy.rows.pop(key)
        self.book.remove(policy.profile, key)
        if (channel := int(self.links.rows["channel"][row])) >= 0:
            self.channels.free(channel)
        self.table.free(row)
        self.links.free(row)
        del self.owner[row]
        self.freed.append(row)
        self._by_partition.pop(policy.partition, None)
