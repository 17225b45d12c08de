"""What a person reads of a trip: the scope's own harm, since its own onset."""

from __future__ import annotations

from detector.engine import explain
from detector.engine.narrow import Harm
from detector.engine.policy_state import WHOLE, PolicyState
from detector.events import Evidence
from detector.policy import PolicySettings

DAY_S = 86_400.0
END_MS = 1_767_600_000_000
HARM = Harm(END_MS - 60_000, 7, 6, 1)


def said(*found: Evidence, key=WHOLE, speaker=WHOLE) -> explain.Told:
    policy = PolicyState("spam", 0, PolicySettings(), listed=True)
    return explain.told(policy, key, speaker, found, {}, HARM, END_MS)


def evidence(signal: str, observed: float) -> Evidence:
    return Evidence(signal=signal, window_s=DAY_S, observed=observed, expected=0.1, ratio=8.0, strength=2.0)


def test_the_harm_is_told_since_its_onset():
    both = said(evidence("ramp", 400), evidence("tenure", 0.8))
    assert (both.onset_ms, both.impact.actions, both.impact.held) == (HARM.onset_ms, 7, 1)


def test_a_scope_that_is_held_for_what_its_policy_does_says_so():
    key = ("rule_version", "42@17")
    reason = said(evidence("tenure", 0.8), key=key).reason
    assert reason.startswith("rule version 42@17 of policy spam explains what policy spam does: it ")
    assert "80 % of subjects older than a year, normally 10 %" in reason
