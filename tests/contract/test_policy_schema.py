"""The schema of policy files agrees with the loader: what the loader accepts, an editor does not underline."""

from __future__ import annotations

import pytest
import yaml
from jsonschema import Draft202012Validator

from detector.config import policies
from detector.contract import schemas
from detector.errors import ConfigError

GOOD = """
stream: {lateness: 90s, guard: 0}
defaults:
  mode: shadow
  hard_limit: {max: 500, per: 10m}
unknown_policies: {cap: 10}
policies:
  - {id: spam, mode: enforce, hard_limit: {max: 50}, breaker: {cooldown: 1.5h, close: approval}}
  - {id: 42, runbook_url: null}
tests:
  - name: quiet traffic opens nothing
    policy: spam
    history: {per_minute: 2}
    counts_per_minute: [{minutes: 0-30, count: 2}, {minutes: 31, count: 2}]
    expect: []
"""


def underlined(text):
    return [each.message for each in Draft202012Validator(schemas.schema("policies")).iter_errors(yaml.safe_load(text))]


def test_a_file_that_the_loader_accepts_fits():
    policies.resolve([("policies.yaml", GOOD.encode())])

    assert underlined(GOOD) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("mode: enforce", "mode: enforced"),
        ("mode: enforce", "mod: enforce"),
        ("lateness: 90s", "lateness: 90"),
        ("cooldown: 1.5h", "cooldown: 1.5 hours"),
        ("max: 50}", "max: 0}"),
        ("id: spam", "runbook_url: x"),
        ("minutes: 0-30", "minutes: 0..30"),
        ("count: 2}, ", "count: -1}, "),
    ],
)
def test_what_the_schema_underlines_the_loader_refuses_too(right, wrong):
    text = GOOD.replace(right, wrong, 1)
    assert text != GOOD

    assert underlined(text)
    with pytest.raises(ConfigError):
        policies.resolve([("policies.yaml", text.encode())])


def test_durations_keep_their_default_and_say_their_range():
    cooldown = schemas.schema("policies")["$defs"]["OnTrip"]["properties"]["cooldown"]

    assert cooldown["default"] == "30m"
    assert cooldown["description"].endswith("from 1m to 7d)")
