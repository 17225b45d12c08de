"""How the demo reaches its reader: a table redrawn on a terminal, plain lines elsewhere, JSON on request."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Final

import msgspec

from detector.demo import render, scene
from detector.demo.render import Line
from detector.events import Alert, Breaker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detector.demo.feed import Record
    from detector.demo.platform import Proposal
    from detector.demo.run import Demo
    from detector.demo.scenario import Act
    from detector.gate import Decision

REDRAW_S: Final = 0.25
STATUS_S: Final = 4.0
LEAST_ROWS: Final = 20
_COLOURS: Final = {"red": "31;1", "yellow": "33", "green": "32", "bold": "1", "dim": "2"}
_BACK_TO: Final = "\033[{}F\033[J"


class Show:
    """Plain lines, each with the seconds since the start."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._drawn_s = 0.0
        self._learning = True

    def say(self, text: str) -> None:
        """One sentence."""
        self._lines([Line(text, "bold")])

    def act(self, act: Act, now_ms: int) -> None:
        """An act begins."""
        self._learning = False
        self._drawn_s = time.monotonic()
        self._lines([Line(f"{render.clock(now_ms)}: {act.happens}", "bold"), Line(f"Watch {act.look}", "dim")])

    def update(self, demo: Demo) -> None:
        """A moment has passed; called often."""
        if time.monotonic() - self._drawn_s >= STATUS_S:
            self._drawn_s = time.monotonic()
            self._lines([render.status(_rows(demo))])

    def record(self, record: Record) -> None:
        """The detector has said something. What it warns of while it learns is left out."""
        if isinstance(record.said, Alert) and not self._learning:
            self._lines([render.alert(record.said)])

    def fate(self, proposal: Proposal, decision: Decision) -> None:
        """What became of one person."""
        self._lines([render.fate(proposal, decision)])

    def end(self, demo: Demo) -> None:
        """The alert record, and how it went."""
        opened = demo.watched.opened()
        if opened:
            self._print([Line(""), Line("The alert, as it stands on the topic enforcement.alerts:", "bold")])
            self._print(render.record(opened[0]))
        self._print([Line(""), *render.summary(demo)])

    def _lines(self, lines: Iterable[Line]) -> None:
        seconds = time.monotonic() - self._began_s
        self._print(Line(f"[{seconds:5.1f} s] {line.text}", line.style) for line in lines)

    def _print(self, lines: Iterable[Line]) -> None:
        for line in lines:
            print(self._paint(line), flush=True)  # noqa: T201 - it is what the demo is for

    def _paint(self, line: Line) -> str:
        return line.text


class Screen(Show):
    """A terminal: what happens scrolls by above a table that stays. Colours unless NO_COLOR is set."""

    def __init__(self) -> None:
        super().__init__()
        self._coloured = not os.environ.get("NO_COLOR")
        self._height = 0
        self._table: list[Line] = []

    def update(self, demo: Demo) -> None:
        """Redraw the table."""
        if time.monotonic() - self._drawn_s >= REDRAW_S:
            self._drawn_s = time.monotonic()
            held, executed = demo.service.ledger.held, demo.service.ledger.executed
            foot = f"{sum(executed.values())} actions executed, {sum(held.values())} held for review"
            lines = [Line(""), *render.table(_rows(demo)), Line(f"{render.clock(demo.now_ms)}   {foot}", "dim")]
            columns = shutil.get_terminal_size().columns  # a line that wraps could not be drawn over
            self._table = [Line(line.text[:columns], line.style) for line in lines]
            self._print([])

    def end(self, demo: Demo) -> None:
        """The table stays as it is; the rest comes below."""
        self._table, self._height = [], 0
        super().end(demo)

    def _print(self, lines: Iterable[Line]) -> None:
        if self._height:
            sys.stdout.write(_BACK_TO.format(self._height))
        self._height = len(self._table)
        super()._print([*lines, *self._table])

    def _paint(self, line: Line) -> str:
        code = _COLOURS.get(line.style) if self._coloured else None
        return f"\033[{code}m{line.text}\033[0m" if code else line.text


class Json(Show):
    """Each alert and each breaker record of the output topics as one line, and nothing else."""

    def record(self, record: Record) -> None:
        """Print it, unless it is a heartbeat."""
        if isinstance(record.said, Alert | Breaker):
            line = {"topic": record.topic, "key": (record.key or b"").decode(), "value": msgspec.Raw(record.value)}
            self._print([Line(msgspec.json.encode(line).decode())])

    def say(self, text: str) -> None:
        """Not here."""

    def act(self, act: Act, now_ms: int) -> None:
        """Not here."""

    def update(self, demo: Demo) -> None:
        """Not here."""

    def fate(self, proposal: Proposal, decision: Decision) -> None:
        """Not here."""

    def end(self, demo: Demo) -> None:
        """Not here."""


def pick(*, as_json: bool) -> Show:
    """The one that fits where stdout goes."""
    if as_json:
        return Json()
    redraws = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return Screen() if redraws and shutil.get_terminal_size().lines >= LEAST_ROWS else Show()


def _rows(demo: Demo) -> list[scene.Row]:
    return scene.rows(demo.watched, demo.service.ledger, demo.platform, demo.now_ms)
