"""What a log partition has of its own: position, ranges, clock, policy file and the quality of its data."""

from __future__ import annotations

from dataclasses import dataclass, field

from detector.engine.policy_state import PolicyState
from detector.events import DataQuality
from detector.fold.arrivals import Ranges, Seen
from detector.fold.clock import StreamClock
from detector.fold.state import VERSION, Seal


@dataclass(slots=True)
class Partition:
    """One partition of the log, as far as it was applied."""

    number: int
    position: int = -1
    """Last log offset applied."""
    sealed: int = -1
    """Position of the seal that this state was loaded from: records up to it only refill what is open."""
    clock: StreamClock = field(default_factory=StreamClock)
    ranges: Ranges = field(default_factory=lambda: Ranges({}))
    seen: Seen = field(default_factory=Seen)
    config_version: str = ""
    ruleset: bytes = b""
    counters: dict[str, int] = field(default_factory=dict)
    catching_up: bool = False
    arrived: bool = False
    refreshed: int = 0
    saved_version: str = ""
    """Policy file that the table already holds."""
    lost: list[tuple[PolicyState, str]] = field(default_factory=list)
    """Policies whose state could not be read, and why: told with the next new record, whose time is later than all."""

    def load(self, seal: Seal) -> None:
        """Begin where a seal ends."""
        self.sealed = self.position
        self.ranges = Ranges(dict(seal.applied))
        self.clock = seal.clock
        self.config_version = self.saved_version = seal.settings_version
        self.counters = dict(seal.counters)
        self.ranges.repeated, self.ranges.gaps = self.counters.pop("repeated", 0), self.counters.pop("gaps", 0)
        self.catching_up = bool(self.counters.pop("catching_up", 0))
        self.refreshed = seal.refreshed

    def seal(self, deploys: dict[str, int], started: int | None) -> Seal:
        """What a restart needs to know at this position."""
        own = {"repeated": self.ranges.repeated, "gaps": self.ranges.gaps, "catching_up": int(self.catching_up)}
        return Seal(
            version=VERSION,
            applied=dict(self.ranges.applied),
            clock=StreamClock(dict(self.clock.sources), self.clock.stream_ms, self.clock.log_ms),
            settings_version=self.config_version,
            counters=self.counters | own,
            deploys=dict(deploys),
            refreshed=self.refreshed,
            started=started,
        )

    def count(self, name: str, number: int) -> None:
        """Add to one of the partition's counters."""
        if number:
            self.counters[name] = self.counters.get(name, 0) + number

    def quality(self, now_ms: int) -> DataQuality:
        """How far to trust what is said at `now_ms`."""
        return DataQuality(
            stream_lag_s=max(0, self.clock.behind_ms(now_ms)) / 1000,
            late_rows=self.counters.get("late", 0),
            ahead_rows=self.counters.get("ahead", 0),
            duplicate_rows=self.counters.get("duplicates", 0),
            gaps=self.ranges.gaps,
            blind_sources=self.clock.blind(),
        )
