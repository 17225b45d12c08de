"""How many bad records a source partition may send to the dead letters, and what their headers say.

A stray bad record must not stop a stream, and a stream of nothing but bad records must not drain into the dead letters
while everybody believes that it is read: a wrong topic, a broken producer or a changed contract is better stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from detector.errors import PoisonedPartition

if TYPE_CHECKING:
    from detector.events import DeadLetter


MAX_MESSAGE_BYTES: Final = 2 * 1024 * 1024
"""What producers of dead letters must be allowed to send: the topic's `max.message.bytes`."""
MAX_KEY_BYTES: Final = 64 * 1024
MAX_VALUE_BYTES: Final = MAX_MESSAGE_BYTES - 2 * MAX_KEY_BYTES
"""Leaves room for the key, the headers and Kafka's framing."""


class DeadLetterLimit:
    """Counts records of each source partition; depends on nothing but their order.

    A partition has credit: a bad record takes 1, a good one gives `bad_per_good`, up to `max_consecutive`. So a long
    run may hold `bad_per_good` bad records for each good one, no more than `max_consecutive` come in a row, and what a
    partition was last month buys it nothing today. It starts with `allowance`: before its first good record nothing
    says that it is meant for this program. All three are 1 or more, the allowance at most `max_consecutive`.
    """

    def __init__(self, *, bad_per_good: int = 20, max_consecutive: int = 2_000, allowance: int = 200) -> None:
        if bad_per_good < 1 or not 1 <= allowance <= max_consecutive:
            raise ValueError(
                f"{bad_per_good=}, {max_consecutive=}, {allowance=}: each must be 1 or more, and the allowance at most "
                "max_consecutive"
            )
        self._bad_per_good = bad_per_good
        self._max_consecutive = max_consecutive
        self._allowance = allowance
        self._credit: dict[int, int] = {}

    def good(self, source: int, count: int = 1) -> None:
        """`count` records in a row could be used. Adding them up until the next bad one changes nothing."""
        credit = self._credit.get(source, self._allowance) + count * self._bad_per_good
        self._credit[source] = min(credit, self._max_consecutive)

    def bad(self, source: int) -> None:
        """One record could not be used and may go to the dead letters.

        Raises PoisonedPartition when it may not: then nothing of that partition may be taken from it on.
        """
        credit = self._credit.get(source, self._allowance)
        if credit < 1:
            raise PoisonedPartition(
                f"source partition {source} holds almost nothing but bad records (more than {self._bad_per_good} for "
                f"each good one, {self._max_consecutive} in a row, or the first {self._allowance}) and is read no "
                "further: see the reasons in the dead letters, mend the producer, then restart or skip these offsets"
            )
        self._credit[source] = credit - 1

    def forget(self, source: int) -> None:
        """The partition went to another worker, which starts anew."""
        self._credit.pop(source, None)


def dead_letter_content(key: bytes | None, value: bytes | None) -> tuple[bytes | None, bytes | None]:
    """Key and value of a dead-letter record: as they came, as far as a producer and the topic take them.

    What can't be sent would stop the stream for ever, so both are cut to their limits, and a record of neither gets an
    empty value.
    """
    if key is None and value is None:
        return None, b""
    return key and key[:MAX_KEY_BYTES], value and value[:MAX_VALUE_BYTES]


def dead_letter_headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    """Kafka headers of a dead-letter record, one per field."""
    fields: dict[str, str | int] = msgspec.to_builtins(letter)
    return [(name, str(field).encode()) for name, field in fields.items()]
