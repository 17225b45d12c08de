"""Fault injection kills at the pass that was asked for, and never without being asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

PASSES = "from detector.stream import crash; [crash.point(p) or print(p, flush=True) for p in ['revoke'] * 3]"


@pytest.mark.parametrize(
    ("wanted", "code", "passed"),
    [("revoke", -signal.SIGKILL, 0), ("revoke:3", -signal.SIGKILL, 2), ("before_seal", 0, 3), ("", 0, 3)],
)
def test_the_process_dies_at_the_nth_pass_of_the_point(wanted, code, passed):
    env = os.environ | {"DETECTOR_CRASH_AT": wanted}
    ended = subprocess.run([sys.executable, "-c", PASSES], env=env, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.split()) == (code, ["revoke"] * passed)
