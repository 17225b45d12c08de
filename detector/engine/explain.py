"""Why, since when, by whom, and how many: what a person needs to judge a trip."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.engine import channels
from detector.engine.buckets import OpenBuckets
from detector.engine.judge import recent_deploy_ms, six
from detector.engine.scopes import WHOLE, Key, PolicyState, Scopes
from detector.engine.step import observed
from detector.events import Contributor, Evidence, Impact

TOP: Final = 3
"""Values named per dimension."""
MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Told:
    """The account of one transition."""

    onset_ms: int
    reason: str
    evidence: tuple[Evidence, ...] = ()
    contributors: tuple[Contributor, ...] = ()
    impact: Impact = field(default_factory=Impact)


def told(
    scopes: Scopes,
    cells: OpenBuckets,
    policy: PolicyState,
    key: Key,
    view: NDArray[np.void],
    found: tuple[Evidence, ...],
    end_ms: int,
    bucket_ms: int,
) -> Told:
    """The account of a warning or a trip, from the row's numbers (array of length 1) and its evidence."""
    onset_ms = int(view["onset"][0]) * bucket_ms
    actions, automated, held = (int(n) for n in view["since"][0])
    return Told(
        onset_ms=onset_ms,
        reason=_words(policy, key, found, onset_ms, end_ms),
        evidence=found,
        contributors=_contributors(scopes, cells, policy, onset_ms, end_ms, bucket_ms),
        impact=Impact(actions=actions, automated=automated, held=held),
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
}


def _of_channel(signal: Evidence) -> str:
    """A signal of channels in words."""
    if signal.signal in _OF_SHARES:
        what = _OF_SHARES[signal.signal]
        return f"{100 * signal.observed:.0f} % {what}, normally {100 * signal.expected:.0f} %"
    if signal.signal in _OF_COUNTS:
        return f"{signal.observed:.0f} {_OF_COUNTS[signal.signal]} where {signal.expected:.3g} were due"
    return "appeals have gone quiet, or are rejected by automation: what was wrong would not show"


def _words(policy: PolicyState, key: Key, found: tuple[Evidence, ...], onset_ms: int, end_ms: int) -> str:
    who = f"policy {policy.id}" if key == WHOLE else f"{key[0].replace('_', ' ')} {key[1]} of policy {policy.id}"
    said = []
    for signal in found:
        if signal.signal == "hard_limit":
            said.append(f"{signal.observed:.0f} actions in {signal.window_s:.0f} s, the limit is {signal.expected:.0f}")
        if signal.signal == "volume":
            times = f"{signal.ratio:.3g} times as often as at this hour of the week"
            said.append(f"acts {times}, since {_clock(onset_ms)}")
        if signal.signal in channels.SIGNALS:
            said.append(_of_channel(signal))
    deployed = recent_deploy_ms(policy, key, end_ms)
    if deployed:
        said.append(f"deployed {_clock(deployed)}")
    return f"{who} {'; '.join(said)}"


def _contributors(
    scopes: Scopes, cells: OpenBuckets, policy: PolicyState, onset_ms: int, end_ms: int, bucket_ms: int
) -> tuple[Contributor, ...]:
    """Values of each dimension by their share of the policy's excess over at most the last hour."""
    keys = sorted(policy.rows)
    rows = np.array([policy.rows[key] for key in keys])
    minutes = int(np.clip(-(-(end_ms - onset_ms) // MINUTE_MS), 1, 60))
    order = np.argsort(rows)
    count = np.zeros(len(rows))
    count[order] = _counts(scopes, cells, rows[order], end_ms, minutes, bucket_ms)
    due = scopes.table.rows["rate"][rows] * minutes / 60
    excess = np.maximum(count - due, 0.0)
    all_excess = max(float(excess[keys.index(WHOLE)]), 1.0)
    found = [
        Contributor(
            dimension=key[0],
            value=key[1],
            share_ratio=six(min(1.0, float(excess[i]) / all_excess)),
            lift_ratio=six(float(count[i] / due[i])),
        )
        for i, key in enumerate(keys)
        if key != WHOLE and excess[i] > 0
    ]
    found.sort(key=lambda c: (c.dimension, -c.share_ratio, c.value))
    return tuple(c for c in found if [d for d in found if d.dimension == c.dimension].index(c) < TOP)


def _counts(
    scopes: Scopes, cells: OpenBuckets, rows: NDArray[np.int64], end_ms: int, minutes: int, bucket_ms: int
) -> NDArray[np.float64]:
    """Actions of rows (ascending) in the minutes before `end_ms`, final and open buckets together."""
    at_minute, settled = (end_ms - 1) // MINUTE_MS, scopes.table.rows["settled"][rows]
    count = observed(scopes.table.rows[rows], at_minute, minutes).astype(np.float64)
    first = (at_minute - minutes + 1) * MINUTE_MS // bucket_ms
    for bucket in cells.between(first - 1, end_ms // bucket_ms - 1):
        count += np.where(bucket > settled, cells.counts(bucket, rows)[:, 0], 0)
    return count


def _clock(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
