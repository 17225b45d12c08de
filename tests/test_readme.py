"""The README's commands do what it says: each of them is run as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import start_cluster
from tests.unit.backtest import made_up

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
HOURS = made_up.DEPLOYED_MS - 3 * made_up.HOUR_MS, made_up.REPAIRED_MS
"""Of the made-up history, those in which a bad deploy is found and limits can be suggested."""


def block(name: str) -> list[str]:
    """Lines of the code block behind `<!-- name -->`."""
    found = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert found, name
    return found[1].splitlines()


def fence(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found, language
    return found[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Shell:
    """Runs the README's lines where the reader would, against the broker and the port of this test."""

    def __init__(self, folder: Path, bootstrap: str) -> None:
        self.folder, self.bootstrap, self.port = folder, bootstrap, free_port()
        self.env = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "DETECTOR_WEB_PORT": str(self.port)}

    def line(self, text: str) -> str:
        return text.replace("localhost:9092", self.bootstrap).replace("localhost:8080", f"127.0.0.1:{self.port}")

    def run(self, text: str) -> str:
        done = subprocess.run(
            ["bash", "-c", self.line(text)],
            cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, text: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["bash", "-c", "exec " + self.line(text)], cwd=self.folder, env=self.env)

    def wait_ready(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.3)
        raise AssertionError("the worker did not become ready within 60 s")


@pytest.mark.kafka
def test_the_commands_to_run_and_watch_and_the_gate_work_one_after_the_other(tmp_path):
    with start_cluster() as cluster:
        shell = Shell(tmp_path, cluster.bootstrap)
        *setup, run = block("run")
        for line in setup:
            shell.run(line)
        worker = shell.start(run)
        try:
            shell.wait_ready()
            with ThreadPoolExecutor() as terminals:
                outputs = list(terminals.map(shell.run, block("watch")))
            assert "detector_" in outputs[-1]
            (tmp_path / "gate.py").write_text(shell.line(fence("python")) + "\nprint(status, gate.stats().ready)\n")
            assert shell.run(f"{sys.executable} gate.py") == "executed True\n"
        finally:
            worker.terminate()
        assert worker.wait(30) == 0


def test_the_policy_file_is_accepted_and_its_tests_pass(tmp_path):
    (tmp_path / "policies.yaml").write_text(fence("yaml"))
    Shell(tmp_path, "").run("detector check policies.yaml")


def test_the_backtests_run_on_a_history_and_its_labels(tmp_path):
    shell = Shell(tmp_path, "")
    (tmp_path / "policies.yaml").write_text(made_up.POLICIES)
    (tmp_path / "incidents.csv").write_text(made_up.INCIDENTS)
    some = [event for event in made_up.events() if HOURS[0] <= event.time < HOURS[1]]
    (tmp_path / "history.ndjson").write_bytes(made_up.lines(some))
    first, second, third = block("backtest")
    shell.run(first)
    assert "<html" in (tmp_path / "report.html").read_text()
    assert '"detected_at"' in (tmp_path / "transitions.ndjson").read_text()
    assert "false_trips_per_year" in shell.run(second)
    assert "hard_limit" in shell.run(third)


@pytest.mark.timeout(400)
def test_the_demo_in_a_fresh_copy_stops_the_bad_version_and_not_the_wave_and_ends_by_itself(tmp_path):
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in listed:
        if not name.startswith("tests/") and (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    (line,) = block("demo")
    install, _, demo = line.rpartition(" && ")
    subprocess.run(["bash", "-c", install], cwd=tmp_path, check=True, timeout=240)

    env, began_s = os.environ | {"DETECTOR_BOOTSTRAP": "must-not-be-used:1"}, time.monotonic()
    done = subprocess.run(
        ["bash", "-c", demo], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False
    )
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


def test_ci_calls_the_test_command_and_the_picture_exists():
    (line,) = block("test")
    assert line.endswith("pytest")
    assert "<!-- test -->" in (ROOT / ".ci/run").read_text(encoding="utf-8")
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / picture).is_file()
