"""`detector run` under care, as in production: whoever exits is started again, whatever its exit code."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMMAND = (sys.executable, "-c", "from detector.cli import main; main()", "run")
BACKOFF_S = 0.2
STOP_S = 60.0


class Exit(NamedTuple):
    """An end of a worker's process: code as of `Popen`, seconds that it had run."""

    code: int
    ran_s: float


class Worker:
    """One supervised process. `once` is added to the environment of its first run only."""

    def __init__(self, log: Path, env: Mapping[str, str], once: Mapping[str, str] | None = None) -> None:
        self.log = log
        self.exits: list[Exit] = []
        """Ends of its runs so far, oldest first."""
        self._env = {**os.environ, **env}
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._process = self._start(once or {})
        self._keeper = threading.Thread(target=self._keep, name=f"keep {log.name}", daemon=True)
        self._keeper.start()

    def kill(self) -> None:
        """SIGKILL the process that runs now, if any."""
        self._send(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP it."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT it."""
        self._send(signal.SIGCONT)

    def terminate(self) -> None:
        """SIGTERM it, as an orchestrator does for a restart; it is started again."""
        self._send(signal.SIGTERM)

    def stop(self) -> int:
        """SIGTERM it, start no other, and return its exit code. Raises TimeoutExpired, after killing it."""
        self._stopping.set()
        self.terminate()
        try:
            return self._process.wait(STOP_S)
        finally:
            self.discard()

    def discard(self) -> None:
        """SIGKILL it and start no other."""
        self._stopping.set()
        while self._keeper.is_alive():
            self.kill()
            self._keeper.join(0.1)

    def wait_for_exits(self, count: int, timeout_s: float) -> None:
        """Return once it has exited `count` times in all. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.exits) >= count, timeout_s):
                raise TimeoutError(f"{len(self.exits)} of {count} exits after {timeout_s:.0f} s: {self.tail()}")

    def wait_for_words(self, words: str, count: int, timeout_s: float = 60.0) -> None:
        """Return once it has said `words` `count` times in all its runs. Raises TimeoutError."""
        until_s = time.monotonic() + timeout_s
        while self.log.read_text(errors="replace").count(words) < count:
            if time.monotonic() > until_s:
                raise TimeoutError(f"{words!r} was not said {count} times within {timeout_s:.0f} s: {self.tail()}")
            time.sleep(0.01)

    def share(self) -> list[int]:
        """Log partitions whose state it said last to have."""
        said = re.findall(r"worker_starting|state_recovered partitions=(\[.*\])", self.log.read_text())
        return json.loads(said[-1] or "[]") if said else []

    def tail(self) -> str:
        """The end of what it printed."""
        return f"\n--- {self.log.name}, last exits {self.exits[-5:]}\n" + self.log.read_bytes()[-3000:].decode(
            errors="replace"
        )

    def _send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def _start(self, once: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                COMMAND, env={**self._env, **once}, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def _keep(self) -> None:
        while True:
            began_s = time.monotonic()
            code = self._process.wait()
            with self._changed:
                self.exits.append(Exit(code, time.monotonic() - began_s))
                self._changed.notify_all()
            if self._stopping.wait(BACKOFF_S):
                return
            self._process = self._start({})
