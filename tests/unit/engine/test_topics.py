"""What a warning is about: each signal has one topic, and a standing warning hides no other."""

from __future__ import annotations

from typing import get_args

from detector.engine import topics
from detector.events import Evidence
from detector.policy import Signal


def evidence(signal: str) -> Evidence:
    return Evidence(signal=signal, window_s=60.0, observed=2.0, expected=1.0, ratio=2.0, strength=1.0)


def test_every_signal_that_can_be_heard_has_one_topic():
    assert sorted(signal for signals in topics.TOPICS.values() for signal in signals) == sorted(get_args(Signal))


def test_a_standing_warning_hides_its_own_topic_alone():
    found = evidence("tenure"), evidence("overturns"), evidence("silence")
    assert topics.unsaid(found, {"mix", "silence"}) == (evidence("overturns"),)


def test_what_is_noted_is_in_one_order_and_renews_what_stood():
    noted = topics.noted({"mix": 1, "ramp": 2}, (evidence("tenure"), evidence("overturns")), 9)
    assert list(noted.items()) == [("aftermath", 9), ("mix", 9), ("ramp", 2)]
