"""Signs of life, and the fence: a worker that may have lost its partitions sends nothing."""

from __future__ import annotations

from time import monotonic
from typing import Final

from detector.errors import Fenced

SESSION_SHARE: Final = 0.8
"""A worker older than this share of the session must assume that others have taken over."""


class Vitals:
    """When the loop last turned, the group last heard from this worker, and work last moved. Monotonic seconds."""

    def __init__(self, session_timeout_s: float) -> None:
        self.limit_s = SESSION_SHARE * session_timeout_s
        self.turned_s = self.progressed_s = monotonic()
        self.beat_s: float | None = None  # None: never a member yet

    def turn(self) -> None:
        """The event loop came round."""
        self.turned_s = monotonic()

    def heartbeat(self) -> None:
        """The group coordinator took a heartbeat."""
        self.beat_s = monotonic()

    def progress(self) -> None:
        """A step ended, or part of the table was read."""
        self.progressed_s = monotonic()

    def check(self) -> None:
        """Raise Fenced when the loop or the group heartbeat is older than 0.8 of the session."""
        now_s = monotonic()
        beat_s = now_s if self.beat_s is None else self.beat_s
        for what, since_s in (("event loop", self.turned_s), ("group heartbeat", beat_s)):
            if now_s - since_s > self.limit_s:
                raise Fenced(
                    f"the last turn of the {what} was {now_s - since_s:.1f} s ago, more than {self.limit_s:.1f} s "
                    f"({SESSION_SHARE} of the session): others may own these partitions by now"
                )
