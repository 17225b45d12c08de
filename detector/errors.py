"""Every error this package raises on purpose.

DetectorError
  ConfigError          a file or setting is wrong; carries every problem found; the CLI exits with 2
  BadRecord            one input record can't be used; it goes to the dead-letter topic with its reason
  IllegalTransition    a breaker was asked for an edge that its table does not have
  StateError           bytes of a policy's state can't be read; that policy goes to FAULT
  BrokenWorld          the process must stop; a restart is safe
    TopicMismatch      a topic's settings would break an invariant
    UnsupportedVersion a pinned library is another one than this code was proved on
    Fenced             this worker no longer owns what it was about to write
    PoisonedPartition  too many bad records in a row: stop, rather than drain a stream into dead letters
"""

from __future__ import annotations

from dataclasses import dataclass


class DetectorError(Exception):
    """Root of the tree above."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding about a configuration: where it is and what to do.

    `file` with 1-based `line` and `column`; for a variable or flag its name, with 0 and 0.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}"


class ConfigError(DetectorError):
    """A configuration is wrong. `problems` holds all findings, in file order."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


class BadRecord(DetectorError):  # noqa: N818 - a record is not an error of the program
    """An input record can't be used. `reason` is one of `events.DeadLetterReason`, `detail` says why in words."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


class IllegalTransition(DetectorError):  # noqa: N818 - reads as what happened
    """A breaker has no edge `from_state` to `to_state`."""

    def __init__(self, scope: str, from_state: str, to_state: str) -> None:
        super().__init__(f"breaker {scope!r} has no edge {from_state} -> {to_state}")


class StateError(DetectorError):
    """Stored state can't be read."""


class BrokenWorld(DetectorError):  # noqa: N818 - names the situation
    """The process must stop loudly. A restart is safe at any instruction."""


class TopicMismatch(BrokenWorld):
    """A topic's settings would break an invariant."""


class UnsupportedVersion(BrokenWorld):
    """A pinned library is not the one that this code was proved on."""


class Fenced(BrokenWorld):
    """This worker no longer owns the partitions that it was about to write for."""


class PoisonedPartition(BrokenWorld):
    """A source partition holds almost nothing but bad records."""
