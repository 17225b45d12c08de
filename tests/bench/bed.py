"""A broker, topics and one `detector run` on it, as every benchmark needs them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import psutil

from detector import admin
from detector.config.settings import load
from tests.rig import KafkaCluster, Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMMAND = (sys.executable, "-c", "from detector.cli import main; main()", "run")
ADDRESS = re.compile(r"http://[\d.]+:\d+")
STOP_S = 60.0
# A broker for figures compiles its hot code fully; the rig's own flags are for quick starts.
JVM = ("-XX:+UseSerialGC",)


@contextlib.contextmanager
def broker() -> Iterator[str]:
    """Address of a broker: the one of DETECTOR_TEST_BOOTSTRAP, else one that lives as long as the block."""
    if elsewhere := os.environ.get("DETECTOR_TEST_BOOTSTRAP"):
        yield elsewhere
        return
    with KafkaCluster(jvm=JVM) as cluster:
        yield cluster.bootstrap


def conditions() -> str:
    """One line about what the figures were measured on."""
    cores, load_1m = os.cpu_count(), os.getloadavg()[0]
    return f"{cores} cores, load {load_1m:.1f} before, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}"


class Usage(NamedTuple):
    """What a process has used so far: seconds since the epoch, CPU seconds (user and system), bytes resident."""

    at_s: float
    cpu_s: float
    rss_bytes: int


class Worker:
    """One process with its output in a file."""

    def __init__(self, command: tuple[str, ...], env: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(command, env=os.environ | env, stdout=output, stderr=output)
        self._usage = psutil.Process(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    def usage(self) -> Usage:
        """Now."""
        cpu = self._usage.cpu_times()
        return Usage(time.time(), cpu.user + cpu.system, self._usage.memory_info().rss)

    def wait_for(self, what: str, condition: Callable[[], object], timeout_s: float = 120.0) -> None:
        """Return once `condition` holds. Raises AssertionError when the process ends before, or time is up."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise AssertionError(f"no {what}; exit code {self._process.poll()}:\n{self.tail()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """SIGTERM, and a clean end. Raises AssertionError after another one."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(STOP_S)
        if code:
            raise AssertionError(f"exit code {code} after SIGTERM:\n{self.tail()}")

    def address(self) -> str:
        """Where a detector serves its metrics."""
        found: list[str] = []
        self.wait_for("address", lambda: found.extend(ADDRESS.findall(self.log.read_text())) or found)
        return found[0]

    def is_ready(self) -> bool:
        """Whether a detector has its partitions and their state."""
        try:
            with urllib.request.urlopen(f"{self.address()}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def tail(self) -> str:
        """The end of what it printed."""
        return self.log.read_bytes()[-3000:].decode(errors="replace")


class Bed:
    """The detector's topics under names of their own on a broker, and the settings that go with them."""

    def __init__(self, bootstrap: str, policy_file: str, *, sources: int = 8) -> None:
        self.bootstrap = bootstrap
        self._home = tempfile.TemporaryDirectory(prefix="detector-bench-")
        self.home = Path(self._home.name)
        (self.home / "policies.yaml").write_text(policy_file)
        self.names = Topics(bootstrap)
        kinds = ("events", "intake", "alerts", "breakers", "deadletters")
        self.env = {f"DETECTOR_{kind.upper()}_TOPIC": self.names.name(f"enforcement.{kind}") for kind in kinds} | {
            "DETECTOR_BOOTSTRAP": bootstrap,
            "DETECTOR_GROUP": self.names.name("detector"),
            "DETECTOR_REPLICATION": "1",
            "DETECTOR_POLICIES": str(self.home / "policies.yaml"),
            "DETECTOR_SUBJECT_KEY": "0123456789abcdef",
            "DETECTOR_WEB_PORT": "0",
        }
        self.settings = load(self.env, {})
        wanted = [
            dataclasses.replace(each, partitions=sources) if each.name == self.settings.events_topic else each
            for each in admin.wanted(self.settings)
        ]
        with admin.connect(self.settings) as connection:
            connection.create(wanted)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._home.cleanup()

    def detector(self) -> Worker:
        """Start `detector run`."""
        return Worker(COMMAND, self.env, self.home / "detector.log")

    def program(self, path: Path, *arguments: str) -> Worker:
        """Start a program of `peers/` with Python."""
        return Worker((sys.executable, str(path), *arguments), {}, self.home / f"{path.stem}.log")
