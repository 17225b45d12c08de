"""How far a long run is: one line on a terminal's standard error, nothing anywhere else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

import click

EVERY_S: Final = 0.2


class Progress:
    """Events so far, their rate, and when all bytes will have been read. `size`: None where nobody knows."""

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._shown = sys.stderr.isatty()
        self._began_s = self._next_s = time.monotonic()
        self._read = self._events = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.clear()

    def advance(self, read: int) -> None:
        """So many bytes were read."""
        self._read += read

    def events(self, number: int) -> None:
        """So many events were taken in."""
        self._events += number
        now_s = time.monotonic()
        if self._shown and now_s >= self._next_s:
            self._next_s = now_s + EVERY_S
            click.echo(f"\r\x1b[K{self.line(now_s - self._began_s)}", err=True, nl=False)

    def clear(self) -> None:
        """Leave an empty line, for somebody else to write on."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)

    def line(self, took_s: float) -> str:
        """What is shown after `took_s` seconds."""
        parts = [f"{self._events:,} events", f"{self._events / max(took_s, 1e-9):,.0f}/s"]
        if self._size and self._read:
            done = min(1.0, self._read / self._size)
            left_s = round(took_s * (1 - done) / done)
            parts += [f"{done:.0%}", f"{left_s // 60}:{left_s % 60:02d} left"]
        return "  ".join(parts)
