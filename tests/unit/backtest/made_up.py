"""A small made-up history: a bad deploy of one policy, a spam wave that another one rightly answers, and noise."""

from __future__ import annotations

from functools import cache

import msgspec
import numpy as np

from detector.events import Action, Automated, Deploy

START_MS = 1_767_571_200_000  # Monday 2026-01-05, 00:00 UTC
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
DAYS = 5
DEPLOYED_MS = START_MS + 3 * DAY_MS + 10 * HOUR_MS
REPAIRED_MS = DEPLOYED_MS + 2 * HOUR_MS
WAVE_MS = START_MS + 4 * DAY_MS + 9 * HOUR_MS
POLICIES = "policies:\n  - {id: hashes, mode: enforce}\n  - {id: spam}\n"
INCIDENTS = """policy,onset_utc,fixed_utc,note
hashes,2026-01-08T10:00:00,2026-01-08T12:00:00,a bad list entry
spam,2026-01-09T09:00:00,2026-01-09T10:00:00,wrongly labelled: this was a wave
nudity,2026-01-09T09:00:00,2026-01-09T10:00:00,of a policy that never acted
"""


def action(number, at_ms, policy="spam", version="1", **changes):
    return Action(
        id=f"{policy}-{number}",
        time=int(at_ms),
        policy_id=policy,
        rule_id=policy,
        rule_version=version,
        subject_id=f"subject {number}",
        action_id=f"{policy}-{number}",
        action_type="remove",
        automated_decision=Automated.FULLY,
        **changes,
    )


def deploy(at_ms, policy, version):
    change = f"{policy} version {version} went live"
    return Deploy(
        id=f"deploy-{policy}-{version}",
        time=at_ms,
        policy_id=policy,
        rule_id=policy,
        rule_version=version,
        change=change,
    )


@cache
def events():
    """In order of time."""
    rng = np.random.default_rng(7)
    found = [
        deploy(DEPLOYED_MS - HOUR_MS, "spam", "1"),
        deploy(DEPLOYED_MS, "hashes", "2"),
        deploy(REPAIRED_MS, "hashes", "3"),
    ]
    for policy, begin_ms, end_ms, per_h in (
        ("hashes", DEPLOYED_MS, REPAIRED_MS, 600),
        ("spam", WAVE_MS, WAVE_MS + HOUR_MS, 400),
    ):
        usual = START_MS + rng.uniform(0, DAYS * DAY_MS, rng.poisson(20 * 24 * DAYS))
        more = rng.uniform(begin_ms, end_ms, int(per_h * (end_ms - begin_ms) / HOUR_MS))
        for number, at_ms in enumerate(np.sort(np.concatenate([usual, more])).tolist()):
            version = str(1 + (at_ms >= DEPLOYED_MS) + (at_ms >= REPAIRED_MS)) if policy == "hashes" else "1"
            found.append(action(number, at_ms, policy, version))
    return tuple(sorted(found, key=lambda each: each.time))


def lines(some=None):
    """NDJSON."""
    return b"".join(msgspec.json.encode(each) + b"\n" for each in (events() if some is None else some))
