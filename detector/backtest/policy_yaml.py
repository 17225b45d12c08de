"""A ruleset as a policy file: what differs from the built-in defaults, with the reasons of suggested settings."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Final

import msgspec
import yaml
from msgspec import inspect

from detector.config import scalars
from detector.policy import Policy, StreamSettings, UnknownPolicies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from detector.backtest.result import Suggestion
    from detector.policy import PolicySettings, Ruleset

WIDTH: Final = 110
_HEAD: Final = """\
# What is not said here has its built-in default: `detector check --example` explains every key.
# `tests:` are not carried over: those of the policy files that this was made from still have to stand beside it.
"""


def render(ruleset: Ruleset, suggestions: Sequence[Suggestion] = ()) -> str:
    """The ruleset with what is suggested put in: a whole file for `detector check`. Policies stand by id.

    A policy that only `unknown_policies` spoke of is listed once something is suggested for it.
    """
    mine: dict[str, list[Suggestion]] = {each.id: [] for each in ruleset.policies}
    for suggestion in suggestions:
        mine.setdefault(suggestion.policy_id, []).append(suggestion)
    sections = {
        "stream": differences(ruleset.stream, StreamSettings()),
        "unknown_policies": differences(ruleset.unknown, UnknownPolicies()),
    }
    text = "".join(_dumped({name: keys}) for name, keys in sections.items() if keys)
    listed = {each.id: each for each in ruleset.policies}
    items = [_item(listed.get(name) or unlisted(ruleset, name), mine[name]) for name in sorted(mine)]
    return _HEAD + text + ("policies:\n" + "".join(items) if items else "policies: []\n")


def unlisted(ruleset: Ruleset, policy_id: str) -> Policy:
    """The policy that `unknown_policies` makes of an id."""
    names = [each for each in UnknownPolicies.__struct_fields__ if each != "cap"]
    return Policy(id=policy_id, **{name: getattr(ruleset.unknown, name) for name in names})


def settings_of(ruleset: Ruleset, policy_id: str) -> PolicySettings:
    """What a file says of a policy, listed or not."""
    return next((each for each in ruleset.policies if each.id == policy_id), ruleset.unknown)


def spelled(settings: PolicySettings, setting: str) -> str:
    """A setting on one line, as a policy file spells it."""
    value = _value(next(each for each in _fields(type(settings)) if each.encode_name == setting), settings, None)
    return yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n").strip()


def differences(settings: msgspec.Struct, base: msgspec.Struct | None) -> dict[str, Any]:
    """Keys and values, as a file spells them, in which settings differ from a base; all without one."""
    return {
        each.encode_name: _value(each, settings, base)
        for each in _fields(type(settings))
        if base is None or getattr(settings, each.name) != getattr(base, each.name)
    }


def _value(field: inspect.Field, settings: msgspec.Struct, base: msgspec.Struct | None) -> Any:  # noqa: ANN401 - YAML
    value = getattr(settings, field.name)
    _, is_duration, _ = scalars.unwrap(field.type)
    if isinstance(value, msgspec.Struct):
        return differences(value, getattr(base, field.name, None))
    if is_duration:
        return scalars.spell_seconds(value)
    return list(value) if isinstance(value, tuple) else value


def _fields(kind: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - for the type checker
    return info.fields


def _item(policy: Policy, suggestions: Sequence[Suggestion]) -> str:
    keys = {"id": policy.id} | differences(policy, Policy(id=policy.id))
    keys |= {each.setting: yaml.safe_load(each.proposed) for each in suggestions}
    said = [f"{each.setting}: {each.reason}" for each in suggestions]
    comments = [line for each in said for line in textwrap.wrap(each, WIDTH, subsequent_indent="  ")]
    return "".join(f"  # {line}\n" for line in comments) + textwrap.indent(_dumped([keys]), "  ")


def _dumped(node: Mapping[str, Any] | Sequence[Any]) -> str:
    return str(yaml.safe_dump(node, sort_keys=False, allow_unicode=True, width=10**6))
