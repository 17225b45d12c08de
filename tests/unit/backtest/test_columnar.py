"""Parquet: the same events as the lines that hold them."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from pyarrow import parquet

from detector.backtest import columnar
from detector.errors import BadRecord, BrokenWorld, ConfigError
from detector.wire.decode import Decoder
from tests.unit.backtest.made_up import START_MS, lines

NOW_MS = START_MS + 10**10


def saved(path, rows, **types):
    table = pa.Table.from_pylist(rows)
    for name, kind in types.items():
        column = table[name] if pa.types.is_timestamp(table[name].type) else table[name].cast(pa.timestamp("ms"))
        table = table.set_column(table.schema.names.index(name), name, column.cast(kind))
    parquet.write_table(table, path)
    return str(path)


def read(name):
    return [value for values, _ in columnar.blocks(name, lambda _: None) for value in values]


def events(values):
    decoder = Decoder()
    return [decoder.decode(value, (), NOW_MS) for value in values]


@pytest.mark.parametrize("kind", [None, pa.timestamp("ms"), pa.timestamp("ns"), pa.timestamp("us", "UTC")])
def test_rows_are_the_events_that_the_lines_are_whatever_type_their_time_has(tmp_path, kind):
    some = lines().splitlines()[:1200]
    name = saved(tmp_path / "a.parquet", [json.loads(line) for line in some], **({"time": kind} if kind else {}))

    assert events(read(name)) == events(some)


def test_a_time_with_another_zone_is_the_same_moment(tmp_path):
    moment = datetime(2026, 1, 5, 13, tzinfo=UTC)
    row = json.loads(lines().splitlines()[0]) | {"time": moment}
    name = saved(tmp_path / "a.parquet", [row], time=pa.timestamp("us", "Europe/Vienna"))

    assert events(read(name))[0].time == moment.timestamp() * 1000


def of_spam(column):
    rows = [json.loads(line) for line in lines().splitlines()[:3]]
    table = pa.Table.from_pylist([{**row, "policy_id": "spam"} for row in rows])
    return table.set_column(table.schema.names.index(column.field), column.field, column.values)


class Column:
    def __init__(self, field, values):
        self.field, self.values = field, values


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_text_that_its_writer_did_not_mark_as_such_is_text(tmp_path, kind):
    parquet.write_table(of_spam(Column("policy_id", pa.array([b"spam"] * 3, kind))), tmp_path / "a.parquet")

    assert {event.policy_id for event in events(read(str(tmp_path / "a.parquet")))} == {"spam"}


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (Column("policy_id", pa.array([b"spam", b"\xff\xfe", b"spam"], pa.binary())), "not_utf8"),
        (Column("time", pa.array([START_MS, 4 * 10**17, START_MS]).cast(pa.timestamp("ms"))), "time_out_of_range"),
    ],
)
def test_one_value_that_can_not_be_read_spoils_one_row(tmp_path, column, reason):
    parquet.write_table(of_spam(column), tmp_path / "a.parquet")

    first, second, third = read(str(tmp_path / "a.parquet"))
    assert len(events([first, third])) == 2
    assert isinstance(second, BadRecord)
    assert second.reason == reason


def test_rows_are_numbered_from_one(tmp_path):
    name = saved(tmp_path / "a.parquet", [json.loads(line) for line in lines().splitlines()[:1001]])

    assert [number for _, numbers in columnar.blocks(name, lambda _: None) for number in numbers] == list(
        range(1, 1002)
    )


def test_progress_adds_up_to_the_size_of_the_file(tmp_path):
    name, told = saved(tmp_path / "a.parquet", [json.loads(line) for line in lines().splitlines()[:2000]]), []
    list(columnar.blocks(name, told.append))

    assert 0.9 <= sum(told) / (tmp_path / "a.parquet").stat().st_size <= 1


def test_a_damaged_file_is_said_to_be(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and nothing else PAR1")

    with pytest.raises(BrokenWorld, match=r"a\.parquet is no whole Parquet file"):
        read(str(path))


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(ConfigError, match=r"needs the extra `parquet`: pip install 'detector\[parquet\]'"):
        read(str(tmp_path / "a.parquet"))
