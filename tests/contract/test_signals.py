"""Consumers of alerts find every signal explained."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from detector.engine import channels, judge
from detector.policy import Signal

PAGE = Path(__file__).parents[2] / "topics" / "signals.md"


def explained() -> dict[str, str]:
    """Each signal of the page, and what it does."""
    return dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE))


def test_every_signal_that_evidence_can_name_is_explained_and_no_other():
    assert list(explained()) == list(get_args(Signal))
    assert set(channels.SIGNALS) < set(get_args(Signal))


def test_the_page_says_of_each_channel_what_the_decision_rule_does():
    for name in channels.SIGNALS:
        said = explained()[name]
        assert ("trips" in said) is (name in judge.PROOF)
        assert ("supports" in said) is (name in judge.CORROBORATING)
