"""One row of numbers per scope, in one growing structured array: what a scope's state is, byte for byte."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.errors import StateError
from detector.stats import slow, surge
from detector.stats.baseline import HOURS_PER_WEEK
from detector.stats.evidence import RATIOS

SECONDS_CELLS: Final = 12
SECONDS_CELL_MS: Final = 5_000
"""Width of the finest of the rolling windows: an action's time is known to that."""
MINUTES_CELLS: Final = 60
HOURS_CELLS: Final = 50
PEOPLE_CELLS: Final = 26
"""Hours that the longest guard lag needs."""
LIMIT_CELLS: Final = 60
NEVER: Final = -(2**40)
"""A bucket or cell number before all time."""
FOREVER: Final = 2**40
"""And one after it."""

ROW: Final = np.dtype(
    [
        ("evidence", "<f8", (len(RATIOS),)),  # hours, see stats.evidence
        ("at", "<i8"),  # bucket through which evidence is advanced
        ("cusum", "<f8"),  # see stats.onset
        ("onset", "<i8"),  # bucket at which the cusum last left zero
        ("since", "<i4", (3,)),  # actions, automated, held since onset
        ("peak", "<f8"),  # highest strength in the running hour
        ("hot_h", "<i4"),  # hours that were not learned because evidence was high
        ("calm_h", "<i4"),  # hours in a row without
        ("change", "<f8", (len(surge.RATIOS),)),  # see stats.surge
        ("surge", "<f8", (len(surge.RATIOS),)),
        ("deployed", "<i8"),  # bucket of the last deploy
        ("changed", "<u8", (1,)),  # bitmaps of subjects: since the deploy,
        ("crowd", "<u8", (1,)),  # since onset,
        ("met", "<u8", (surge.WORDS,)),  # in the hour
        ("met_hour", "<i8"),
        ("more", "<i8"),  # actions of that hour beyond a full bitmap
        ("peoples", "<f4", (PEOPLE_CELLS,)),  # and of earlier ones, by hour
        ("busiest", "<f8"),
        ("begun", "<i8"),  # hour of the policy's first action
        ("stranger", "u1"),  # it was there before the stream began, so what is usual for it is not known yet
        ("bar", "<f8"),  # as `rate` and `next_rate`
        ("next_bar", "<f8"),
        ("level_a", "<f8"),  # see stats.baseline
        ("level_b", "<f8"),
        ("phi_total", "<f8"),
        ("phi_hours", "<f8"),
        ("rate", "<f8"),  # expected rate per hour in the hour that settles now
        ("next_rate", "<f8"),  # and in the one after: fixed an hour ahead, so open buckets are judged as final ones
        ("phi", "<f8"),
        ("settled", "<i8"),  # last bucket that is final
        ("total", "<i8"),  # actions ever, final or late
        ("born", "<i8"),  # log offset of the record that brought it
        ("seconds", "<i4", (SECONDS_CELLS,)),  # rings, see stats.windows
        ("seconds_head", "<i8"),
        ("minutes", "<i4", (MINUTES_CELLS,)),
        ("minutes_head", "<i8"),
        ("hours", "<i4", (HOURS_CELLS,)),
        ("hours_head", "<i8"),
        ("unlearned", "u1", (HOURS_CELLS,)),  # why the baseline must skip an hour, if it must
        ("limit", "<i4", (LIMIT_CELLS,)),
        ("limit_ms", "<i8"),  # width of its cells
        ("limit_head", "<i8"),
    ]
)
PROFILE: Final = np.dtype(
    [
        ("counts", "<f4", (HOURS_PER_WEEK,)),  # see stats.baseline
        ("expected", "<f4", (HOURS_PER_WEEK,)),
        ("scale", "<f8"),
        ("pooled", "<f4", (HOURS_PER_WEEK,)),  # as it was when each hour was last expected
        ("twin", slow.TWIN),
        ("silence", "<f8"),  # evidence, hours, when the running hour began; see stats.silence
    ]
)
"""What is kept per policy, not per scope."""
LEARNED: Final = 0
NOT_SEEN: Final = 1
FROZEN: Final = 2
"""Why an hour of `unlearned` may not be learned."""
_HEADS: Final = ("seconds_head", "hours_head", "limit_head")


def taken(rows: NDArray[np.void], at: NDArray[np.int64]) -> NDArray[np.void]:
    """Copies of some rows of a table. As plain bytes: numpy copies structures field by field, nine times slower."""
    found: NDArray[np.void] = _bytes(rows).take(at).view(rows.dtype)
    return found


def picked(rows: NDArray[np.void], at: NDArray[np.int64], *names: str) -> dict[str, NDArray[Any]]:
    """Copies of a few columns of some rows of a table: for a look at all of them."""
    return {name: rows[name][at] for name in names}


def put(rows: NDArray[np.void], at: NDArray[np.int64], values: NDArray[np.void]) -> None:
    """Write rows back to a table, as plain bytes."""
    _bytes(rows)[at] = _bytes(values)


def _bytes(rows: NDArray[np.void]) -> NDArray[np.void]:
    return rows.view(np.dtype((np.void, rows.dtype.itemsize)))


class Table:
    """A structured array that grows, with a free list. Row numbers stay valid until freed."""

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self.rows: NDArray[np.void] = np.zeros(64, dtype)
        self._free: list[int] = []
        self._used = 0

    def new(self) -> int:
        """Number of a zeroed row."""
        if self._free:
            return self._free.pop()
        if self._used == len(self.rows):
            self.rows = np.concatenate([self.rows, np.zeros_like(self.rows)])
        self._used += 1
        return self._used - 1

    def free(self, row: int) -> None:
        """Give a row back."""
        self.rows[row] = np.zeros((), self.rows.dtype)
        self._free.append(row)

    def read(self, row: int, raw: bytes) -> None:
        """Fill a row from its bytes. Raises StateError when they have another length."""
        if len(raw) != self.rows.dtype.itemsize:
            raise StateError(f"a stored row has {len(raw)} bytes, this version needs {self.rows.dtype.itemsize}")
        self.rows[row] = np.frombuffer(raw, self.rows.dtype)[0]


def blank(
    table: Table,
    row: int,
    *,
    settled: int,
    minute: int,
    offset: int,
    floor_per_h: float,
    bar_per_h: float,
    stranger: bool,
) -> None:
    """Set a new scope's row, brought by the log record at `offset`, to: nothing seen, all up to `settled` is final.

    `minute`: that of bucket `settled`, so that a new row counts as busy until then and not as idle for ever.
    """
    values = table.rows[row : row + 1]
    for name in _HEADS:
        values[name] = NEVER
    values["settled"] = values["at"] = values["onset"] = settled
    values["minutes_head"], values["born"] = minute, offset
    values["rate"] = values["next_rate"] = floor_per_h
    values["stranger"] = stranger
    values["bar"] = values["next_bar"] = surge.NO_NEWS_PER_H if stranger else bar_per_h
    values["deployed"], values["met_hour"], values["begun"] = NEVER, NEVER, FOREVER
    values["unlearned"] = NOT_SEEN
    values["phi"] = 2.0
