"""Where events come from: files, standard input, Kafka topics, as blocks of undecoded records with their places."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Final, NamedTuple, Protocol, cast

from detector.backtest import columnar, lines
from detector.errors import BadRecord, ConfigError, Problem
from detector.wire.adapters.interface import Headers

STDIN: Final = "-"
KAFKA: Final = "kafka://"
PARQUET: Final = b"PAR1"

Advance = Callable[[int], None]
"""Told how many bytes of a source were read."""


class Block(NamedTuple):
    """Some records as they came, or why they are none. `numbers`: of their lines, rows or offsets."""

    values: Sequence[bytes | BadRecord | None]
    numbers: Sequence[int]
    headers: Sequence[Headers] | None = None
    received_ms: Sequence[int] | None = None


class Source(Protocol):
    """One ordered sequence of records. `rewinds`: whether `blocks` may be called more than once."""

    name: str
    rewinds: bool

    def blocks(self, advance: Advance) -> Generator[Block]:
        """All records, in blocks of some hundred. Raises OSError and BrokenWorld."""


class FileSource:
    """NDJSON, plain or compressed (told by its first bytes, not by its name), or Parquet."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.size = Path(name).stat().st_size
        self.rewinds = rewinds(name)

    def blocks(self, advance: Advance) -> Generator[Block]:
        """Opens the file now."""
        with Path(self.name).open("rb") as raw:
            if raw.peek(len(PARQUET)).startswith(PARQUET):
                yield from (Block(*each) for each in columnar.blocks(self.name, advance))
            else:
                yield from _lines(self.name, raw, advance)


class StdinSource:
    """NDJSON from standard input, plain or compressed."""

    name = STDIN
    rewinds = False

    def __init__(self, stream: IO[bytes] | None = None) -> None:
        self._stream = stream

    def blocks(self, advance: Advance) -> Generator[Block]:
        """Reads it to its end."""
        yield from _lines("standard input", self._stream or sys.stdin.buffer, advance)


def rewinds(name: str) -> bool:
    """Whether a source can be read more than once; one that is not there is told of when it is opened."""
    return name != STDIN and (Path(name).is_file() or not Path(name).exists())


def named(names: Sequence[str]) -> list[FileSource | StdinSource]:
    """Sources of the files named, `-` for standard input. Raises ConfigError with all that can't be read."""
    problems, found = list[Problem](), list[FileSource | StdinSource]()
    for name in names:
        try:
            if name == STDIN:
                found.append(StdinSource())
            else:
                found.append(FileSource(name))
                if found[-1].rewinds:  # to open a pipe and close it again would break it
                    with closing(Path(name).open("rb")):
                        pass
        except OSError as error:
            problems.append(Problem(name, 0, 0, f"can't be read: {error.strerror}; name a file of events"))
    if names.count(STDIN) > 1:
        problems.append(Problem(STDIN, 0, 0, "is named twice; standard input can be read once"))
    if problems:
        raise ConfigError(problems)
    return found


def _lines(name: str, raw: IO[bytes], advance: Advance) -> Iterator[Block]:
    for values, numbers in lines.blocks(lines.plain(name, raw, advance)):
        yield Block(cast("Sequence[bytes | None]", values), numbers)
