"""The file of labelled incidents: CSV with the columns `policy,onset_utc,fixed_utc`, in any order, others ignored."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from detector.backtest.score import Incident
from detector.config.words import shown, suggestion
from detector.errors import ConfigError, Problem
from detector.events import EARLIEST_MS, MAX_ID_CHARS
from detector.wire.decode import epoch_ms

COLUMNS: Final = ("policy", "onset_utc", "fixed_utc")


def load(path: str) -> list[Incident]:
    """The incidents in the order of the file. Raises ConfigError with all problems, each with line and column."""
    try:
        text = Path(path).read_text("utf-8-sig")
    except OSError as error:
        raise ConfigError([Problem(path, 0, 0, f"can't be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(path, 0, 0, f"is not UTF-8: {error.reason} at byte {error.start}")]) from error
    return _Table(path).read(text)


def time_ms(text: str) -> int:
    """Epoch ms of an ISO 8601 time; without a zone it is UTC. Raises ValueError."""
    found = datetime.fromisoformat(text.strip())
    return epoch_ms(found if found.tzinfo else found.replace(tzinfo=UTC))


class _Table:
    """Reads one file and keeps every problem."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._problems: list[Problem] = []

    def read(self, text: str) -> list[Incident]:
        """All incidents."""
        rows = list(self._rows(text))
        head = rows[0][1] if rows else []
        places = self._head(head)
        found = [self._incident(line, row, len(head), places) for line, row in rows[1:] if any(row)] if places else []
        self._once([each for each in found if each is not None])
        if self._problems:
            raise ConfigError(self._problems)
        return [each for each in found if each is not None]

    def _once(self, found: list[Incident]) -> None:
        """One label, one incident: its actions must not count twice."""
        first = dict[Incident, str]()
        for each in found:
            if (place := first.setdefault(each._replace(place=""), each.place)) != each.place:
                self._blame(int(each.place.rpartition(":")[2]), 1, f"is the same incident as in {place}")

    def _head(self, head: list[str]) -> dict[str, int]:
        """Where the columns are; empty when the head is wrong."""
        names = [name.strip() for name in head]
        before = len(self._problems)
        for name in COLUMNS:
            if name not in names:
                hint = suggestion(name, [each for each in names if each not in COLUMNS])
                self._blame(1, 1, f"has no column `{name}` in its first line{hint}; it needs {','.join(COLUMNS)}")
            elif names.count(name) > 1:
                self._blame(1, _column(head, names.index(name)), f"has the column `{name}` twice")
        return {} if len(self._problems) > before else {name: names.index(name) for name in COLUMNS}

    def _incident(self, line: int, row: list[str], width: int, places: dict[str, int]) -> Incident | None:
        before = len(self._problems)
        if any(row[width:]):
            message = f"has {len(row)} cells where the first line has {width}; quote a cell that has a comma in it"
            self._blame(line, _column(row, width), message)
        cells = {name: row[place].strip() if place < len(row) else "" for name, place in places.items()}
        policy_id = cells["policy"]
        if not 1 <= len(policy_id) <= MAX_ID_CHARS:
            self._blame(line, _column(row, places["policy"]), f"`policy` must have 1 to {MAX_ID_CHARS} characters")
        onset_ms, fixed_ms = (self._time(line, row, places[name], name, cells[name]) for name in COLUMNS[1:])
        if len(self._problems) == before and fixed_ms < onset_ms:
            self._blame(line, _column(row, places["fixed_utc"]), "`fixed_utc` is before `onset_utc`")
        return Incident(policy_id, onset_ms, fixed_ms, f"{self._path}:{line}")

    def _time(self, line: int, row: list[str], place: int, name: str, text: str) -> int:
        try:
            at_ms = time_ms(text)
        except ValueError:
            message = f"`{name}` is {shown(text)}, must be a time such as 2026-01-05T12:00:00Z (UTC without a zone)"
            self._blame(line, _column(row, place), message)
            return 0
        if at_ms < EARLIEST_MS:
            self._blame(line, _column(row, place), f"`{name}` is {shown(text)}, must be in the year 2000 or later")
        return at_ms

    def _rows(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """Rows, each with the number of its first line, up to one that is none."""
        reader, line = csv.reader(text.splitlines(keepends=True), strict=True), 1
        try:
            for row in reader:
                yield line, row
                line = reader.line_num + 1
        except csv.Error as error:
            self._blame(line, 1, f"is no row of CSV: {error}; quotes in a cell are doubled, those around it closed")

    def _blame(self, line: int, column: int, message: str) -> None:
        self._problems.append(Problem(self._path, line, column, message))


def _column(row: list[str], place: int) -> int:
    """Column, from 1, at which a cell begins; exact as long as no cell before it is quoted."""
    return 1 + sum(len(cell) + 1 for cell in row[:place])
