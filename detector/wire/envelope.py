"""CloudEvents around an enforcement event, in both modes of the Kafka binding; what lies inside is the plain event.

Binary mode: `ce_*` headers, the value is the event. Structured mode: a JSON envelope whose `data` is the event, with or
without its content type. The event's own `id`, `kind` and `time` count; the envelope's attributes are not read, so that
an event means the same however it was wrapped. (Foreign formats without a time of their own take the envelope's.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from detector.errors import BadRecord
from detector.events import DeadLetterReason

if TYPE_CHECKING:
    from collections.abc import Sequence

_STRUCTURED = b"application/cloudevents"
_BATCH = b"application/cloudevents-batch"


class _Envelope(msgspec.Struct):
    specversion: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    data_base64: bytes | None = None


class _Dated(msgspec.Struct):
    specversion: str | None = None
    time: str | None = None


_decoder = msgspec.json.Decoder(_Envelope)
_dated = msgspec.json.Decoder(_Dated)


def by_headers(value: bytes, headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """The event in a record that has headers; the value itself when they say nothing of CloudEvents.

    Raises BadRecord (`bad_envelope`), and on broken JSON what msgspec raises.
    """
    named = {name.lower(): content or b"" for name, content in headers}
    content_type = named.get("content-type", b"").strip().lower()
    if content_type.startswith(_BATCH):
        raise BadRecord(DeadLetterReason.BAD_ENVELOPE, "a CloudEvents batch: send one event per record")
    if content_type.startswith(_STRUCTURED):
        data = by_content(value)
        if data is None:
            raise BadRecord(
                DeadLetterReason.BAD_ENVELOPE, "content-type says CloudEvents, but `specversion` is missing"
            )
        return data
    if "ce_specversion" in named:
        _check_version(named["ce_specversion"].decode(errors="replace"))
    return value


def by_content(value: bytes) -> bytes | None:
    """The event in a structured envelope, None when the JSON object is no envelope (it has no `specversion`).

    Raises BadRecord (`bad_envelope`), and on broken JSON what msgspec raises.
    """
    envelope = _decoder.decode(value)
    if envelope.specversion is None:
        return None
    _check_version(envelope.specversion)
    data = bytes(envelope.data) if envelope.data_base64 is None else envelope.data_base64
    if not data:
        raise BadRecord(DeadLetterReason.BAD_ENVELOPE, "the CloudEvents envelope has no `data`: put the event there")
    return data


def stated_time(value: bytes, headers: Sequence[tuple[str, bytes | None]]) -> str | None:
    """The attribute `time` of an envelope in either mode, None without one. For records without a time of their own.

    Raises what msgspec raises on broken JSON.
    """
    for name, content in headers:
        if name.lower() == "ce_time":
            return (content or b"").decode(errors="replace")
    dated = _dated.decode(value)
    return None if dated.specversion is None else dated.time


def _check_version(specversion: str) -> None:
    if not specversion.startswith("1."):
        raise BadRecord(
            DeadLetterReason.BAD_ENVELOPE, f"CloudEvents specversion is {specversion[:16]!r}: only 1.x is known"
        )
