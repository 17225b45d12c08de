"""The demo, whole, as a user runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from detector.cli import main; main()", "demo"]


@pytest.mark.timeout(120)
def test_the_bad_version_is_stopped_the_wave_is_not_and_it_ends_by_itself():
    env = os.environ | {"DETECTOR_BOOTSTRAP": "must-not-be-used:1"}
    began_s = time.monotonic()
    done = subprocess.run(COMMAND, env=env, capture_output=True, text=True, timeout=110, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert time.monotonic() - began_s < 92
    assert "\033" not in done.stdout
    assert re.search(r"warning  spam(\||:)", done.stdout)
    assert "fake_accounts|rule_version=age-signal@18: CLOSED -> OPEN" in done.stdout
    assert '"type": "breaker.opened"' in done.stdout
    *_, learned, wave, trip, spared, after = done.stdout.splitlines()
    assert learned.startswith("Learned")
    assert "nothing was paused" in wave
    assert int(re.search(r"(\d+) people wrongly suspended", trip)[1]) < 60
    assert int(re.search(r"Spared +(\d+)", spared)[1]) > 0
    assert after.startswith("After")


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
