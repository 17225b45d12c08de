"""What `deploy/compose.yaml` and `deploy/Dockerfile` promise, as far as their text shows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from detector.config import policies, settings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
ONE_SHOT = {"topics"}
services = pytest.mark.parametrize("name", SERVICES)


def stages() -> list[str]:
    return re.split(r"(?m)^(?=FROM )", DOCKERFILE)[1:]


@services
def test_ports_are_published_on_loopback_only(name):
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@services
def test_images_are_pinned_to_a_full_version(name):
    assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


@services
def test_what_runs_on_has_a_health_check_and_restarts_and_what_ends_has_none(name):
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["healthcheck"] == {"disable": True}
        assert service["restart"].startswith("on-failure")
    else:
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["restart"] == "unless-stopped"


@services
def test_files_of_the_project_are_mounted_read_only_and_exist(name):
    for source, *_, option in (mount.split(":") for mount in SERVICES[name].get("volumes", [])):
        if source.startswith("."):
            assert option == "ro"
            assert (DEPLOY / source).exists()
        else:
            assert source in COMPOSE["volumes"]


@services
def test_nothing_runs_privileged(name):
    assert not SERVICES[name].keys() & {"privileged", "cap_add", "network_mode", "pid", "user"}


def test_a_worker_starts_only_after_its_topics_were_made_on_a_healthy_broker():
    assert SERVICES["detector"]["depends_on"] == {"topics": {"condition": "service_completed_successfully"}}
    assert SERVICES["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert SERVICES["topics"]["command"] == ["topics", "create"]


@pytest.mark.parametrize(("name", "required"), [("topics", ()), ("detector", ("subject_key",))])
def test_the_environment_is_one_that_the_settings_accept(name, required):
    environment = {key: str(value) for key, value in SERVICES[name]["environment"].items()}
    assert settings.load(environment, {}, required).bootstrap == "kafka:19092"


def test_the_mounted_policy_file_pauses_nothing_until_somebody_says_so():
    ruleset = policies.load([str(DEPLOY / "policies.yaml")]).ruleset
    assert {policy.mode for policy in ruleset.policies} | {ruleset.unknown.mode} <= {"shadow", "alert_only"}


def test_the_image_is_built_in_two_stages_from_pinned_bases_and_the_lock_file():
    build, final = stages()
    for stage in (build, final):
        assert re.match(r"FROM python:\d+\.\d+\.\d+-slim-bookworm", stage)
    assert "uv==" in build
    assert build.count("uv sync --locked") == 2
    assert not re.search(r"\buv\b", final)


def test_the_final_image_runs_as_a_numbered_user_that_is_not_root():
    users = re.findall(r"(?m)^USER (\d+):(\d+)$", stages()[-1])
    assert users
    assert "0" not in users[-1]


def test_the_image_asks_livez_whether_it_lives():
    assert re.search(r"(?s)HEALTHCHECK .*urlopen\(.*/livez", stages()[-1])


def test_the_build_sees_no_more_than_it_copies():
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copied = {name for line in re.findall(r"(?m)^COPY (?!--from)(.*)$", DOCKERFILE) for name in line.split()[:-1]}
    assert "*" in ignored
    assert allowed == copied
