"""A real worker, `detector run` as a process of its own, on the demo's broker and policies."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from detector.broker import PARTITIONS
from detector.errors import BrokenWorld

if TYPE_CHECKING:
    from types import TracebackType

POLICIES: Final = Path(__file__).with_name("policies.yaml")
CHANGELOG: Final = "detector-policies-changelog"
STOP_S: Final = 5.0
_LAST_LINES: Final = 15


class Worker:
    """Context manager around the process. Settings of the environment are left out: they may name a real broker."""

    def __init__(self, bootstrap: str) -> None:
        ours = {
            "DETECTOR_BOOTSTRAP": bootstrap,
            "DETECTOR_POLICIES": str(POLICIES),
            "DETECTOR_PARTITIONS": str(PARTITIONS),
            "DETECTOR_SUBJECT_KEY": secrets.token_hex(16),
            "DETECTOR_SKIP_TOPIC_CHECKS": "true",
            "DETECTOR_WEB_PORT": "0",
            "DETECTOR_SESSION_TIMEOUT_S": "30",
        }
        self._env = {name: text for name, text in os.environ.items() if not name.startswith("DETECTOR_")} | ours

    def __enter__(self) -> Self:
        """Start it."""
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from detector.cli import main; main()", "run"],
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        return self

    def check(self) -> None:
        """Raise BrokenWorld, with the last lines of its log, when it has ended."""
        code = self._process.poll()
        if code is None:
            return
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").splitlines()[-_LAST_LINES:]
        raise BrokenWorld("\n".join([f"the worker ended with exit code {code}; the end of its log:", *last]))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, kindly first."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
