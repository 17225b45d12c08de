"""The `tests:` block of a policy file: counts per minute in, transitions out. `detector check` runs it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from detector.events import Id

MAX_ACTIONS: Final = 5_000_000
MAX_MINUTES: Final = 20_160
MINUTES_PER_DAY: Final = 1440

Minutes = Annotated[
    str,
    Meta(
        pattern="^[0-9]{1,5}(-[0-9]{1,5})?$",
        description="A minute after the start, or the first and the last of some.",
        examples=["120", "120-130"],
    ),
]
Minute = Annotated[int, Meta(ge=0, le=MAX_MINUTES)]


class Origin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who acted where."""

    rule_version: Annotated[Id | None, Meta(description="Rule and version that acted, as id@version.")] = None
    region: Annotated[Id | None, Meta(description="Where.")] = None
    automated: Annotated[bool, Meta(description="Fully automated, or not at all.")] = True


class History(Origin, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Flat traffic before the start, so that the test begins with a trained baseline."""

    per_minute: Annotated[int, Meta(ge=0, le=10_000, description="Actions in each minute.")]
    days: Annotated[int, Meta(ge=1, le=28, description="For how long.")] = 2


class DeployAt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule version goes live."""

    minute: Annotated[Minute, Meta(description="When.")]
    rule_version: Annotated[Id, Meta(description="What changed, as id@version.")]


class Counts(Origin, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Actions in each of some minutes, spread evenly."""

    minutes: Minutes
    count: Annotated[int, Meta(ge=0, le=10_000, description="Actions in each of these minutes.")]


class Expected(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A transition that must happen."""

    minutes: Minutes
    to: Annotated[
        Literal["OPEN", "HALF_OPEN", "CLOSED", "FAULT", "warning"], Meta(description="State reached, or a warning.")
    ]
    scope: Annotated[
        Id | None, Meta(description="policy, or such as rule_version=42@18; any scope of the policy without it.")
    ] = None


class PolicyTest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One test. Every expectation must come true, and nothing may open that none of them speaks of."""

    name: Annotated[Id, Meta(description="A sentence that says what holds.")]
    policy: Annotated[Id | None, Meta(description="A policy of the file; without it, one that no file names.")] = None
    start: Annotated[
        Annotated[datetime, Meta(tz=True)], Meta(description="Time of minute 0; matters with a weekly rhythm only.")
    ] = datetime(2026, 1, 5, 12, tzinfo=UTC)
    history: Annotated[History | None, Meta(description="What came before; an untrained baseline without it.")] = None
    deploys: Annotated[tuple[DeployAt, ...], Meta(description="Rule versions that go live.")] = ()
    counts_per_minute: Annotated[tuple[Counts, ...], Meta(description="Traffic; entries add up.")]
    expect: Annotated[tuple[Expected, ...], Meta(description="Transitions in order of time; [] when nothing may open.")]


def span(minutes: str) -> range:
    """The minutes that `120` or `120-123` means, both ends included; empty when they are reversed."""
    first, _, last = minutes.partition("-")
    return range(int(first), int(last or first) + 1)


def minutes(test: dict[str, Any]) -> int:
    """How long a test lasts, from its start to the end of the last minute that it mentions."""
    blocks = (*test.get("counts_per_minute", []), *test.get("expect", []))
    return max((span(each["minutes"]).stop for each in blocks if "minutes" in each), default=0)


def actions(test: dict[str, Any]) -> int:
    """How many actions a test would feed, history included; what is wrong or missing counts nothing."""
    history = test.get("history") or {}
    total: int = history.get("per_minute", 0) * history.get("days", 2) * MINUTES_PER_DAY
    for each in test.get("counts_per_minute", []):
        total += each.get("count", 0) * len(span(each.get("minutes", "0")))
    return total
