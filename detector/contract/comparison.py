"""A topic as it is wanted against the one that a broker has: what differs, why it matters, what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from detector.contract import topics
from detector.contract.topics import Invariant, Topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from detector.config.setting_types import Settings

UNREADABLE: Final = "unreadable"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic as these process settings want it."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]
    spec: Topic


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as the broker has it. `replication` is that of its poorest partition."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A setting that is not what the contract says. `refused`: a worker must not run on it."""

    topic: str
    setting: str
    found: str
    needed: str
    why: str
    fix: str
    refused: bool

    def __str__(self) -> str:
        place = f"topic {self.topic}: {self.setting}"
        return f"{place} is {self.found}, needed: {self.needed} ({self.why}). Fix: {self.fix}"


def wanted(settings: Settings) -> list[Wanted]:
    """All topics of the contract under the names, partitions and replication of `settings`."""
    return [_wanted(spec, settings) for spec in topics.load()]


def compare(each: Wanted, found: Found | None) -> list[Mismatch]:
    """How a topic differs from what is wanted; None: it does not exist."""
    if found is None:
        why = "workers create no topics"
        fix = "detector topics create, or allow this principal DESCRIBE on it"
        return [Mismatch(each.name, "topic", "missing", "present", why, fix, refused=True)]
    return [*_partitions(each, found), *_replication(each, found), *_config(each, found)]


def _wanted(spec: Topic, settings: Settings) -> Wanted:
    name = getattr(settings, spec.renamed_by) if spec.renamed_by else spec.name.format(group=settings.group)
    partitions = settings.partitions if spec.partitions_fixed else spec.partitions
    return Wanted(name, partitions, settings.replication, spec.settings(settings.replication), spec)


def _partitions(each: Wanted, found: Found) -> Iterator[Mismatch]:
    has, needs = found.partitions, each.partitions
    if each.spec.partitions_fixed and has != needs:
        why = "policies and their state are tied to partitions for life"
        fix = f"set DETECTOR_PARTITIONS={has}, or take a new group and a new log of {needs}"
        yield Mismatch(each.name, "partitions", str(has), str(needs), why, fix, refused=True)
    elif has < needs:
        fix = f"kafka-topics.sh --alter --topic {each.name} --partitions {needs}"
        yield _difference(each, "partitions", str(has), f"at least {needs}", fix)


def _replication(each: Wanted, found: Found) -> Iterator[Mismatch]:
    if found.replication < each.replication:
        fix = "kafka-reassign-partitions.sh, or DETECTOR_REPLICATION as it is"
        yield _difference(each, "replication", str(found.replication), f"at least {each.replication}", fix)


def _config(each: Wanted, found: Found) -> Iterator[Mismatch]:
    broken = {rule.setting: rule for rule in each.spec.invariants if not _holds(rule, found)}
    for setting, value in each.config.items():
        has = found.config.get(setting, UNREADABLE)
        readable = has != UNREADABLE
        alter = f"kafka-configs.sh --alter --topic {each.name} --add-config {setting}={value}"
        fix = alter if readable else f"allow this principal DESCRIBE_CONFIGS on topic {each.name}"
        if rule := broken.get(setting):
            yield Mismatch(each.name, setting, has, rule.needed, rule.why, fix, refused=True)
        elif has != value:
            yield _difference(each, setting, has, value, fix)


def _holds(rule: Invariant, found: Found) -> bool:
    return rule.setting in found.config and rule.holds(found.config[rule.setting])


def _difference(each: Wanted, setting: str, has: str, needed: str, fix: str) -> Mismatch:
    return Mismatch(each.name, setting, has, needed, "recommended", fix, refused=False)
