"""The pure core stays pure: importing it brings in no I/O, no clock, no randomness."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CORE = ("errors", "events", "policy", "stats.evidence", "stats.baseline", "breaker", "engine", "fold")
FORBIDDEN = ("faust", "kafka", "aiokafka", "prometheus_client", "yaml", "click")


def imported_by(module: str) -> set[str]:
    code = f"import sys, json, numpy, msgspec, xxhash; before = set(sys.modules); import {module}; "
    code += "print(json.dumps(sorted(set(sys.modules) - before)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(out.stdout))


@pytest.mark.parametrize("name", CORE)
def test_the_core_imports_nothing_that_does_io_or_reads_a_clock(name):
    found = {module.partition(".")[0] for module in imported_by(f"detector.{name}")}
    assert not found & {*FORBIDDEN, "asyncio", "logging", "time", "random"}


def test_checking_a_policy_file_needs_no_broker_library():
    assert not {"faust", "kafka", "aiokafka"} & imported_by("detector.cli.check")
