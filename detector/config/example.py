"""The annotated example of a policy file, generated from the types: every key with meaning, range and default."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from msgspec import inspect, to_builtins

from detector.config import scalars, words
from detector.config.policy_file import KINDS, SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WIDTH: Final = 110
_INDENT: Final = "  "

_HEAD: Final = """\
# Policies of detector. Each key below `stream`, `defaults` and `unknown_policies` stands here with its default: keep
# what you change, delete the rest. Durations are 90s, 15m, 2h or 1d. Check this file with `detector check FILE`."""

_POLICIES: Final = """\
policies:
  - id: spam
  - id: nudity"""

_TESTS: Final = """\
tests:
  - name: a bad rule version opens the breaker within five minutes
    policy: spam
    history: {per_minute: 20, days: 1, rule_version: 42@17}
    deploys:
      - {minute: 120, rule_version: 42@18}
    counts_per_minute:
      - {minutes: 0-119, count: 20, rule_version: 42@17}
      - {minutes: 120-130, count: 400, rule_version: 42@18}
    expect:
      - {minutes: 120-124, to: OPEN}
  - name: a wave without a deploy opens nothing
    policy: spam
    history: {per_minute: 20, days: 1, rule_version: 42@17}
    counts_per_minute:
      - {minutes: 0-59, count: 20, rule_version: 42@17}
      - {minutes: 60-90, count: 160, rule_version: 42@17}
    expect: []"""


def render() -> str:
    """A whole file that loads as it stands and changes nothing."""
    bodies = {
        "stream": ["stream:", *_struct(_fields("stream"))],
        "defaults": ["defaults:", *_struct(_fields("defaults"))],
        "unknown_policies": ["unknown_policies:", *_struct(_own("unknown_policies", "mode"))],
        "policies": [*_keys(_own("policies")), _POLICIES],
        "tests": [*_keys(_fields("tests")), _TESTS],
    }
    blocks = [[*_comment(words.description(each.type)), *bodies[name]] for name, each in SECTIONS.items()]
    return "\n\n".join([_HEAD, *map("\n".join, blocks)]) + "\n"


def _fields(section: str) -> tuple[inspect.Field, ...]:
    kind = KINDS[section]
    fields: tuple[inspect.Field, ...] = getattr(kind, "item_type", kind).fields
    return fields


def _own(section: str, *also: str) -> list[inspect.Field]:
    """Fields that `defaults` does not explain, and those that are shown again because they matter."""
    explained = {each.name for each in _fields("defaults")} - set(also)
    return [each for each in _fields(section) if each.name not in explained]


def _keys(fields: Iterable[inspect.Field], indent: str = "") -> Iterator[str]:
    """Keys that no value shows, as comments."""
    for each in fields:
        yield from _comment(f"{indent}{each.encode_name}: {_meaning(each)}", hang=indent + _INDENT)
        bare, _, _ = scalars.unwrap(each.type)
        item = getattr(bare, "item_type", bare)
        yield from _keys(item.fields, indent + _INDENT) if isinstance(item, inspect.StructType) else ()


def _struct(fields: Iterable[inspect.Field], indent: str = _INDENT) -> Iterator[str]:
    """Keys with their defaults; what is absent by default stands as a comment before its null."""
    for each in fields:
        bare, _, optional = scalars.unwrap(each.type)
        yield from _comment(_meaning(each), indent)
        block = [f"{each.encode_name}:", *_struct(bare.fields)] if isinstance(bare, inspect.StructType) else []
        yield from (f"{indent}{'# ' if optional else ''}{line}" for line in block)
        if optional or not block:
            yield f"{indent}{each.encode_name}: {_value(each)}"


def _meaning(each: inspect.Field) -> str:
    bare, _, optional = scalars.unwrap(each.type)
    meaning = words.description(each.type)
    if isinstance(bare, inspect.StructType):
        return meaning
    allowed = words.expected(each.type)
    return f"{meaning} {allowed[0].upper()}{allowed[1:]}{', or null' if optional else ''}.".lstrip()


def _value(each: inspect.Field) -> str:
    _, duration, _ = scalars.unwrap(each.type)
    value = to_builtins(words.examples(each.type)[0] if each.required else each.default)
    if value is None:
        return "null"
    if isinstance(value, list | tuple):
        return f"[{', '.join(value)}]"
    return scalars.spell_seconds(value) if duration else f"{value:g}" if isinstance(value, float) else str(value)


def _comment(text: str, indent: str = "", hang: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# {hang}", break_on_hyphens=False
    )
