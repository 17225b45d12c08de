"""A policy's settings: units in names, ranges in types, and the default that needs no tuning.

The YAML spelling of a duration field drops its unit (`cooldown: 15m` fills `cooldown_s`). Comments behind fields are
the text of the annotated example file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from detector.events import Id

YEAR_S = 365.25 * 86_400


class Duration:
    """Marks a number of seconds that a file may spell `90s`, `15m`, `2h` or `1d`."""


def _seconds(low: float, high: float) -> Meta:
    return Meta(ge=low, le=high, extra={"duration": Duration})


Mode = Literal["shadow", "enforce", "alert_only", "disabled"]
Dimension = Literal["rule_version", "model_version", "signal", "region", "client", "action_type"]
DIMENSIONS: tuple[Dimension, ...] = ("rule_version", "model_version", "signal", "region", "client", "action_type")
DECIDERS: tuple[Dimension, ...] = ("rule_version", "model_version", "signal")
"""Dimensions that say who decided: a deploy can change them. The others say where."""
Signal = Literal[
    "hard_limit", "deploy", "probe", "surge", "volume", "ramp", "silence", "tenure", "content_age", "first_time",
    "overturns", "reversals", "rebans", "appeals", "share", "appeals_quiet",
]  # fmt: skip
"""What evidence can be of: `topics/signals.md`."""


class HardLimit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The plain threshold: trips when more than `max` actions fall into any `per`."""

    max: Annotated[
        int, Meta(ge=1, le=10**9, description="Most actions tolerated in any window of this length.", examples=[1000])
    ]
    per_s: Annotated[
        float, _seconds(60, 86_400), Meta(description="Length of the sliding window.", examples=[600.0])
    ] = field(name="per")


class OnTrip(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the breaker does once it has tripped."""

    directive: Annotated[
        Literal["HOLD_FOR_REVIEW"], Meta(description="What enforcement services do with the scope's automated actions.")
    ] = "HOLD_FOR_REVIEW"
    cooldown_s: Annotated[
        float,
        _seconds(60, 7 * 86_400),
        Meta(description="How long it stays open before it probes; doubled each time it opens again, up to a day."),
    ] = field(default=1800.0, name="cooldown")
    probe_ratio: Annotated[float, Meta(ge=0, le=1, description="Share of subjects let through while half-open.")] = (
        field(default=0.05, name="probe_fraction")
    )
    probe_s: Annotated[
        float, _seconds(60, 7 * 86_400), Meta(description="Quiet time while half-open after which it may close.")
    ] = field(default=1800.0, name="probe")
    close: Annotated[
        Literal["auto", "approval"], Meta(description="Who closes it: quiet evidence, or an operator.")
    ] = "auto"
    hold_s: Annotated[
        float,
        _seconds(60, 7 * 86_400),
        Meta(description="How long a gate keeps holding when the detector falls silent."),
    ] = field(default=14_400.0, name="hold")


class PolicySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a policy may set; `defaults:` and `unknown_policies:` have the same fields."""

    mode: Annotated[
        Mode,
        Meta(
            description="shadow: judged, never paused. enforce: paused on a trip. alert_only: never paused. disabled."
        ),
    ] = "shadow"
    hard_limit: Annotated[HardLimit | None, Meta(description="A plain cap on harm; none by default.")] = None
    false_trips_per_year: Annotated[
        float, Meta(gt=0, le=1000, description="Budget of false trips, spread over the policy's scopes.")
    ] = 0.1
    false_warnings_per_year: Annotated[float, Meta(gt=0, le=10_000, description="Budget of false warnings.")] = 4.0
    min_rate_per_h: Annotated[
        float, Meta(gt=0, le=10**9, description="Rates below this are immaterial: the least expected rate, per hour.")
    ] = 1.0
    deploy_window_s: Annotated[
        float, _seconds(60, 30 * 86_400), Meta(description="How long a deploy makes its origin suspect.")
    ] = field(default=86_400.0, name="deploy_window")
    scopes: Annotated[
        tuple[Dimension, ...], Meta(description="Dimensions that are watched beside the whole policy.")
    ] = DIMENSIONS
    warn_only_signals: Annotated[
        tuple[Signal, ...], Meta(description="Signals that open no breaker here, neither alone nor in support.")
    ] = ()
    ignore_signals: Annotated[tuple[Signal, ...], Meta(description="Signals that say nothing here.")] = ()
    breaker: Annotated[OnTrip, Meta(description="What happens after a trip.")] = OnTrip()
    runbook_url: Annotated[
        Annotated[str, Meta(max_length=2048)] | None, Meta(description="Link for whoever is paged.")
    ] = None


class Policy(PolicySettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One policy, resolved: what it does not set comes from `defaults:`."""

    id: Id


class UnknownPolicies(PolicySettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How policies that no file names are judged, and how many of them are tracked at all."""

    cap: Annotated[int, Meta(ge=0, le=100_000, description="Unlisted policies tracked per log partition.")] = 500


class StreamSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Event time: they are part of the log, so that a replay uses the ones in force then."""

    clock: Annotated[
        Literal["log", "events"], Meta(description="log: broker time. events: newest event time (replays, demo).")
    ] = "log"
    lateness_s: Annotated[
        float, _seconds(10, 3600), Meta(description="How long after its time an event still counts as evidence.")
    ] = field(default=120.0, name="lateness")
    bucket_s: Annotated[
        float, _seconds(1, 60), Meta(description="Width of the event-time buckets that rows add to.")
    ] = field(default=5.0, name="bucket")
    guard_s: Annotated[
        float, _seconds(0, 86_400), Meta(description="Youngest history that the baseline may learn from.")
    ] = field(default=3600.0, name="guard")
    catching_up_s: Annotated[
        float, _seconds(10, 3600), Meta(description="Lag of the stream clock from which no directive is issued.")
    ] = field(default=60.0, name="catching_up")
    ahead_s: Annotated[
        float, _seconds(60, 7 * 86_400), Meta(description="Events further ahead of the stream clock give no evidence.")
    ] = field(default=86_400.0, name="ahead")


class Ruleset(Struct, frozen=True, kw_only=True):
    """A resolved policy file, as it stands in the log. `version` is a digest of its content."""

    version: str = "builtin"
    stream: StreamSettings = StreamSettings()
    policies: tuple[Policy, ...] = ()
    unknown: UnknownPolicies = UnknownPolicies()
