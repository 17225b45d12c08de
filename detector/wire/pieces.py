"""Columns of one log partition as messages, none of them longer than the log allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from detector.wire import log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]
    Ranges = list[tuple[int, int, int]]


class Message(NamedTuple):
    """One record for the log. `ranges` is what its `Rows` carry: (source partition, prev, through] in source order."""

    partition: int
    ranges: list[tuple[int, int, int]]
    rows: int
    value: bytes


def fitting(partition: int, ranges: Ranges, columns: Columns, names: dict[str, list[str]]) -> Iterator[Message]:
    """One message, or as many as it takes to keep each within its limit, in the order to send.

    `columns` of equal length, by source and offset; `names` of the codes in them. A message with more names than its
    codes can count is far beyond that limit, so a code that wrapped is never sent.
    """
    value, size = _encode(ranges, columns, names), len(columns["time"])
    if len(value) <= log.MAX_MESSAGE_BYTES or (half := _middle(columns)) is None:
        yield Message(partition, ranges, size, value)
        return
    before, after = _cut(ranges, columns, half)
    yield from fitting(partition, before, *_part(columns, names, slice(0, half)))
    yield from fitting(partition, after, *_part(columns, names, slice(half, size)))


def _middle(columns: Columns) -> int | None:
    """The row next to the middle that begins another offset; None when all rows are of one.

    A record may give several rows. They stay in one message: a reader takes or leaves a range as far as an offset, so
    of an offset on both sides of a cut the rows behind it would count as repeated.
    """
    source, offset = columns["source"], columns["offset"]
    begins = np.flatnonzero((source[1:] != source[:-1]) | (offset[1:] != offset[:-1])) + 1
    return int(begins[np.abs(begins - len(source) // 2).argmin()]) if len(begins) else None


def _encode(ranges: Ranges, columns: Columns, names: dict[str, list[str]]) -> bytes:
    """Columns of zeros alone are left out: they read as zeros."""
    sent = {
        name: columns[name].astype(dtype, copy=False).tobytes()
        for name, dtype in log.COLUMNS.items()
        if name == "time" or columns[name].any()
    }
    lists = {field: names[dimension] for dimension, field in log.DIMENSIONS.items()}
    return log.encode(log.Rows(ranges=ranges, policies=names["policy"], columns=sent, **lists))


def _cut(ranges: Ranges, columns: Columns, half: int) -> tuple[Ranges, Ranges]:
    """The ranges before and after row `half`. A source on both sides is cut at its last offset before."""
    source, offset = int(columns["source"][half - 1]), int(columns["offset"][half - 1])
    before = [span for span in ranges if span[0] <= source]
    after = [span for span in ranges if span[0] > source]
    if columns["source"][half] == source:
        _, low, high = before.pop()
        before.append((source, low, offset))
        after.insert(0, (source, offset, high))
    return before, after


def _part(columns: Columns, names: dict[str, list[str]], chosen: slice) -> tuple[Columns, dict[str, list[str]]]:
    """Some rows, with dictionaries that hold only what these rows use."""
    part, own = {name: column[chosen] for name, column in columns.items()}, {}
    for column, words in names.items():
        used, part[column] = np.unique(part[column], return_inverse=True)
        own[column] = [words[code] for code in used.tolist()]
    return part, own
