"""The page about input formats names what there is."""

from __future__ import annotations

import re

import pytest

from detector.contract import topics
from detector.wire.adapters import coop, coop_rows, dsa, formats, osprey, ozone
from detector.wire.adapters.adapter import MAX_EVENTS, MAX_PATHS, OTHERS

PAGE = (topics.directory() / "adapters.md").read_text()
SECTIONS = {
    "osprey": ("## Osprey", osprey.Options),
    "coop": ("## Coop", coop.Options),
    "ozone": ("## Ozone", ozone.Options),
    "dsa": ("## DSA statements of reasons", dsa.Options),
}


def section(heading):
    return PAGE.split(f"\n{heading}\n")[1].split("\n## ")[0]


def test_it_has_a_section_for_each_format():
    assert set(SECTIONS) == set(formats) - {"native"}
    for name in SECTIONS:
        assert f"| `{name}` |" in PAGE


@pytest.mark.parametrize(("heading", "options"), SECTIONS.values())
def test_each_option_of_a_format_is_explained(heading, options):
    for name in options.__struct_fields__:
        assert f"`{name}`" in (PAGE if name == "remembered" else section(heading)), name


def test_each_decision_of_a_statement_and_each_source_and_environment_that_counts_is_named():
    assert all(f"`{name}`" in section("## DSA statements of reasons") for name in dsa._DECISIONS)
    assert all(f"`{name}`" in section("## Coop") for name in coop_rows._SHADOW + coop_rows._HUMAN)


def test_its_limits_are_those_of_the_program():
    assert f"events, {MAX_EVENTS}\n" in PAGE
    assert f"Paths beyond the first {MAX_PATHS:,}" in PAGE
    assert OTHERS in PAGE
    remembered = re.search(r"option `remembered`, ([\d,]+)", PAGE)
    assert remembered
    assert {int(remembered[1].replace(",", ""))} == {coop.Options().remembered, ozone.Options().remembered}
