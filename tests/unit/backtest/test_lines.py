"""NDJSON in pieces: numbers of lines, compressions, and damage."""

from __future__ import annotations

import gzip
import io

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from detector.backtest import lines
from detector.errors import BrokenWorld
from detector.events import MAX_RECORD_BYTES

TEXT = b"".join(b'{"number": %d}\n' % number for number in range(20_000))
PACKERS = {"plain": bytes, "gzip": gzip.compress, "zstd": zstandard.ZstdCompressor(write_checksum=True).compress}


def numbered(text, advance=lambda _: None):
    found = lines.blocks(lines.plain("x", io.BytesIO(text), advance))
    return [pair for values, numbers in found for pair in zip(numbers, values, strict=True)]


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_every_line_comes_with_its_number_however_the_file_is_packed(pack):
    assert numbered(pack(TEXT)) == list(enumerate(TEXT.splitlines(), 1))


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_several_packed_files_end_to_end_are_one(name):
    pack, half = PACKERS[name], len(TEXT) // 2 + 3

    assert numbered(pack(TEXT[:half]) + pack(TEXT[half:])) == list(enumerate(TEXT.splitlines(), 1))


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_file_that_was_cut_off_is_said_to_be(name):
    with pytest.raises(BrokenWorld, match=f"x ends within its {name} data"):
        numbered(PACKERS[name](TEXT)[:-9])


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_damaged_file_is_said_to_be(name):
    packed = bytearray(PACKERS[name](TEXT))
    packed[len(packed) // 2] ^= 0xFF

    with pytest.raises(BrokenWorld, match="x is no whole"):
        numbered(bytes(packed))


def test_blank_lines_are_left_out_and_counted():
    assert numbered(b"\n{}\r\n \r\n\n[]") == [(2, b"{}\r"), (5, b"[]")]


def test_the_mark_that_some_editors_put_first_is_no_part_of_the_first_line():
    assert numbered(b"\xef\xbb\xbf{}\n") == [(1, b"{}")]


def test_an_empty_file_has_no_line():
    assert numbered(b"") == []


def test_a_line_without_end_does_not_fill_the_memory_and_stays_too_long():
    found = numbered(b"x" * 5_000_000 + b"\n{}\n")

    assert [number for number, _ in found] == [1, 2]
    assert MAX_RECORD_BYTES < len(found[0][1]) < 10 * lines.PIECE_BYTES


def test_progress_is_told_in_bytes_of_the_file():
    told = []
    packed = gzip.compress(TEXT)
    numbered(packed, told.append)

    assert sum(told) == len(packed)


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=30), st.integers(1, 50))
def test_where_pieces_are_cut_changes_nothing(some, width):
    text = b"\n".join(some)
    pieces = [text[i : i + width] for i in range(0, len(text), width)]
    found = [pair for values, numbers in lines.blocks(pieces) for pair in zip(numbers, values, strict=True)]

    assert found == [(number, line) for number, line in enumerate(some, 1) if line.strip()]
