"""From a Kafka record of the events topic to an event, or to the one reason why it can't be used.

Every byte string ends in an event or in BadRecord. Details name the field and what is allowed there, never the value:
it may be a person's id. The common case pays for little beside msgspec's own decode: strings are looked
at a second time only when the raw bytes hold a backslash or DEL: valid JSON has no other way to a control character.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import inspect

from detector.errors import BadRecord
from detector.events import EARLIEST_MS, KINDS, MAX_RECORD_BYTES, Action, AnyEvent, DeadLetterReason, Event, decoder
from detector.wire import envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DETAIL_CHARS: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_TIMES: Final = ("time", "acted_at", "subject_created_at", "content_created_at")
_FREE_TEXT: Final = frozenset({"change"})
_TIMES_OF: Final[dict[type[Event], tuple[str, ...]]] = {
    kind: tuple(name for name in _TIMES if name in kind.__struct_fields__) for kind in KINDS
}
_BACKSLASH: Final = ord("\\")  # as numbers: bytes find them seven times faster than bytes of length 1
_DEL: Final = 0x7F
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPED_CONTROL: Final = re.compile(rb"\\(?:[bfnrt]|u00[01]|u007[fF])")
"""How JSON spells a control character, beside a bare DEL. An escaped backslash before such a letter looks the same."""


def epoch_ms(time: datetime | int) -> int:
    """Epoch milliseconds of a time of the contract, rounded down."""
    return time if isinstance(time, int) else (time - _EPOCH) // _MILLISECOND


def opened(value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> bytes:
    """The UTF-8 text in a record, within its limit, out of an envelope that headers announce.

    Raises BadRecord, UnicodeDecodeError, and what msgspec raises on a broken envelope: see `bad_record`.
    """
    if not value:
        raise BadRecord(DeadLetterReason.EMPTY, "the record has no value")
    if len(value) > MAX_RECORD_BYTES:
        raise BadRecord(DeadLetterReason.TOO_LARGE, f"{len(value)} bytes: at most {MAX_RECORD_BYTES} are allowed")
    if headers:
        value = envelope.by_headers(value, headers)
    if not value.isascii():
        value.decode()  # msgspec does not look into fields that it skips
    return value


class Decoder:
    """Decodes and validates records of the events topic.

    `max_future_s`: how far an event's times may lie ahead of `now_ms`, for producers whose clock is fast.
    """

    def __init__(self, max_future_s: float = 86_400) -> None:
        self._max_future_ms = int(max_future_s * 1000)
        self._json = decoder().decode
        self._json_lines = decoder().decode_lines

    def decode(self, value: bytes | None, headers: Sequence[tuple[str, bytes]], now_ms: int) -> AnyEvent:
        """The event in a record, all its times turned into epoch milliseconds. Raises BadRecord and nothing else."""
        try:
            event, value = self._parse(opened(value, headers))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise bad_record(error) from None
        _check_times(event, now_ms + self._max_future_ms)
        if (_BACKSLASH in value and _ESCAPED_CONTROL.search(value)) or _DEL in value:
            _refuse_control_characters(event)
        return event

    def decode_all(self, values: Sequence[bytes | None], now_ms: int) -> list[AnyEvent] | None:
        """What `decode` gives for each of many records without headers, a third faster.

        None when one of them is bad or unusual (an envelope, a line break, a backslash): then each needs `decode`.
        """
        try:
            lines = b"\n".join(values)  # type: ignore[arg-type]  # None among them: TypeError
            if _BACKSLASH in lines or _DEL in lines or lines.count(b"\n") != len(values) - 1:
                return None
            if not lines.isascii():
                lines.decode()
            events = self._json_lines(lines)
            latest_ms = now_ms + self._max_future_ms
            for event in events:
                if not _is_plain(event, latest_ms):
                    _check_times(event, latest_ms)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BadRecord, TypeError):
            return None
        fit = len(events) == len(values) and max(map(len, values)) <= MAX_RECORD_BYTES  # type: ignore[arg-type]  # no None
        return events if fit else None

    def _parse(self, value: bytes) -> tuple[AnyEvent, bytes]:
        """The event, and the bytes that hold it: what lies inside an envelope that no header announced."""
        try:
            return self._json(value), value
        except msgspec.ValidationError:
            data = envelope.by_content(value)
            if data is None:
                raise
            return self._json(data), data


def _is_plain(event: AnyEvent, latest_ms: int) -> bool:
    """Whether an event is an action with one time, of the common form and in range."""
    return (
        type(event) is Action
        and type(event.time) is int
        and EARLIEST_MS <= event.time <= latest_ms
        and event.subject_created_at is None
        and event.content_created_at is None
    )


def _check_times(event: AnyEvent, latest_ms: int) -> None:
    for name in _TIMES_OF[type(event)]:
        time = getattr(event, name)
        if time is None:
            continue
        if type(time) is not int:
            time = epoch_ms(time)
            setattr(event, name, time)
        if not EARLIEST_MS <= time <= latest_ms:
            raise out_of_range(f"$.{name}", latest_ms)


def _refuse_control_characters(event: Event) -> None:
    for name in event.__struct_fields__:
        text = getattr(event, name)
        if name not in _FREE_TEXT and isinstance(text, str):
            refuse_control_character(f"$.{name}", text)


def out_of_range(place: str, latest_ms: int) -> BadRecord:
    """What is wrong with a time at `place` that lies before the year 2000 or after `latest_ms`."""
    return BadRecord(
        DeadLetterReason.TIME_OUT_OF_RANGE,
        f"`{place}` must lie from {EARLIEST_MS} (the year 2000) to {latest_ms} epoch ms: check the producer's "
        "clock, and that it sends milliseconds",
    )


def refuse_control_character(place: str, text: str) -> None:
    """Raises BadRecord when `text`, which stands at `place`, holds one."""
    if _CONTROL.search(text):
        raise BadRecord(
            DeadLetterReason.CONTROL_CHARACTER, f"`{place}` holds a control character (such as CR, LF or NUL)"
        )


def bad_record(error: Exception) -> BadRecord:
    """The reason behind what decoding raised."""
    if isinstance(error, UnicodeDecodeError):
        reason, detail = DeadLetterReason.NOT_UTF8, f"{error.reason} at byte {error.start}"
    elif isinstance(error, RecursionError):
        reason, detail = DeadLetterReason.TOO_DEEP, "objects or arrays are nested too deeply"
    elif isinstance(error, msgspec.ValidationError):
        reason, detail = _invalid_field(str(error))
    else:
        reason, detail = DeadLetterReason.NOT_JSON, str(error)
    return BadRecord(reason, detail[:MAX_DETAIL_CHARS])


_PATH: Final = re.compile(r" - at `\$\.(\w+)`$")
_QUOTED: Final = re.compile(r" '.*'", re.DOTALL)
_RANGE_MESSAGES: Final = ("Expected `int` >=", "Integer value out of range", "Number out of range")


def _invalid_field(message: str) -> tuple[DeadLetterReason, str]:
    """Reason and detail of a msgspec message; the values that it quotes are left out."""
    path = _PATH.search(message)
    name = path[1] if path else ""
    if name in _TIMES and message.startswith(_RANGE_MESSAGES):
        return DeadLetterReason.TIME_OUT_OF_RANGE, message
    if message.startswith("Invalid") and name in _ALLOWED:
        return DeadLetterReason.INVALID_FIELD, f"`$.{name}` must be one of {', '.join(_ALLOWED[name])}"
    return DeadLetterReason.INVALID_FIELD, _QUOTED.sub("", message)


def _closed_sets() -> dict[str, list[str]]:
    """Each field that takes one word of a closed set, with the words."""
    kinds = [info for info in inspect.multi_type_info(KINDS) if isinstance(info, inspect.StructType)]
    fields = {field.name: _words(field.type) for kind in kinds for field in kind.fields}
    return {name: words for name, words in fields.items() if words} | {"kind": [str(kind.tag) for kind in kinds]}


def _words(of: inspect.Type) -> list[str]:
    match of:
        case inspect.LiteralType(values=values):
            return [str(value) for value in values]
        case inspect.EnumType(cls=enum):
            return [member.value for member in enum]
        case inspect.UnionType(types=types):
            return [word for option in types for word in _words(option)]
    return []


_ALLOWED: Final = _closed_sets()
