"""One worker: its parts, put together; its life from start to an orderly stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from detector import logs
from detector.fold import Fold
from detector.metrics import Metrics
from detector.stream import compat, crash
from detector.stream.announcer import Announcer
from detector.stream.app import App
from detector.stream.checkpoint import Checkpoint
from detector.stream.exits import die
from detector.stream.figures import Figures
from detector.stream.intake import Intake
from detector.stream.outbox import Outbox
from detector.stream.sources import Sources
from detector.stream.ticker import Ticker
from detector.stream.vitals import Vitals
from detector.stream.watch import Watch
from detector.stream.watchdog import Watchdog
from detector.stream.web import Web

if TYPE_CHECKING:
    from detector.config.setting_types import Settings

TURN_S: Final = 0.1
FIGURES_S: Final = 1.0
RELEASE_TIMEOUT_S: Final = 25.0
"""Within the rebalance timeout, which all other workers wait out meanwhile."""
READY_WITHIN_S: Final = 10.0


class Worker:
    """Everything that one process runs. Made inside the event loop that it lives in. Raises ConfigError."""

    def __init__(self, settings: Settings) -> None:
        compat.check()
        logging.getLogger(__package__).setLevel(logging.WARNING)  # Faust's services log under the module of a subclass
        self._settings = settings
        self._vitals = Vitals(settings.session_timeout_s)
        self.metrics = metrics = Metrics(started_s=time.time())
        self.app = App(settings, self._vitals, self._release)
        self._consumer = consumer = self.app.folding
        table, sources = self.app.policies, Sources(settings.partitions)
        outbox = Outbox(settings, self.app.producer, self._vitals, metrics.process)
        self._announcer = Announcer(settings, outbox, metrics)
        fold = Fold(self._announcer.ruleset.stream)
        self._ticker = Ticker(settings, consumer, outbox, sources, self._announcer)
        intake = Intake(settings, consumer, outbox, sources, self._ticker, metrics)
        checkpoint = Checkpoint(settings, fold, table, consumer, outbox, metrics.checkpoints)
        self._figures = figures = Figures(settings, fold, consumer, metrics)
        self._watch = Watch(settings, fold, table, consumer, outbox, checkpoint, figures)
        self.app.run_stage(settings.events_topic, intake.step, partial(figures.finished, "intake"))
        self.app.run_stage(settings.intake_topic, self._watch.step, partial(figures.finished, "watch"))
        self._web = Web(settings.web_host, settings.web_port, metrics, self.obstacle)
        self._watchdog = Watchdog(
            self._vitals, busy=lambda: table.is_assigned, rebalancing=lambda: bool(self.app.rebalancing)
        )
        metrics.process.log_partitions.set(settings.partitions)

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT, then checkpoint, commit, and return. SIGHUP reads the policies again."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._announcer.reload)
        await self._web.start()
        self._watchdog.start()
        parts = self._turn(), self._read_figures(), self._ticker.run(), self.app.start()
        tasks = [loop.create_task(each) for each in parts]
        gc.freeze()  # what was imported stays: no need to walk it again and again
        gc.set_threshold(50_000, 20, 50)
        try:
            await self._until(stop, tasks)
        finally:
            await self._stop(tasks)

    async def _until(self, stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
        """Wait for a request to stop. A part that fails ends the process."""
        waiting = [asyncio.create_task(stop.wait()), asyncio.create_task(self.app._crashed.wait())]  # noqa: SLF001 - mode's
        stopped, crashed = waiting
        running = {*tasks, *waiting}
        while not stopped.done():
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if not task.cancelled() and task.exception():
                    die("a part of the worker failed", task.exception())
            if crashed.done():
                die("Faust gave up", self.app.crash_reason)
        crashed.cancel()

    async def _stop(self, tasks: list[asyncio.Task[None]]) -> None:
        logs.info("worker_stopping")
        await self.app.stop()
        for task in tasks:
            task.cancel()
        self._watchdog.stop()
        await self._web.stop()
        logs.info("worker_stopped")

    async def _read_figures(self) -> None:
        while True:
            await asyncio.sleep(FIGURES_S)
            if self._consumer.is_aligned:
                self._figures.read()

    async def _turn(self) -> None:
        """Show that the loop turns, and how late."""
        while True:
            due_s = time.monotonic() + TURN_S
            await asyncio.sleep(TURN_S)
            self._vitals.turn()
            self.metrics.process.loop_lag.set(max(0.0, time.monotonic() - due_s))

    async def _release(self) -> None:
        """Partitions go, or the process ends: say how far the log is, and make the fold's state durable."""
        crash.point("revoke")
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT_S):
                await self._ticker.tick()
                await self._watch.release()
        except TimeoutError:
            logs.error("checkpoint_failed", reason="no time left before the partitions went")
            self.metrics.checkpoints.failures.inc()
        except Exception as error:  # noqa: BLE001 - whatever it is, a restart repeats it from the commit
            die("handing over partitions failed", error)

    def obstacle(self) -> str | None:
        """Why this worker is not ready, None when it is. One without partitions is: it stands by."""
        if self._vitals.beat_s is None:
            return "this worker has not joined its group yet"
        if not self.app.started or self.app.rebalancing:
            return "partitions are being assigned, or their state is being read"
        if not self.app.policies.is_assigned:
            return None
        if self._watch.epoch != self._consumer.epoch:
            return "state is being loaded"
        idle_s = time.monotonic() - self._vitals.progressed_s
        return f"no step has ended for {idle_s:.0f} s" if idle_s > READY_WITHIN_S else None
