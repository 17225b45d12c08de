"""Alert rules: they parse, fire when they must, stay silent otherwise, and each leads to a page that helps."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import click
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from detector.cli import cli
from detector.config.setting_types import FIELDS, variable
from detector.metrics import Metrics

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules" / "detector.yaml"
RULE_TESTS = sorted((DEPLOY / "prometheus" / "tests").glob("*.yaml"))
ALERTMANAGER = DEPLOY / "alertmanager" / "alertmanager.yml"
ALERTS = {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
RUNBOOKS = {path.stem: path.read_text() for path in (DEPLOY / "runbooks").glob("*.md")}
PACKAGES = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}


def run(tool, *args, stdin=None):
    path = shutil.which(tool)
    if path is None:
        missing = f"{tool} is missing: apt-get install {PACKAGES[tool]}"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    return subprocess.run(  # noqa: PLW1510 - the return code is what tests judge
        [path, *map(str, args)], input=stdin, capture_output=True, text=True, timeout=60
    )


def expect_success(result):
    assert result.returncode == 0, result.stdout + result.stderr


@cache
def samples():
    """Names of all samples that a worker exposes, those without a series yet included."""
    families = text_string_to_metric_families(Metrics(started_s=0).render().decode())
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    return {family.name + suffix for family in families for suffix in suffixes[family.type]}


def metric_names(text):
    return set(re.findall(r"\b(?:detector|process)_[a-z_]+\b", text))


def test_rules_pass_every_lint():
    expect_success(run("promtool", "check", "rules", "--lint=all", "--lint-fatal", RULES))


def test_prometheus_accepts_its_configuration():
    expect_success(run("promtool", "check", "config", RULES.parents[1] / "prometheus.yml"))


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.stem)
def test_each_alert_fires_when_it_must_and_not_otherwise(path):
    expect_success(run("promtool", "test", "rules", path))


@pytest.mark.parametrize("broken", ["vector(0) > 1", "vector(1)"], ids=["never fires", "always fires"])
@pytest.mark.parametrize("alert", ALERTS)
def test_the_tests_notice_a_rule_that_is_broken(tmp_path, alert, broken):
    rules = yaml.safe_load(RULES.read_text())
    (rule,) = (rule for group in rules["groups"] for rule in group["rules"] if rule["alert"] == alert)
    rule["expr"] = broken
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    (text,) = (text for text in map(Path.read_text, RULE_TESTS) if f"alertname: {alert}\n" in text)
    tests = yaml.safe_load(text) | {"rule_files": ["rules.yaml"]}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(tests))
    result = run("promtool", "test", "rules", tmp_path / "tests.yaml")
    assert result.returncode == 1
    assert f"alertname: {alert}" in result.stdout + result.stderr


def test_every_metric_in_rules_and_their_tests_is_one_that_a_worker_exposes():
    used = metric_names("".join(rule["expr"] for rule in ALERTS.values()))
    for path in RULE_TESTS:
        tests = yaml.safe_load(path.read_text())["tests"]
        used |= metric_names("".join(series["series"] for test in tests for series in test["input_series"]))
    assert used <= samples()
    assert len(used) > 10


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_how_bad_and_where_to_read_on(alert):
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"].endswith(f"/consoles/{alert}.md")
    assert "\n" not in rule["annotations"]["summary"]


def test_each_alert_has_a_runbook_and_each_runbook_an_alert():
    assert RUNBOOKS.keys() == ALERTS.keys()


@pytest.mark.parametrize("name", RUNBOOKS)
def test_a_runbook_has_its_four_parts_and_a_command(name):
    text = RUNBOOKS[name]
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"(?m)^## (.*)$", text) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
    assert "```sh" in text
    assert "{{" not in text, "Prometheus serves runbooks as templates"


@pytest.mark.parametrize("name", RUNBOOKS)
def test_a_runbook_uses_commands_and_metrics_that_exist(name):
    blocks = "\n".join(re.findall(r"(?s)```sh\n(.*?)```", RUNBOOKS[name]))
    for line in re.findall(r"(?m)^detector (.*?)(?: *#.*)?$", blocks):
        parse(cli, line.split())
    known = "\n".join(samples())
    for pattern in re.findall(r"grep (?:-E )?'?(detector_[^' \n]+)", blocks):
        assert all(re.search(option, known) for option in alternatives(pattern)), pattern


@pytest.mark.parametrize("name", RUNBOOKS)
def test_a_runbook_names_settings_that_exist(name):
    known = {variable(field) for field in FIELDS}
    assert set(re.findall(r"DETECTOR_[A-Z_]+", RUNBOOKS[name])) <= known


def parse(command, words):
    """Parse a command line without running it. Raises click.UsageError."""
    context = command.make_context(command.name, words)
    if isinstance(command, click.Group):
        _, below, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        parse(below, rest)


def alternatives(pattern):
    """`a_(b|c)_(d|e)` as a_b_d, a_b_e, a_c_d, a_c_e."""
    group = re.search(r"\(([^)]*)\)", pattern)
    if group is None:
        return [pattern]
    head, tail = pattern[: group.start()], pattern[group.end() :]
    return [full for option in group[1].split("|") for full in alternatives(head + option + tail)]


def test_alertmanager_accepts_its_configuration():
    expect_success(run("amtool", "check-config", ALERTMANAGER))


@pytest.mark.parametrize(("severity", "receiver"), [("critical", "page"), ("warning", "ticket")])
def test_critical_alerts_page_and_warnings_open_tickets(severity, receiver):
    labels = f"severity={severity}", "alertname=X", "job=detector"
    options = f"--config.file={ALERTMANAGER}", f"--verify.receivers={receiver}"
    expect_success(run("amtool", "config", "routes", "test", *options, *labels))


def test_inhibitions_name_alerts_that_exist():
    rules = yaml.safe_load(ALERTMANAGER.read_text())["inhibit_rules"]
    matchers = [matcher for rule in rules for matcher in rule["source_matchers"] + rule["target_matchers"]]
    assert {matcher.removeprefix("alertname = ") for matcher in matchers} <= ALERTS.keys()
