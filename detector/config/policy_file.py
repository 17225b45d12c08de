"""The shape of policy files, and several of them opened as if they were one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, cast

from msgspec import Meta, Struct, inspect

from detector.config.policy_tests import PolicyTest
from detector.config.typed import Data, Trail, Walker
from detector.config.yaml_nodes import Mapping, Node
from detector.config.yaml_tree import MAX_FILE_BYTES, read
from detector.errors import ConfigError, Problem
from detector.policy import Policy, PolicySettings, StreamSettings, UnknownPolicies


class PolicyFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of a file."""

    stream: Annotated[StreamSettings, Meta(description="How event time is read, for all policies.")] = StreamSettings()
    defaults: Annotated[PolicySettings, Meta(description="What every policy has that does not say otherwise.")] = (
        PolicySettings()
    )
    unknown_policies: Annotated[
        UnknownPolicies, Meta(description="Policies that occur but are not listed: these keys over `defaults`.")
    ] = UnknownPolicies()
    policies: Annotated[
        tuple[Policy, ...], Meta(description="Each has an id, and any key of `defaults` that it changes.")
    ] = ()
    tests: Annotated[tuple[PolicyTest, ...], Meta(description="What must hold; `detector check` runs them.")] = ()


SECTIONS: Final = {each.encode_name: each for each in cast("inspect.StructType", inspect.type_info(PolicyFile)).fields}
KINDS: Final[dict[str, Any]] = {name: cast("inspect.Metadata", each.type).type for name, each in SECTIONS.items()}
_LISTS: Final = frozenset({"policies", "tests"})


class Entry(NamedTuple):
    """A mapping of a file: who walked it, where it stands, what it says over its defaults."""

    walker: Walker
    path: Trail
    data: Data


class Book:
    """All files as one: only the lists may stand in more than one of them."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._unreadable: list[Problem] = []
        self._files: list[tuple[Walker, dict[str, Node]]] = []
        self._owners: dict[str, tuple[Walker, Node]] = {}

    def open(self, name: str, content: bytes | Problem) -> None:
        """Reads a file as far as its top-level keys."""
        self.names.append(name)
        walker = Walker(name)
        try:
            nodes = walker.keys(_root(name, content), SECTIONS)
        except ConfigError as error:
            self._unreadable += error.problems
            return
        self._files.append((walker, nodes))
        for key in nodes.keys() - _LISTS:
            owner, _ = self._owners.setdefault(key, (walker, nodes[key]))
            if owner is not walker:
                walker.blame((key,), f"`{key}` stands in {owner.place((key,))} too; keep one of them")

    def section(self, name: str, base: Data) -> Entry | None:
        """A section that stands once, over `base`; None when no file has it."""
        if name not in self._owners:
            return None
        walker, node = self._owners[name]
        return Entry(walker, (name,), walker.struct(node, KINDS[name], (name,), base))

    def listed(self, name: str, base: Data) -> list[Entry]:
        """The items of a list, those of all files, each over `base`."""
        return [
            Entry(walker, (name, index), item)
            for walker, nodes in self._files
            if name in nodes
            for index, item in enumerate(walker.items(nodes[name], KINDS[name], (name,), base))
        ]

    def problems(self) -> list[Problem]:
        """Everything found so far, file by file, line by line."""
        found = [each for walker, _ in self._files for each in sorted(walker.problems, key=_position)]
        return self._unreadable + found


def content(path: str) -> bytes | Problem:
    """A file's bytes (`-`: standard input), or why they can't be had. Never reads more than is allowed."""
    try:
        with Path("/dev/stdin" if path == "-" else path).open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        return Problem(path, 0, 0, f"can't be read: {getattr(error, 'strerror', None) or error}; name a readable file")


def _position(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column


def _root(name: str, raw: bytes | Problem) -> Mapping:
    if isinstance(raw, Problem):
        raise ConfigError([raw])
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError([Problem(name, 0, 0, f"is larger than {MAX_FILE_BYTES} bytes; split the file")])
    root = read(name, _text(name, raw))
    if isinstance(root, Mapping):
        return root
    shape = "the file is empty" if root is None else "the file is no mapping"
    message = f"{shape}, must have any of the keys {', '.join(SECTIONS)}; `detector check --example` prints a whole one"
    raise ConfigError([Problem(name, *(root.place if root else (1, 1)), message)])


def _text(name: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise ConfigError([Problem(name, line, column, message)]) from error
