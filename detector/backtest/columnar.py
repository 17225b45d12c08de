"""Parquet as records: a row is the JSON object of its columns that are not null, so all formats and checks apply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from detector.errors import BrokenWorld, ConfigError, Problem

ROWS: Final = 500

_encode = msgspec.json.Encoder().encode


def blocks(name: str, advance: Callable[[int], None]) -> Iterator[tuple[Sequence[bytes], Sequence[int]]]:
    """Rows and their numbers, from 1. Timestamps without a zone are UTC.

    Raises ConfigError without the library, BrokenWorld when the file is damaged.
    """
    pa, pq = _library(name)
    try:
        with pq.ParquetFile(name) as file:
            size, rows, number = Path(name).stat().st_size, max(1, file.metadata.num_rows), 1
            for batch in file.iter_batches(batch_size=ROWS):
                advance(size * batch.num_rows // rows)
                values = [_encode(_said(row)) for row in _on_utc(pa, batch).to_pylist()]
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


def _on_utc(pa: Any, batch: Any) -> Any:  # noqa: ANN401 - the library has no types
    """The batch with all timestamps in microseconds of UTC."""
    for i, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type):
            batch = batch.set_column(i, field.name, batch.column(i).cast(pa.timestamp("us", "UTC"), safe=False))
    return batch


def _said(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if value is not None}
