"""Parquet as records: a row is the JSON object of its columns that are not null, so all formats and checks apply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from detector.errors import BadRecord, BrokenWorld, ConfigError, Problem
from detector.events import DeadLetterReason

ROWS: Final = 500
UNREADABLE: Final = (ValueError, OverflowError)
"""What the library raises for a value that Python, or UTF-8, has no place for; its own errors are among them."""

_encode = msgspec.json.Encoder().encode


def blocks(name: str, advance: Callable[[int], None]) -> Iterator[tuple[Sequence[bytes | BadRecord], Sequence[int]]]:
    """Rows and their numbers, from 1. Timestamps without a zone are UTC; a row that is no record comes as its error.

    Raises ConfigError without the library, BrokenWorld when the file is damaged.
    """
    pa, pq = _library(name)
    try:
        with pq.ParquetFile(name) as file:
            size, rows, number = Path(name).stat().st_size, max(1, file.metadata.num_rows), 1
            for batch in file.iter_batches(batch_size=ROWS):
                advance(size * batch.num_rows // rows)
                values = _rows(pa, batch)
                yield values, range(number, number + len(values))
                number += len(values)
    except pa.ArrowException as error:
        raise BrokenWorld(f"{name} is no whole Parquet file: {error}") from error


def _library(name: str) -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import
        from pyarrow import parquet as pq  # noqa: PLC0415 - the same
    except ImportError as error:
        message = "is Parquet, which needs the extra `parquet`: pip install 'detector[parquet]'"
        raise ConfigError([Problem(name, 0, 0, message)]) from error
    return pa, pq


def _rows(pa: Any, batch: Any) -> list[bytes | BadRecord]:  # noqa: ANN401 - the library has no types
    """Its rows as JSON; where that fails for the batch, row by row."""
    try:
        return [_encode(_said(row)) for row in _plain(pa, batch).to_pylist()]
    except UNREADABLE as error:
        if batch.num_rows == 1:
            no_text = isinstance(error, UnicodeDecodeError) or "utf8" in str(error).lower()
            reason = DeadLetterReason.NOT_UTF8 if no_text else DeadLetterReason.TIME_OUT_OF_RANGE
            return [BadRecord(reason, f"a column can't be read: {error}")]
    return [row for i in range(batch.num_rows) for row in _rows(pa, batch.slice(i, 1))]


def _plain(pa: Any, batch: Any) -> Any:  # noqa: ANN401 - the same
    """The batch with all timestamps in microseconds of UTC, and text as text: some writers don't mark it as such."""
    kinds = pa.types
    for i, field in enumerate(batch.schema):
        to = None
        if kinds.is_timestamp(field.type):
            to = pa.timestamp("us", "UTC")
        elif kinds.is_binary(field.type) or kinds.is_large_binary(field.type):
            to = pa.string()
        if to is not None:
            batch = batch.set_column(i, field.name, batch.column(i).cast(to, safe=to == pa.string()))
    return batch


def _said(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if value is not None}
