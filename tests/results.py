"""Results of backtests that never ran: what pages and suggestions are tested with."""

from __future__ import annotations

import msgspec

from detector.backtest.result import (
    Curve,
    IncidentReport,
    Mark,
    Paused,
    Peak,
    Plot,
    PolicyReport,
    Quality,
    Result,
    Score,
    Scores,
    SweepPoint,
    TripReport,
    WarningReport,
)
from detector.events import Contributor, Evidence

T0_MS = 1_341_187_200_000
"""2012-07-02 00:00."""
MINUTE_MS, DAY_MS, YEAR_MS = 60_000, 86_400_000, 31_557_600_000
HOSTILE = "</script><img src=x onerror=\"document.title='owned'\">'&{{ 7 * 7 }}"


def policy(policy_id="spam", **changes):
    report = PolicyReport(
        policy_id=policy_id,
        mode="shadow",
        listed=True,
        events=1000,
        actions=900,
        automated=800,
        first_ms=T0_MS,
        last_ms=T0_MS + YEAR_MS,
        years=1.0,
        counted=True,
        trips=0,
        counted_trips=0,
        other_trips=0,
        warnings=0,
        peak_strength=0.02,
        paused=Paused(),
        peaks=(Peak(per_s=600, count=120, at_ms=T0_MS), Peak(per_s=3600, count=300, at_ms=T0_MS)),
    )
    return msgspec.structs.replace(report, **changes)


def plot(policy_id="spam", start_ms=T0_MS, steps=120):
    """A minute a step: two actions where two are due, fifty from minute 60 to 79."""
    time_ms = tuple(start_ms + i * MINUTE_MS for i in range(steps))
    scope = f"{policy_id}|rule_version=42@18"
    return Plot(
        policy_id=policy_id,
        scope=scope,
        step_s=60,
        time_ms=time_ms,
        count=tuple(50 if 60 <= i < 80 else 2 for i in range(steps)),
        expected=(2.0,) * steps,
        low=(0.0,) * steps,
        high=(8.0,) * steps,
        strength=tuple(None if i < 60 else 0.0 if i < 62 else min(200.0, 10.0 ** (i - 64)) for i in range(steps)),
        hourly=tuple(0.002 if i < 60 else None for i in range(steps)),
        states=(
            Mark(at_ms=start_ms, name="CLOSED", detail=scope),
            Mark(at_ms=time_ms[64], name="OPEN", detail=scope),
            Mark(at_ms=time_ms[94], name="HALF_OPEN", detail=scope),
        ),
        deploys=(Mark(at_ms=time_ms[58], name="42@18", detail=f"list of {policy_id} changed"),),
    )


def trip(policy_id="spam", start_ms=T0_MS, **changes):
    report = TripReport(
        policy_id=policy_id,
        scope=f"{policy_id}|rule_version=42@18",
        type="breaker.opened",
        detected_ms=start_ms + 64 * MINUTE_MS,
        onset_ms=start_ms + 60 * MINUTE_MS,
        generation=1,
        mode="shadow",
        enforced=False,
        reason=f"rule version 42@18 of policy {policy_id} acts 25 times as often as at this hour of the week",
        evidence=(
            Evidence(signal="volume", window_s=240, observed=200, expected=8, ratio=25, strength=1.2, detail="phi 2"),
        ),
        contributors=(Contributor(dimension="rule_version", value="42@18", share_ratio=0.98, lift_ratio=31),),
        label="other",
        incident=None,
        until_ms=start_ms + 120 * MINUTE_MS,
        paused=Paused(open_s=1800, half_open_s=1560, actions=812.5),
        plot=None,
    )
    return msgspec.structs.replace(report, **changes)


def incident(policy_id="spam", start_ms=T0_MS, **changes):
    report = IncidentReport(
        policy_id=policy_id,
        onset_ms=start_ms + 60 * MINUTE_MS,
        fixed_ms=start_ms + 80 * MINUTE_MS,
        place="incidents.csv:2",
        counted=True,
        in_span=True,
        found=True,
        trip=0,
        delay_s=240.0,
        wrongful=1000,
        before=200,
        avoided=800,
        why="",
        peak_strength=200.0,
        plot=None,
    )
    return msgspec.structs.replace(report, **changes)


def missed(policy_id="spam", start_ms=T0_MS, **changes):
    words = {"found": False, "trip": None, "delay_s": None, "before": 1000, "avoided": 0, "peak_strength": 0.31}
    return incident(policy_id, start_ms, **words | {"why": "evidence reached 0.31 of its trip line"} | changes)


def warning(policy_id="spam", start_ms=T0_MS):
    return WarningReport(
        policy_id=policy_id, scope=policy_id, detected_ms=start_ms, onset_ms=start_ms, reason="busy", strength=0.4
    )


def score(**changes):
    figures = Score(
        policies=2,
        policy_years=2.0,
        incidents=2,
        found=1,
        found_ratio=0.5,
        median_delay_s=240.0,
        median_before=200,
        wrongful=2000,
        avoided=800,
        avoided_ratio=0.4,
        trips=2,
        other_trips=1,
        warnings=1,
        other_trips_per_policy_year=0.5,
        warnings_per_policy_year=0.5,
    )
    return msgspec.structs.replace(figures, **changes)


def result(**changes):
    """Nothing happened, unless the changes say so."""
    labelled = changes.pop("labelled", True)
    figures = changes.pop("score", score())
    whole = Result(
        config_version="ab12cd34ef56",
        sources=("events.ndjson.gz",),
        from_ms=T0_MS,
        to_ms=T0_MS + YEAR_MS,
        quality=Quality(read=1010, events=1000, bad=10, bad_reasons={"invalid_field": 10}),
        scores=Scores(
            all=figures, counted=figures, labelled=labelled, min_events=200, refractory_s=21_600, grace_s=30,
            after_s=3600,
        ),
        policies=(policy(),),
        trips=(),
        warnings=(),
        incidents=(),
    )  # fmt: skip
    return msgspec.structs.replace(whole, **changes)


def full(policy_id="spam", trips=2):
    """Something of everything: an incident found, one missed, and other trips; each with a plot."""
    starts = [T0_MS + i * DAY_MS for i in range(trips)]
    found = trip(policy_id, label="found", incident=0, plot=0)
    others = [trip(policy_id, start_ms, plot=i) for i, start_ms in enumerate(starts[1:], 1)]
    late_ms = T0_MS + 400 * DAY_MS
    swept = {0.01: score(avoided=0, other_trips_per_policy_year=0.0), 0.1: score(), 1.0: score(avoided=1200)}
    return result(
        policies=(
            policy(policy_id, trips=trips, other_trips=trips - 1, paused=Paused(open_s=1800, actions=812.5)),
            policy("quiet"),
        ),
        trips=(found, *others),
        warnings=(warning(policy_id), warning(policy_id, late_ms + 30 * MINUTE_MS)),
        incidents=(incident(policy_id), missed(policy_id, late_ms, plot=trips)),
        plots=(*(plot(policy_id, each) for each in starts), plot(policy_id, late_ms)),
        curves=(
            Curve(setting="false_trips_per_year", points=tuple(SweepPoint(value=v, score=s) for v, s in swept.items())),
        ),
    )
