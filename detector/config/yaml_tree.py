"""YAML text as a tree of nodes that know their line and column. Only plain data: no tags, one document, bounded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn

import yaml

from detector.config.yaml_nodes import Mapping, Node, Place, Scalar, Sequence
from detector.errors import ConfigError, Problem

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
MAX_DEPTH: Final = 32
MAX_NODES: Final = 2_000_000
"""Aliases count for what they stand for: ten lines can otherwise mean a billion nodes."""

_DEFAULT_TAGS: Final = frozenset({None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_Loader: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # the first is 17 times faster, where it was built


def read(file: str, text: str) -> Node | None:
    """The document's root, None when there is none. Raises ConfigError at what can't be read."""
    control = _UNPRINTABLE.search(text)
    if control:
        line = text.count("\n", 0, control.start())
        place = Place(line + 1, control.start() - text.rfind("\n", 0, control.start()))
        _refuse(file, place, f"character U+{ord(control[0]):04X} can't stand in YAML; remove it, or write an escape")
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.add(event)
    except yaml.MarkedYAMLError as error:
        why = ", ".join(filter(None, (error.problem, error.context)))
        _refuse(file, _after(error.problem_mark or error.context_mark), f"not YAML: {why}")
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        _refuse(file, Place(1, 1), f"not YAML: {error}")
    return builder.root


def _after(mark: Any) -> Place:  # noqa: ANN401 - either of PyYAML's two kinds of mark
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


def _refuse(file: str, place: Place, message: str) -> NoReturn:
    raise ConfigError([Problem(file, *place, message)])


class _Anchor(NamedTuple):
    node: Node
    nodes: int
    levels: int


@dataclass(slots=True)
class _Open:
    node: Sequence | Mapping
    anchor: str | None
    nodes_before: int
    levels: int = 1


class _Builder:
    """Puts events together, without recursion, so that no input exhausts the stack."""

    def __init__(self, file: str) -> None:
        self.root: Node | None = None
        self._file = file
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchor] = {}
        self._nodes = 0

    def add(self, event: yaml.Event) -> None:
        """One event of the parser, in order."""
        place = _after(event.start_mark)
        match event:
            case yaml.AliasEvent(anchor=str(anchor)):
                self._alias(place, anchor)
            case yaml.ScalarEvent(anchor=anchor, value=text, style=style):
                self._check(place, event.tag)
                self._place(_Anchor(Scalar(place, text, style in {None, ""}), 1, 0), anchor)
            case yaml.CollectionStartEvent(anchor=anchor):
                self._check(place, event.tag)
                node = Sequence(place) if isinstance(event, yaml.SequenceStartEvent) else Mapping(place)
                self._open.append(_Open(node, anchor, self._nodes))
                self._deepen(place, 0)
            case yaml.CollectionEndEvent():
                self._leave()
            case yaml.DocumentStartEvent() if self.root is not None:
                _refuse(self._file, place, "a second document; a policy file has one")

    def _check(self, place: Place, tag: str | None) -> None:
        self._grow(place, 1)
        if tag not in _DEFAULT_TAGS:
            _refuse(self._file, place, f"tag {tag!r} is refused; write the value without a tag")

    def _grow(self, place: Place, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            _refuse(self._file, place, f"more than {MAX_NODES} values, aliases counted in full; split the file")

    def _deepen(self, place: Place, levels: int) -> None:
        if len(self._open) + levels > MAX_DEPTH:
            _refuse(self._file, place, f"nested deeper than {MAX_DEPTH} levels")

    def _place(self, value: _Anchor, name: str | None) -> None:
        if name is not None:
            self._anchors[name] = value
        if self._open:
            parent = self._open[-1]
            parent.node.items.append(value.node)
            parent.levels = max(parent.levels, value.levels + 1)
        else:
            self.root = value.node

    def _leave(self) -> None:
        closed = self._open.pop()
        if isinstance(closed.node, Mapping):
            self._check_merges(closed.node)
        self._place(_Anchor(closed.node, self._nodes - closed.nodes_before + 1, closed.levels), closed.anchor)

    def _check_merges(self, node: Mapping) -> None:
        for merged in node.merged():
            sources = merged.items if isinstance(merged, Sequence) else [merged]
            if not all(isinstance(source, Mapping) for source in sources):
                _refuse(self._file, merged.place, "`<<` merges a mapping or a list of mappings")

    def _alias(self, place: Place, name: str) -> None:
        if name not in self._anchors:
            _refuse(self._file, place, f"alias '*{name}' has no finished anchor '&{name}' before it")
        self._grow(place, self._anchors[name].nodes)
        self._deepen(place, self._anchors[name].levels)
        self._place(self._anchors[name], None)
