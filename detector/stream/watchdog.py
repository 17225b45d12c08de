"""A thread that ends the process when the event loop, the group membership or the work has stopped.

It is no coroutine, because what it watches for stops coroutines: Faust's recovery, for one, can end without a word
after a timeout, and the worker then keeps its partitions for ever and reads none of them.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Final

from detector.errors import Fenced
from detector.stream.exits import die

if TYPE_CHECKING:
    from collections.abc import Callable

    from detector.stream.vitals import Vitals

PERIOD_S: Final = 0.5
STALL_S: Final = 60.0
"""Ticks reach every log partition each second, so an owner of one that ends no step for this long is stuck."""
REBALANCE_S: Final = 90.0
"""Longer than all others may take to join, plus a pause in reading the table."""


class Watchdog:
    """Watches `vitals` from `start` on.

    `busy` tells whether the worker owns log partitions; `rebalancing` whether a rebalance or a recovery is under way:
    a join waits without heartbeats.
    """

    def __init__(self, vitals: Vitals, *, busy: Callable[[], bool], rebalancing: Callable[[], bool]) -> None:
        self._vitals = vitals
        self._busy = busy
        self._rebalancing = rebalancing
        self._settled_s = monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, before an orderly end of the process."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(PERIOD_S):
            try:
                problem = self.problem()
            except Exception as error:  # noqa: BLE001 - nobody would notice a dead watchdog
                die("the watchdog failed", error)
            if problem:
                die(problem)

    def problem(self) -> str | None:
        """What is wrong now."""
        now_s = monotonic()
        if self._rebalancing():
            stuck_s = now_s - max(self._settled_s, self._vitals.progressed_s)
            return f"rebalancing for {stuck_s:.0f} s, more than {REBALANCE_S:.0f}" if stuck_s > REBALANCE_S else None
        self._settled_s = now_s
        try:
            self._vitals.check()
        except Fenced as error:
            return str(error)
        idle_s = now_s - self._vitals.progressed_s
        if self._busy() and idle_s > STALL_S:
            return f"no step has ended and no state was read for {idle_s:.0f} s, more than {STALL_S:.0f}"
        return None
