"""The JSON Schema of policy files, for editors: the types of `config.policy_file`, spelled as YAML is.

`detector check` knows more (references between keys, budgets, tests) and is what counts; nothing that it accepts is
refused here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import inspect

from detector.config import scalars, words
from detector.config.policy_file import PolicyFile

if TYPE_CHECKING:
    from collections.abc import Iterator

_DURATION: Final = {"anyOf": [{"const": 0}, {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,6})?[smhd]$"}]}


def policy_schema() -> dict[str, Any]:
    """The schema, without dialect and id."""
    document: dict[str, Any] = _texts_may_look_like_numbers(msgspec.json.schema(PolicyFile))
    definitions = document["$defs"]
    for name, struct in {each.cls.__name__: each for each in _structs(inspect.type_info(PolicyFile))}.items():
        properties = definitions[name]["properties"]
        for each in struct.fields:
            properties[each.encode_name] = _property(each, properties[each.encode_name])
    definitions["HardLimit"]["required"] = []  # a policy may take either key from `defaults:`
    return document


def _property(field: inspect.Field, node: dict[str, Any]) -> dict[str, Any]:
    bare, duration, _ = scalars.unwrap(field.type)
    if isinstance(bare, inspect.StructType):
        return {key: value for key, value in node.items() if key != "default"}  # each key of it says its own
    if not duration:
        return node
    default = {"default": scalars.spell_seconds(node["default"])} if "default" in node else {}
    return {"description": f"{node['description']} ({words.expected(field.type)})", **_DURATION, **default}


def _structs(kind: inspect.Type) -> Iterator[inspect.StructType]:
    bare, _, _ = scalars.unwrap(kind)
    if isinstance(bare, inspect.VarTupleType):
        yield from _structs(bare.item_type)
    if isinstance(bare, inspect.StructType):
        yield bare
        for each in bare.fields:
            yield from _structs(each.type)


def _texts_may_look_like_numbers(node: Any) -> Any:  # noqa: ANN401 - a JSON document of any depth
    """Editors take unquoted digits (`minutes: 120`) for a number; the loader takes them for the text that they are."""
    if isinstance(node, list):
        return [_texts_may_look_like_numbers(each) for each in node]
    if not isinstance(node, dict):
        return node
    changed = {key: _texts_may_look_like_numbers(value) for key, value in node.items()}
    return changed | {"type": ["string", "number"]} if changed.get("type") == "string" else changed
