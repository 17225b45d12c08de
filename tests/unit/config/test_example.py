"""The annotated example says what the types say."""

from __future__ import annotations

import re

import yaml

from detector.config import example
from detector.config.policies import resolve
from detector.config.policy_file import KINDS, SECTIONS
from detector.policy import HardLimit, Policy, Ruleset, UnknownPolicies

TEXT = example.render()


def test_it_loads_without_a_problem_and_changes_nothing():
    found = resolve([("example.yaml", TEXT.encode())]).ruleset

    assert found.stream == Ruleset().stream
    assert found.unknown == UnknownPolicies()
    assert found.policies == (Policy(id="spam"), Policy(id="nudity"))


def test_every_key_of_every_section_stands_in_it_with_its_meaning():
    shown = yaml.safe_load(TEXT)
    words = TEXT.replace("\n  # ", " ").replace("\n    # ", " ")

    assert list(shown) == list(SECTIONS)
    for name in ("stream", "defaults"):
        assert list(shown[name]) == [each.encode_name for each in KINDS[name].fields]
        for each in KINDS[name].fields:
            assert each.type.extra_json_schema["description"] in words
    for name in ("policies", "tests"):
        for each in KINDS[name].item_type.fields:
            assert f"\n# {each.encode_name}: " in TEXT or each.encode_name in shown["defaults"]


def test_the_mapping_that_is_absent_by_default_can_be_uncommented():
    block = TEXT[TEXT.index("  # hard_limit:") : TEXT.index("  hard_limit: null")]
    uncommented = re.sub("(?m)^  # ", "  ", block)
    found = resolve([("e.yaml", TEXT.replace(f"{block}  hard_limit: null\n", uncommented).encode())]).ruleset

    assert found.policies[0].hard_limit == HardLimit(max=1000, per_s=600.0)


def test_lines_fit_a_screen():
    assert max(map(len, TEXT.splitlines())) <= 120
