"""A real worker on the embedded broker: what it exposes is what the rules ask for, and its probes tell the truth."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from itertools import count
from pathlib import Path

import pytest
import yaml
from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from detector.broker import PARTITIONS, EmbeddedBroker

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules" / "detector.yaml"
TOPICS = ("events", "intake", "alerts", "breakers", "deadletters")
POLICIES = "policies: [{id: spam, hard_limit: {max: 3, per: 1m}}]\n"


class Worker:
    """`detector run` as a process, reached by its web port."""

    def __init__(self, bootstrap: str, policies: Path) -> None:
        settings = {
            "BOOTSTRAP": bootstrap,
            "PARTITIONS": str(PARTITIONS),
            "SKIP_TOPIC_CHECKS": "true",
            "POLICIES": str(policies),
            "SUBJECT_KEY": "sixteen-characters",
            "WEB_PORT": "0",
            "LOG_FORMAT": "json",
            "SESSION_TIMEOUT_S": "6",
            "HEARTBEAT_INTERVAL_S": "2",
        }
        environment = os.environ | {f"DETECTOR_{name}": value for name, value in settings.items()}
        self.log = policies.with_name("worker.log")
        with self.log.open("w") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "detector", "run"], cwd=ROOT, env=environment, stderr=stderr
            )

    def eventually(self, probe, within_s=60):
        """What `probe` finds; fails with the worker's last words when it finds nothing in time."""
        deadline = time.monotonic() + within_s
        while not (found := probe()):
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < deadline, self.log.read_text()[-2000:]
            time.sleep(0.1)
        return found

    def said(self, event: str) -> dict:
        """The first record of that name, waited for."""
        return self.eventually(lambda: next((line for line in self.lines() if line.get("event") == event), None))

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.said("http_listening")["address"] + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()
        except urllib.error.URLError:
            return 0, ""  # it ended: `eventually` says how

    def samples(self) -> dict[str, list[dict[str, str]]]:
        """Labels of all series, by sample name."""
        found: dict[str, list[dict[str, str]]] = {}
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            for sample in family.samples:
                found.setdefault(sample.name, []).append(sample.labels)
        return found

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()


def act(producer, number):
    fields = {"policy_id": "spam", "subject_id": "s", "action_type": "ban", "automated_decision": "FULLY"}
    identity = {"id": f"e{number}", "kind": "action", "action_id": f"a{number}", "time": int(time.time() * 1000)}
    return producer.send("enforcement.events", json.dumps(identity | fields).encode()).get(timeout=10)


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    policies = tmp_path_factory.mktemp("live") / "policies.yaml"
    policies.write_text(POLICIES)
    with EmbeddedBroker() as broker:
        broker.touch(*(f"enforcement.{topic}" for topic in TOPICS), "detector-policies-changelog")
        running = Worker(broker.bootstrap, policies)
        running.was_ready_at_start = running.get("/readyz")[0]
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap, api_version=(2, 1), enable_idempotence=False)
        try:
            running.eventually(lambda: running.get("/readyz")[0] == 200)
            producer.send("enforcement.events", b"{")
            numbers = count()
            running.eventually(lambda: act(producer, next(numbers)) and "detector_breakers" in running.samples())
            yield running
        finally:
            producer.close()
            running.stop()


def test_every_metric_of_the_rules_has_series_in_a_live_scrape(worker):
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    used = {name for rule in rules for name in re.findall(r"\b(?:detector|process)_[a-z_]+", rule["expr"])}
    assert len(used) > 10
    deadline = time.monotonic() + 20
    while (missing := used - worker.samples().keys()) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert missing == set()


def test_the_trip_in_shadow_is_shown_as_the_rule_expects_it(worker):
    labels = {"policy": "spam", "mode": "shadow", "state": "OPEN", "enforced": "false"}
    worker.eventually(lambda: labels in worker.samples()["detector_breakers"], 20)


def test_the_live_exposition_passes_promtools_lint(worker):
    promtool = shutil.which("promtool")
    if promtool is None:
        missing = "promtool is missing: apt-get install prometheus"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    exposition = worker.get("/metrics")[1]
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=exposition, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_it_lives_before_it_is_ready_and_says_what_it_waits_for(worker):
    assert worker.was_ready_at_start == 503
    assert worker.get("/livez")[0] == 200
    assert worker.get("/readyz")[0] == 200


def test_it_listens_on_loopback_unless_told_otherwise(worker):
    assert worker.said("http_listening")["address"].startswith("http://127.0.0.1:")


def test_its_log_names_neither_a_subject_nor_a_secret(worker):
    text = worker.log.read_text()
    assert "sixteen-characters" not in text
    assert '"subject' not in text


def test_sigterm_ends_it_in_order(worker):
    assert worker.stop() == 0
    assert worker.said("worker_stopped")
