"""A YAML tree walked against msgspec types: plain values out, and every problem with its line and column.

The walk never stops at a problem: its siblings are checked too, so that one run shows all there is to mend.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import UNSET, UnsetType, inspect

from detector.config import scalars, words
from detector.config.yaml_nodes import Mapping, Node, Place, Scalar, Sequence
from detector.errors import Problem

Trail = tuple[str | int, ...]
Data = dict[str, Any]

_MAX_KEYS_LISTED: Final = 12


class Walker:
    """Checks one file. `places` remembers where each key and item stood, for checks between them."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._places: dict[Trail, Place] = {}

    def blame(self, path: Trail, message: str) -> None:
        """Adds a problem at a path, or at what holds it when the value came from elsewhere."""
        while path and path not in self._places:
            path = path[:-1]
        self._add(self._places.get(path, Place(1, 1)), message)

    def wrote(self, path: Trail) -> bool:
        """Whether the file itself has something at a path, rather than inheriting it."""
        return path in self._places

    def place(self, path: Trail) -> str:
        """`file:line:column` of a path."""
        place = self._places[path]
        return f"{self._file}:{place.line}:{place.column}"

    def struct(self, node: Node, kind: inspect.StructType, path: Trail = (), base: Data | None = None) -> Data:
        """The mapping's values over those of `base`, UNSET where wrong. Required keys may come from either."""
        self._places.setdefault(path, node.place)
        fields = {each.encode_name: each for each in kind.fields}
        data = dict(base or {})
        if not isinstance(node, Mapping):
            self._add(node.place, f"{_name(path)} is {_show(node)}, must be a mapping with {_listed(fields)}")
            return data
        seen = self.keys(node, fields, path)
        for name, value_node in seen.items():
            data[name] = self._value(value_node, fields[name].type, (*path, name), data.get(name))
        missing = (each for name, each in fields.items() if each.required and name not in data)
        for each in missing:
            self._add(node.place, f"`{each.encode_name}` is missing, must be {words.expected(each.type)}")
        return data

    def keys(self, node: Mapping, fields: dict[str, inspect.Field], path: Trail = ()) -> dict[str, Node]:
        """The values of the known keys; unknown and repeated ones are problems."""
        seen: dict[str, Node] = {}
        for key, value in node.pairs():
            name = key.text if isinstance(key, Scalar) else None
            if name is None or name not in fields:
                self._add(key.place, f"unknown key {_show(key)}{_hint(name, fields)}")
            elif name in seen:
                first = self._places[*path, name]
                self._add(key.place, f"`{name}` stands twice, first in line {first.line}; keep one of them")
            else:
                seen[name] = value
                self._places[*path, name] = key.place
        return seen

    def _value(self, node: Node, kind: inspect.Type, path: Trail, base: object) -> object | UnsetType:
        bare, _, optional = scalars.unwrap(kind)
        if optional and isinstance(node, Scalar) and node.is_null:
            return None
        if isinstance(bare, inspect.StructType):
            return self.struct(node, bare, path, base if isinstance(base, dict) else None)
        if isinstance(bare, inspect.VarTupleType):
            return self.items(node, bare, path)
        if isinstance(node, Scalar) and not node.is_null:
            try:
                return scalars.parse(kind, node.text)
            except ValueError:
                self._add(node.place, f"{_name(path)} {words.complaint(kind, node.text)}")
                return UNSET
        self._add(node.place, f"{_name(path)} is {_show(node)}, must be {words.expected(kind)}")
        return UNSET

    def items(self, node: Node, kind: inspect.VarTupleType, path: Trail, base: Data | None = None) -> list[Any]:
        """The list's items, UNSET where wrong; mappings among them stand over `base`."""
        if not isinstance(node, Sequence):
            self._add(node.place, f"{_name(path)} is {_show(node)}, must be {words.expected(kind)}")
            return []
        items = []
        for index, item in enumerate(node.items):
            self._places[*path, index] = item.place
            items.append(self._value(item, kind.item_type, (*path, index), base))
        return items

    def _add(self, place: Place, message: str) -> None:
        self.problems.append(Problem(self._file, *place, message))


def sound(value: Any) -> Any:  # noqa: ANN401 - data of any depth
    """A walked value without what was wrong in it."""
    if isinstance(value, dict):
        return {name: sound(each) for name, each in value.items() if each is not UNSET}
    if isinstance(value, list):
        return [sound(each) for each in value if each is not UNSET]
    return value


def _name(path: Trail) -> str:
    names = [each for each in path if isinstance(each, str)]
    if not names:
        return "the file"
    return f"`{names[-1]}[{path[-1]}]`" if isinstance(path[-1], int) else f"`{names[-1]}`"


def _show(node: Node) -> str:
    if isinstance(node, Scalar):
        return "empty" if node.is_null else words.shown(node.text)
    return "a list" if isinstance(node, Sequence) else "a mapping"


def _listed(fields: dict[str, inspect.Field]) -> str:
    names = list(fields)
    return ", ".join(names[:_MAX_KEYS_LISTED]) + (", ..." if len(names) > _MAX_KEYS_LISTED else "")


def _hint(name: str | None, fields: dict[str, inspect.Field]) -> str:
    return words.suggestion(name or "", fields) or f", known are {_listed(fields)}"
