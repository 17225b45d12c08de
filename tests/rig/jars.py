"""Java and the broker's jars: found, or fetched once by Maven and kept in a cache directory."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
HOW_TO_GET = (
    "tests on a real broker need Java 17 or newer and Maven (Debian: apt install openjdk-17-jre-headless maven),"
    " or DETECTOR_TEST_BOOTSTRAP=host:port of a running Apache Kafka"
)
OLDEST_JAVA = 17


class RigUnavailable(Exception):  # noqa: N818 - a state of this machine, that skips tests
    """No broker can be started here; the message says how that is mended."""


def java() -> str:
    """Path of a Java that runs Kafka 4. Raises RigUnavailable."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if found is None:
        raise RigUnavailable(f"no java: {HOW_TO_GET}")
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise RigUnavailable(f"{found} is not Java {OLDEST_JAVA} or newer: {HOW_TO_GET}")
    return found


def jars() -> Path:
    """Directory of the broker's jars; fetches them on first use (54 MB). Raises RigUnavailable."""
    default = Path.home() / ".cache" / "detector-tests"
    cache = Path(os.environ.get("DETECTOR_TEST_CACHE", default))
    cache.mkdir(parents=True, exist_ok=True)
    lib = cache / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not lib.exists():
            _fetch(lib)
    return lib


def _fetch(lib: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise RigUnavailable(f"no mvn, and no jars in {lib.parent}: {HOW_TO_GET}")
    partial = lib.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    goal = [maven, "-q", "-B", "-f", POM, "dependency:copy-dependencies", f"-DoutputDirectory={partial}"]
    done = subprocess.run(goal, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RigUnavailable(f"mvn could not fetch Kafka's jars:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    partial.rename(lib)
