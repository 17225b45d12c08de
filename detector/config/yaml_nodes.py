"""Nodes of a YAML tree that know their line and column.

Scalars stay text: the type that asks for one says what `no`, `1.10` or `472` means, so a policy may be called `NO`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


class Place(NamedTuple):
    """1-based."""

    line: int
    column: int


@dataclass(slots=True)
class Scalar:
    """A piece of text; `plain` means that it was not quoted."""

    place: Place
    text: str
    plain: bool

    @property
    def is_null(self) -> bool:
        """Nothing, `~` or `null`, not quoted."""
        return self.plain and self.text in _NULLS


@dataclass(slots=True)
class Sequence:
    """A list."""

    place: Place
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """Keys and values, alternating, as they were written."""

    place: Place
    items: list[Node] = field(default_factory=list)

    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """Each key with its value; after them what `<<` merges in, unless the key stands here already."""
        own = [pair for pair in self._written() if not _is_merge(pair[0])]
        yield from own
        known = {key.text for key, _ in own if isinstance(key, Scalar)}
        for merged in self.merged():
            for source in merged.items if isinstance(merged, Sequence) else [merged]:
                for key, value in source.pairs() if isinstance(source, Mapping) else ():
                    if isinstance(key, Scalar) and key.text not in known:
                        known.add(key.text)
                        yield key, value

    def merged(self) -> list[Node]:
        """The values of `<<`."""
        return [value for key, value in self._written() if _is_merge(key)]

    def _written(self) -> Iterator[tuple[Node, Node]]:
        return zip(self.items[::2], self.items[1::2], strict=True)


def _is_merge(key: Node) -> bool:
    return isinstance(key, Scalar) and key.plain and key.text == "<<"


Node = Scalar | Sequence | Mapping
