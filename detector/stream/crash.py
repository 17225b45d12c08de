"""Fault injection. With `DETECTOR_CRASH_AT=<point>[:n]` the process SIGKILLs itself at its nth pass of `point`.

Tests use it to die at every instruction that matters; without the variable a point costs one comparison.
"""

from __future__ import annotations

import os
import signal
from typing import Final, Literal

VARIABLE: Final = "DETECTOR_CRASH_AT"

Point = Literal[
    "before_send",  # rows of a poll are encoded, none is sent
    "after_send",  # they were acknowledged, no tick says so
    "checkpoint_slice",  # some policies' values were acknowledged, others not
    "before_seal",  # all were, the seal is not sent
    "after_seal",  # it was acknowledged, the offset is not committed
    "recovery",  # the table is read, nothing is applied yet
    "revoke",  # partitions are being taken away
]

_wanted, _, _count = os.environ.get(VARIABLE, "").partition(":")
_left = int(_count or 1)


def point(name: Point) -> None:
    """Die here, if this is the place."""
    global _left  # noqa: PLW0603 - counts down over the whole process
    if name == _wanted:
        _left -= 1
        if _left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
