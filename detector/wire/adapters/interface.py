"""What a format is: one record of somebody's stream becomes none, one or several enforcement events.

A format tells what it did not use. `unmapped` counts fields that it does not map (the path, such as `$.item.typeName`
or `$.policies[].penalty`, once a record that has it); `ignored` counts, by reason, what yields no event although it is
a well-formed record of the format (a comment, a rule in shadow, an appeal of an action that is not known). A value that
a mapped field can't take is BadRecord, like that of a native event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from detector.events import AnyEvent
from detector.wire.adapters import options
from detector.wire.decode import Decoder

Headers = Sequence[tuple[str, bytes]]


class Format(Protocol):
    """Decodes records of one format. Not to be shared between streams: some formats remember actions for appeals."""

    unmapped: Counter[str]
    ignored: Counter[str]

    def decode_all(self, values: Sequence[bytes | None], now_ms: int) -> list[AnyEvent] | None:
        """One event for each of many records without headers, or None: then each needs `decode`."""

    def decode(
        self, value: bytes | None, headers: Headers, now_ms: int, received_ms: int | None = None
    ) -> Sequence[AnyEvent]:
        """The events in a record, their times in epoch milliseconds. Raises BadRecord and nothing else.

        `received_ms`: when the record was written, where the transport knows (Kafka's timestamp); only formats whose
        records carry no time of their own look at it.
        """


Factory = Callable[[float, str | None], Format]
"""Makes a format of `max_future_s` and of its options as JSON text. Raises ConfigError about the options."""


class Native:
    """The events of `detector.events` themselves: one a record, every field of which is known or ignored."""

    def __init__(self, max_future_s: float, text: str | None = None) -> None:
        options.refuse(text, "native")
        self.unmapped: Counter[str] = Counter()
        self.ignored: Counter[str] = Counter()
        self._decoder = Decoder(max_future_s)
        self.decode_all = self._decoder.decode_all

    def decode(
        self,
        value: bytes | None,
        headers: Headers,
        now_ms: int,
        received_ms: int | None = None,  # noqa: ARG002 - native events carry their time
    ) -> Sequence[AnyEvent]:
        """The event in a record. Raises BadRecord."""
        return (self._decoder.decode(value, headers, now_ms),)
