"""How the demo ends when it is not let finish; `test_readme` runs it whole, as a user does."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

COMMAND = [sys.executable, "-c", "from detector.cli import main; main()", "demo"]


def test_without_time_for_a_trip_it_fails_and_says_so():
    done = subprocess.run([*COMMAND, "--seconds", "1"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "its seconds ran out" in done.stderr
    assert done.stdout.splitlines()[-1].startswith("Failed")


def test_a_terminated_demo_takes_its_worker_along():
    demo = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    demo.stdout.readline()
    children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children")
    deadline_s = time.monotonic() + 20
    while not (workers := children.read_text().split()):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    demo.terminate()
    demo.communicate(timeout=30)
    assert demo.returncode == 128 + signal.SIGTERM
    assert not any(Path("/proc", pid).exists() for pid in workers)


def test_seconds_out_of_range_are_refused():
    done = subprocess.run([*COMMAND, "--seconds", "0"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--seconds" in done.stderr
