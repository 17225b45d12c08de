"""Why, since when, by whom, and how many: what a person needs to judge a trip."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from detector.engine import channels
from detector.engine.narrow import Harm, Part
from detector.engine.policy_state import WHOLE, Key, PolicyState
from detector.engine.signals import six
from detector.events import Contributor, Evidence, Impact

TOP: Final = 3
"""Values named per dimension."""


@dataclass(frozen=True, slots=True)
class Told:
    """The account of one transition."""

    onset_ms: int
    reason: str
    evidence: tuple[Evidence, ...] = ()
    contributors: tuple[Contributor, ...] = ()
    impact: Impact = field(default_factory=Impact)


def told(
    policy: PolicyState,
    key: Key,
    speaker: Key,
    found: tuple[Evidence, ...],
    parts: dict[Key, Part],
    harm: Harm,
    end_ms: int,
) -> Told:
    """The account of a warning or a trip of a scope, and of its `harm`, for the evidence of the scope that speaks."""
    return Told(
        onset_ms=harm.onset_ms,
        reason=_words(policy, key, speaker, found, harm.onset_ms, end_ms),
        evidence=found,
        contributors=_contributors(parts),
        impact=Impact(actions=harm.actions, automated=harm.automated, held=harm.held),
    )


_OF_SHARES: Final = {
    "tenure": "of subjects older than a year",
    "content_age": "of content older than a month",
    "first_time": "of subjects never acted on before",
    "overturns": "of decided appeals overturned",
}
_OF_COUNTS: Final = {
    "appeals": "appeals",
    "reversals": "actions undone",
    "rebans": "reinstated subjects acted on again",
    "share": "actions for the number of items evaluated",
}


def _of_channel(signal: Evidence) -> str:
    """A signal of channels in words."""
    if signal.signal in _OF_SHARES:
        what = _OF_SHARES[signal.signal]
        return f"{100 * signal.observed:.0f} % {what}, normally {100 * signal.expected:.0f} %"
    if signal.signal in _OF_COUNTS:
        return f"{signal.observed:.0f} {_OF_COUNTS[signal.signal]} where {signal.expected:.3g} were due"
    return "appeals have gone quiet, or are rejected by automation: what was wrong would not show"


def _name(policy: PolicyState, key: Key) -> str:
    return f"policy {policy.id}" if key == WHOLE else f"{key[0].replace('_', ' ')} {key[1]} of policy {policy.id}"


def _words(policy: PolicyState, key: Key, speaker: Key, found: tuple[Evidence, ...], onset_ms: int, end_ms: int) -> str:
    who = _name(policy, key)
    if speaker != key:
        who = f"{who} explains what {_name(policy, speaker)} does: it"
    said = []
    for signal in found:
        if signal.signal == "hard_limit":
            said.append(f"{signal.observed:.0f} actions in {signal.window_s:.0f} s, the limit is {signal.expected:.0f}")
        if signal.signal == "volume":
            times = f"{signal.ratio:.3g} times as often as at this hour of the week"
            said.append(f"acts {times}, since {_clock(onset_ms)}")
        if signal.signal in {"deploy", "probe", "surge"}:
            since = _clock(end_ms - round(1000 * signal.window_s))
            again = ", let go again" if signal.signal == "probe" else ""
            met = f"acts on {signal.observed:.0f} subjects since {since}{again}"
            said.append(f"{met}, {signal.ratio:.3g} times as many as in its busiest hours")
        if signal.signal == "ramp":
            said.append(f"acted {signal.ratio:.3g} times as often in a day as in the weeks before, rising for days")
        if signal.signal == "silence":
            said.append(f"has not acted for {signal.window_s / 60:.0f} min, {signal.expected:.3g} actions were due")
        if signal.signal in channels.SIGNALS:
            said.append(_of_channel(signal))
    deployed = policy.recent_deploy_ms(key, end_ms)
    if deployed:
        said.append(f"deployed {_clock(deployed)}")
    return f"{who} {'; '.join(said)}"


def _contributors(found: dict[Key, Part]) -> tuple[Contributor, ...]:
    """Values of each dimension by their share of the policy's excess."""
    every = [
        Contributor(dimension=key[0], value=key[1], share_ratio=six(part.share), lift_ratio=six(part.lift))
        for key, part in found.items()
        if key != WHOLE
    ]
    every.sort(key=lambda c: (c.dimension, -c.share_ratio, c.value))
    return tuple(c for c in every if [d for d in every if d.dimension == c.dimension].index(c) < TOP)


def _clock(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
