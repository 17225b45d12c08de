"""One JSON object of a foreign record, read field by field: every refusal names the place, every unread field is known.

Details say the place and what is allowed there, never the value: it may be a person's id.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from detector.errors import BadRecord
from detector.events import EARLIEST_MS, MAX_ID_CHARS, DeadLetterReason
from detector.wire.decode import epoch_ms, out_of_range, refuse_control_character

MAX_KEY_CHARS: Final = 2048
"""Parts of an identity may be longer than an id, which is then a digest of them."""
_NAMES: Final = {bool: "bool", int: "int", float: "float", str: "str", list: "array", dict: "object"}
_FLAGS: Final = {0: False, 1: True}  # True == 1, also as a key


class Record:
    """An object at `place`, `content` as it came. `latest_ms`: no time in it may lie beyond."""

    def __init__(self, fields: dict[str, Any], latest_ms: int, place: str = "$") -> None:
        self.content = fields
        self.place = place
        self._latest_ms = latest_ms
        self._read: set[str] = set()
        self._inner: dict[str, list[Record]] = {}

    def has(self, name: str) -> bool:
        """Whether the field says something: it is there and neither null nor empty."""
        return not _is_nothing(self.content.get(name))

    def text(self, name: str, most: int = MAX_ID_CHARS) -> str:
        """A required text of 1 to `most` characters without control characters."""
        found = self.optional_text(name, most)
        if found is None:
            raise self.missing(name)
        return found

    def optional_text(self, name: str, most: int = MAX_ID_CHARS) -> str | None:
        """The same, None when it is absent, null or empty."""
        value = self._value(name)
        return None if _is_nothing(value) else self.checked(value, self._at(name), most)

    def free_text(self, name: str) -> str:
        """Any text; empty when it is absent."""
        value = self._value(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise _wrong_type("str", value, self._at(name))
        return value

    def key(self, name: str) -> str:
        """A required part of an identity: text, or an integer as text."""
        value = self._value(name)
        if type(value) is int:
            return str(value)
        return self.text(name, MAX_KEY_CHARS)

    def texts(self, name: str, most: int = MAX_ID_CHARS) -> list[str]:
        """Texts of an array, or the one that stands in its place; none when it is absent."""
        return [self.checked(text, at, most) for at, text in self.entries(name)]

    def entries(self, name: str) -> list[tuple[str, str]]:
        """The same with the place of each, and nothing said yet about length and control characters."""
        at = self._at(name)
        value = self._value(name)
        if isinstance(value, str):
            return [(at, value)] if value else []
        found = [(f"{at}[{index}]", each) for index, each in enumerate(self._array(value, at))]
        for place, each in found:
            if not isinstance(each, str):
                raise _wrong_type("str", each, place)
        return found

    def flag(self, name: str) -> bool:
        """True or false, also as 1 or 0; false when it is absent."""
        value = self._value(name)
        if value is None:
            return False
        if not isinstance(value, bool | int) or value not in _FLAGS:
            raise self.refused(name, "must be true, false, 1 or 0")
        return _FLAGS[value]

    def number(self, name: str) -> float | None:
        """A number, None when it is absent."""
        value = self._value(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong_type("float", value, self._at(name))
        return float(value)

    def time(self, name: str, *, utc: bool = False) -> int:
        """Epoch milliseconds of a required time: see `moment`."""
        if not self.has(name):
            raise self.missing(name)
        return self.moment(self._value(name), self._at(name), utc=utc)

    def moment(self, value: object, at: str, *, utc: bool = False) -> int:
        """Epoch milliseconds of RFC 3339 text or of an integer that is such already.

        `utc`: a text without zone is UTC, and a bare date is its midnight.
        """
        if type(value) is int:
            time_ms = value
        else:
            try:
                time = datetime.fromisoformat(self.checked(value, at))
            except ValueError:
                raise _refused(at, "must be an RFC 3339 time") from None
            if time.tzinfo is None and not utc:
                raise _refused(at, "must be an RFC 3339 time with zone")
            time_ms = epoch_ms(time if time.tzinfo else time.replace(tzinfo=UTC))
        if not EARLIEST_MS <= time_ms <= self._latest_ms:
            raise out_of_range(at, self._latest_ms)
        return time_ms

    def child(self, name: str) -> Record:
        """A required object."""
        found = self.optional_child(name)
        if found is None:
            raise self.missing(name)
        return found

    def optional_child(self, name: str) -> Record | None:
        """An object, None when it is absent or null."""
        value = self._value(name)
        if value is None:
            return None
        return self._opened(name, [(self._at(name), value)])[0]

    def children(self, name: str) -> list[Record]:
        """The objects of an array, none when it is absent."""
        at = self._at(name)
        values = self._array(self._value(name), at)
        return self._opened(name, [(f"{at}[{index}]", each) for index, each in enumerate(values)])

    def unpack(self, *names: str) -> None:
        """Tables keep arrays as text: from here on these fields are the arrays that they hold."""
        for name in names:
            value = self.content.get(name)
            if isinstance(value, str) and value.startswith("["):
                try:
                    self.content[name] = msgspec.json.decode(value)
                except (msgspec.DecodeError, RecursionError):
                    raise self.refused(name, "must be an array, or text that holds one as JSON") from None

    def ignore(self, *names: str) -> None:
        """These are understood, and nothing is lost when they are not mapped."""
        self._read.update(names)

    def checked(self, value: object, at: str, most: int = MAX_ID_CHARS) -> str:
        """What stands at `at`, as long as it is text of 1 to `most` characters without control characters."""
        if not isinstance(value, str):
            raise _wrong_type("str", value, at)
        if not 1 <= len(value) <= most:
            raise BadRecord(DeadLetterReason.INVALID_FIELD, f"Expected `str` of length 1 to {most} - at `{at}`")
        refuse_control_character(at, value)
        return value

    def partly(self, name: str) -> None:
        """Not all of what the field says could be used: it counts as unread."""
        self._read.discard(name)
        self._inner.pop(name, None)

    def missing(self, name: str) -> BadRecord:
        """What is wrong when the field is not there."""
        where = "" if self.place == "$" else f" - at `{self.place}`"
        return BadRecord(DeadLetterReason.INVALID_FIELD, f"Object missing required field `{name}`{where}")

    def refused(self, name: str, rule: str) -> BadRecord:
        """What is wrong with the field's value: `rule` says what is allowed."""
        return _refused(self._at(name), rule)

    def unread(self) -> Iterator[str]:
        """Paths of fields that say something and were not read, without indices."""
        return self._unread("$")

    def _unread(self, path: str) -> Iterator[str]:
        for name, value in self.content.items():
            if name in self._inner:
                several = "[]" if isinstance(value, list) else ""
                for inner in self._inner[name]:
                    yield from inner._unread(f"{path}.{name}{several}")  # noqa: SLF001 - its own kind
            elif name not in self._read and not _is_nothing(value):
                yield f"{path}.{name}"

    def _at(self, name: str) -> str:
        return f"{self.place}.{name}"

    def _value(self, name: str) -> Any:  # noqa: ANN401 - JSON
        self._read.add(name)
        return self.content.get(name)

    def _array(self, value: object, at: str) -> list[Any]:
        if _is_nothing(value):
            return []
        if not isinstance(value, list):
            raise _wrong_type("array", value, at)
        return value

    def _opened(self, name: str, values: list[tuple[str, Any]]) -> list[Record]:
        for at, value in values:
            if not isinstance(value, dict):
                raise _wrong_type("object", value, at)
        self._inner[name] = records = [Record(value, self._latest_ms, at) for at, value in values]
        return records


def _is_nothing(value: object) -> bool:
    return value is None or value in ("", [], {})


def _refused(at: str, rule: str) -> BadRecord:
    return BadRecord(DeadLetterReason.INVALID_FIELD, f"`{at}` {rule}")


def _wrong_type(expected: str, value: object, at: str) -> BadRecord:
    found = _NAMES.get(type(value), "null")
    return BadRecord(DeadLetterReason.INVALID_FIELD, f"Expected `{expected}`, got `{found}` - at `{at}`")
