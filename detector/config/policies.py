"""Policy files: YAML in, one resolved ruleset and its tests out, or every problem with file, line and column.

A policy is `defaults:` overlaid by its own keys, nested mappings key by key; so is `unknown_policies:`. Several files
are read as if they were one: only `policies:` and `tests:` may stand in more than one of them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from detector.config import policy_checks
from detector.config.policy_file import Book, Entry, content
from detector.config.policy_tests import PolicyTest
from detector.errors import ConfigError, Problem
from detector.policy import Ruleset

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION_CHARS: Final = 12
MAX_BYTES: Final = 512 * 1024
"""A ruleset is one record of the log, which takes no larger ones: about 1,500 policies."""


class PlacedTest(NamedTuple):
    """A test and where it stands: `file:line:column`."""

    place: str
    test: PolicyTest


class Policies(NamedTuple):
    """What the files say."""

    ruleset: Ruleset
    tests: list[PlacedTest]


def load(paths: Iterable[str]) -> Policies:
    """Reads the files (`-`: standard input). Raises ConfigError with all problems; no file gives the built-in rules."""
    return resolve([(path, content(path)) for path in paths])


def resolve(contents: Iterable[tuple[str, bytes | Problem]]) -> Policies:
    """What the contents say, each with the name to blame it by. Raises ConfigError with all problems."""
    book = Book()
    for name, raw in contents:
        book.open(name, raw)
    defaults = book.section("defaults", {})
    base = defaults.data if defaults else {}
    stream, unknown = book.section("stream", {}), book.section("unknown_policies", base)
    policies, tests = book.listed("policies", base), book.listed("tests", {})
    policy_checks.check(stream, [each for each in (defaults, unknown) if each], policies, tests)
    if problems := book.problems():
        raise ConfigError(problems)
    ruleset = msgspec.convert(
        {
            "version": "",
            "stream": stream.data if stream else {},
            "unknown": unknown.data if unknown else base,
            "policies": [each.data for each in policies],
        },
        Ruleset,
    )
    return Policies(_versioned(ruleset, book.names), [_placed(each) for each in tests])


def _versioned(ruleset: Ruleset, names: list[str]) -> Ruleset:
    """The ruleset with a digest of what it says as its version; the built-in one keeps its name."""
    canonical = msgspec.json.encode(ruleset, order="sorted")
    if len(canonical) > MAX_BYTES:
        message = (
            f"the {len(ruleset.policies)} policies take {len(canonical)} bytes as one record of the log, at most "
            f"{MAX_BYTES} fit; leave out those that say no more than `unknown_policies`"
        )
        raise ConfigError([Problem(names[-1], 0, 0, message)])
    version = hashlib.sha256(canonical).hexdigest()[:VERSION_CHARS]
    builtin = Ruleset()
    named = msgspec.structs.replace(ruleset, version=builtin.version)
    return named if named == builtin else msgspec.structs.replace(ruleset, version=version)


def _placed(entry: Entry) -> PlacedTest:
    return PlacedTest(entry.walker.place(entry.path), msgspec.convert(entry.data, PolicyTest))
