"""What all foreign formats do the same way: open the record, refuse it with a reason, count what was not used."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from detector.errors import BadRecord
from detector.events import AnyEvent, DeadLetterReason
from detector.wire import envelope
from detector.wire.adapters.interface import Headers
from detector.wire.adapters.record import Record
from detector.wire.decode import MAX_DETAIL_CHARS, bad_record, opened

MAX_EVENTS: Final = 256
"""Of one record. Their rows fit one message of the log by far."""
MAX_PATHS: Final = 1000
MAX_PATH_CHARS: Final = 120
OTHERS: Final = "(others)"


class Adapter(ABC):
    """A format whose records are not events of ours. `max_future_s`: as of `decode.Decoder`."""

    def __init__(self, max_future_s: float) -> None:
        self.unmapped: Counter[str] = Counter()
        self.ignored: Counter[str] = Counter()
        self._max_future_ms = int(max_future_s * 1000)
        self._json = msgspec.json.Decoder()

    @abstractmethod
    def events(self, record: Record, came: Came) -> Sequence[AnyEvent]:
        """The events in a record, or none with `skip`. Raises BadRecord."""

    def decode_all(self, values: Sequence[bytes | None], now_ms: int) -> list[AnyEvent] | None:  # noqa: ARG002 - of the interface
        """Each record needs `decode`."""
        return None

    def decode(
        self, value: bytes | None, headers: Headers, now_ms: int, received_ms: int | None = None
    ) -> Sequence[AnyEvent]:
        """The events in a record. Raises BadRecord."""
        try:
            text = opened(value, headers)
            record = Record(self._object(text), now_ms + self._max_future_ms)
            events = self.events(record, Came(value or b"", headers, received_ms, record))
        except BadRecord as error:
            raise BadRecord(error.reason, error.detail[:MAX_DETAIL_CHARS]) from None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise bad_record(error) from None
        if len(events) > MAX_EVENTS:
            raise BadRecord(DeadLetterReason.INVALID_FIELD, f"{len(events)} events in one record: at most {MAX_EVENTS}")
        if events:
            for path in set(record.unread()):
                count(self.unmapped, path)
        return events

    def skip(self, reason: str) -> tuple[()]:
        """No events, for a reason that is counted."""
        count(self.ignored, reason)
        return ()

    def _object(self, text: bytes) -> dict[str, object]:
        found = self._json.decode(text)
        if isinstance(found, dict) and "specversion" in found:
            found = self._json.decode(envelope.by_content(text) or text)
        if not isinstance(found, dict):
            raise BadRecord(DeadLetterReason.INVALID_FIELD, "Expected `object`: a record is one JSON object")
        return found


class Came:
    """When a record that carries no time came: the CloudEvents attribute `time` around it, else the transport's."""

    def __init__(self, value: bytes, headers: Headers, received_ms: int | None, record: Record) -> None:
        self._value = value
        self._headers = headers
        self._received_ms = received_ms
        self._record = record

    def time(self) -> int:
        """Epoch milliseconds. Raises BadRecord when nobody says."""
        stated = envelope.stated_time(self._value, self._headers)
        if stated is not None:
            return self._record.moment(stated, "time of the envelope")
        if self._received_ms is None:
            raise BadRecord(
                DeadLetterReason.INVALID_FIELD,
                "the record carries no time: put it into a CloudEvents envelope that has `time`",
            )
        return self._record.moment(self._received_ms, "the record's timestamp")


def count(counter: Counter[str], what: str) -> None:
    """Add one, under a bounded number of bounded, printable names: what a record says may be anything."""
    name = what[:MAX_PATH_CHARS]
    if name not in counter:
        name = "".join(character if character.isprintable() else "?" for character in name)
        if name not in counter and len(counter) >= MAX_PATHS:
            name = OTHERS
    counter[name] += 1
