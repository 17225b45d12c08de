"""What each topic is, as `topics/*.yaml` says it: the files are data, this module is their type.

They ship inside the package as `detector/_topics`; in a source tree they are read from `topics/`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

_PACKAGE: Final = Path(__file__).resolve().parent.parent
Operation = Literal["READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"]
Count = Annotated[int, Meta(ge=1, le=10_000)]


class Invariant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A setting without which a worker refuses to run: exactly `equals`, or `at_least` (-1 in the broker: no limit)."""

    setting: str
    why: str
    equals: str | None = None
    at_least: int | None = None

    def holds(self, found: str) -> bool:
        """Whether the broker's value keeps the invariant."""
        if self.at_least is None:
            return found == self.equals
        return int(found) == -1 or int(found) >= self.at_least

    @property
    def needed(self) -> str:
        """The values that keep it, in words."""
        return f"at least {self.at_least}" if self.equals is None else self.equals


class Access(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who reads or writes, and the least that its principal must be allowed. `group`: READ on that consumer group."""

    principal: str
    does: str
    operations: tuple[Operation, ...]
    group: str | None = None


class Topic(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One topic. `renamed_by`: the process setting that holds another name; `{group}` in names: the consumer group.

    `partitions_fixed`: the count is part of the state, for life. Other topics may have more partitions than said.
    `messages`: what it carries, by name in `contract.schemas`. `envelope`: the message is the value, or the value with
    CloudEvents attributes in headers (binary mode), or stands in the headers of any value.
    """

    name: str
    description: str
    owner: str
    key: str
    content_type: str
    partitions: Count
    partitions_fixed: bool
    replication: Count
    config: dict[str, str | int | bool]
    invariants: tuple[Invariant, ...]
    access: tuple[Access, ...]
    renamed_by: str | None = None
    internal: bool = False
    messages: tuple[str, ...] = ()
    envelope: Literal["none", "cloudevents", "headers"] = "none"

    def settings(self, replication: int) -> dict[str, str]:
        """Topic settings as Kafka spells them; fewer than `replication` replicas must be enough to go on writing."""
        values = {key: _spelled(value) for key, value in self.config.items()}
        in_sync = min(int(values["min.insync.replicas"]), max(1, replication - 1))
        return values | {"min.insync.replicas": str(in_sync)}


def directory() -> Path:
    """Where the contract's files are: beside the modules of an installed package, else in the source tree."""
    packaged = _PACKAGE / "_topics"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "topics"


@cache
def load() -> tuple[Topic, ...]:
    """All topics, by name. Raises `msgspec.ValidationError` naming the field that is wrong."""
    files = (path for path in directory().glob("*.yaml") if path.name != "asyncapi.yaml")
    return tuple(sorted(map(_read, files), key=lambda topic: topic.name))


def _read(path: Path) -> Topic:
    topic: Topic = msgspec.yaml.decode(path.read_bytes(), type=Topic)
    return topic


def _spelled(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
