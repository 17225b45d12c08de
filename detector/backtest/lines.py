"""NDJSON as blocks of numbered lines, plain, gzip or zstd; never more of it in memory than a block."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Final

from detector.errors import BrokenWorld
from detector.events import MAX_RECORD_BYTES

LINES: Final = 500
"""Lines that are decoded in one call; one bad line among them, and they are decoded one by one."""
PIECE_BYTES: Final = 128 * 1024
GZIP, ZSTD, BOM = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xef\xbb\xbf"
WINDOW_LOG: Final = 31
"""Files written with zstd's `--long=31` can be read, too."""


def plain(name: str, raw: IO[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
    """Pieces of a file's text, whatever its compression. Raises BrokenWorld when the file is damaged or cut off."""
    pieces = _pieces(raw, advance)
    first = next(pieces, b"")
    if first.startswith(GZIP):
        return _gunzip(name, _chained(first, pieces))
    if first.startswith(ZSTD):
        return _unzstd(name, _chained(first, pieces))
    return _chained(first.removeprefix(BOM), pieces)


def blocks(pieces: Iterable[bytes]) -> Iterator[tuple[Sequence[bytes], Sequence[int]]]:
    """Lines and their numbers, from 1; blank lines are counted and left out.

    A line that is longer than any record may be is cut short: what is left is still too long, and refused as such.
    """
    number, held = 1, b""
    for piece in pieces:
        text = held + piece
        found = text.split(b"\n")
        held = found.pop()
        if len(held) > 2 * MAX_RECORD_BYTES:
            held = held[: MAX_RECORD_BYTES + 1]
        for first in range(0, len(found), LINES):
            yield from _numbered(found[first : first + LINES], number)
            number += len(found[first : first + LINES])
    yield from _numbered([held], number)


def _numbered(found: list[bytes], first: int) -> Iterator[tuple[Sequence[bytes], Sequence[int]]]:
    numbers: Sequence[int] = range(first, first + len(found))
    if not all(found) or any(line.isspace() for line in found):
        numbers = [number for number, line in zip(numbers, found, strict=True) if line.strip()]
        found = [line for line in found if line.strip()]
    if found:
        yield found, numbers


def _pieces(raw: IO[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
    while piece := raw.read(PIECE_BYTES):
        advance(len(piece))
        yield piece


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _gunzip(name: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """All members of a gzip file, one after the other."""
    member = None
    try:
        for piece in pieces:
            rest = piece
            while rest:
                member = member or zlib.decompressobj(zlib.MAX_WBITS | 16)
                text = member.decompress(rest)
                if text:
                    yield text
                rest = member.unused_data.lstrip(b"\0") if member.eof else b""
                member = None if member.eof else member
    except zlib.error as error:
        raise BrokenWorld(f"{name} is no whole gzip file: {error}") from error
    if member is not None:
        raise BrokenWorld(f"{name} ends within its gzip data: it was cut off")


def _unzstd(name: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """All frames of a zstd file, one after the other."""
    import zstandard  # noqa: PLC0415 - needed for such files only

    frame = None
    try:
        for piece in pieces:
            rest = piece
            while rest:
                frame = frame or zstandard.ZstdDecompressor(max_window_size=2**WINDOW_LOG).decompressobj()
                text = frame.decompress(rest)
                if text:
                    yield text
                rest = frame.unused_data if frame.eof else b""
                frame = None if frame.eof else frame
    except zstandard.ZstdError as error:
        raise BrokenWorld(f"{name} is no whole zstd file: {error}") from error
    if frame is not None:
        raise BrokenWorld(f"{name} ends within its zstd data: it was cut off")
