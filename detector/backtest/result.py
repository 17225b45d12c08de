"""What a backtest found: everything that the table, the JSON and the page say is a pure function of a `Result`.

Times are epoch milliseconds of event time, UTC. Nothing in here depends on when or how fast the run was.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from detector.events import Contributor, Evidence

Label = Literal["found", "inside", "again", "other", "unlabelled"]
"""What a trip counts as: `found` an incident; `inside` an incident that was found before, or in the hour after its fix;
`again` within the refractory time of the policy's last counted trip; `other`: where no incident was; `unlabelled`: no
incidents were given."""


class BadLine(Struct, frozen=True, kw_only=True):
    """A line that could not be used. `place`: `file:line`, or `topic:partition:offset`."""

    place: str
    reason: str
    detail: str


class Quality(Struct, frozen=True, kw_only=True):
    """What was read, and what of it gave no evidence."""

    read: int = 0
    """Lines, rows or records."""
    events: int = 0
    """Those that were valid and in the time range."""
    outside: int = 0
    """Valid, before `--from` or not before `--to`."""
    bad: int = 0
    bad_reasons: dict[str, int] = {}
    bad_lines: tuple[BadLine, ...] = ()
    """The first few."""
    late: int = 0
    """Out of order beyond the lateness: counted, no evidence of volume."""
    ahead: int = 0
    """Too far ahead of the stream clock."""
    duplicates: int = 0
    refused: int = 0
    """Of policies beyond the cap on unlisted ones."""
    unmapped: dict[str, int] = {}
    """Fields that an input format has and the contract has not, with how often they came."""
    ignored: dict[str, int] = {}
    """Well-formed records of an input format that are no event, by reason."""


class Paused(Struct, frozen=True, kw_only=True):
    """What the breakers of a policy paused (`enforced`), or would have paused.

    `actions` counts automated actions of the paused scopes: all while OPEN, the share that is not probed while
    HALF_OPEN; where a policy and a value of it are both paused, an action counts once. A policy in mode
    `alert_only` has none.
    """

    open_s: float = 0.0
    half_open_s: float = 0.0
    actions: float = 0.0


class Peak(Struct, frozen=True, kw_only=True):
    """Most actions of a policy in any window of a length, outside labelled incidents."""

    per_s: float
    count: int
    at_ms: int
    """Where that window ends."""


class PolicyReport(Struct, frozen=True, kw_only=True):
    """One policy over the whole run. Exposure runs from its first to its last event."""

    policy_id: str
    mode: str
    listed: bool
    events: int
    actions: int
    automated: int
    first_ms: int
    last_ms: int
    years: float
    counted: bool
    """Whether it has enough events to count in rates per policy-year."""
    trips: int
    counted_trips: int
    """Without those in the refractory time."""
    other_trips: int
    warnings: int
    peak_strength: float
    """Highest evidence over its trip line that was seen, any scope; from 1 on it trips, if all else that the decision
    asks for is there."""
    paused: Paused
    peaks: tuple[Peak, ...] = ()
    """Kept for suggestions; none otherwise."""


class TripReport(Struct, frozen=True, kw_only=True):
    """A breaker opened or re-opened."""

    policy_id: str
    scope: str
    type: str
    detected_ms: int
    onset_ms: int
    generation: int
    mode: str
    enforced: bool
    reason: str
    evidence: tuple[Evidence, ...]
    contributors: tuple[Contributor, ...]
    label: Label
    incident: int | None
    """Index into `Result.incidents`."""
    until_ms: int
    """When this scope's breaker closed (or re-opened, or the run ended)."""
    paused: Paused
    plot: int | None
    """Index into `Result.plots`."""


class WarningReport(Struct, frozen=True, kw_only=True):
    """Evidence beyond the warning line that did not trip."""

    policy_id: str
    scope: str
    detected_ms: int
    onset_ms: int
    reason: str
    strength: float
    """The strongest signal's evidence, over its trip line."""


class IncidentReport(Struct, frozen=True, kw_only=True):
    """A labelled incident. `wrongful`: the policy's actions from onset to fix, parted by the trip that found it."""

    policy_id: str
    onset_ms: int
    fixed_ms: int
    place: str
    """`file:line`."""
    counted: bool
    """Whether its policy has enough events to count."""
    in_span: bool
    """Whether it overlaps the events that were read."""
    found: bool
    trip: int | None
    """Index into `Result.trips`."""
    delay_s: float | None
    wrongful: int
    before: int
    avoided: int
    why: str
    """For a miss: in words, from what was seen. Empty when found."""
    peak_strength: float
    """Highest evidence over its trip line between onset and fix, any scope of the policy, seen minute by minute in the
    hours in which it begins and ends; below 0.01 it may be that of these whole hours."""
    plot: int | None


class Score(Struct, frozen=True, kw_only=True):
    """The figures of a set of incidents and policies."""

    policies: int
    policy_years: float
    incidents: int
    found: int
    found_ratio: float | None
    median_delay_s: float | None
    median_before: float | None
    wrongful: int
    avoided: int
    avoided_ratio: float | None
    trips: int
    other_trips: int
    warnings: int
    trips_per_policy_year: float | None = None
    other_trips_per_policy_year: float | None
    """None without labels: which trips are other ones, nobody knows."""
    warnings_per_policy_year: float | None


class Scores(Struct, frozen=True, kw_only=True):
    """The same figures over everything, and over policies with enough events alone (`counted`: quote these)."""

    all: Score
    counted: Score
    labelled: bool
    """Whether incidents were given: without any, found and avoided say nothing."""
    min_events: int
    refractory_s: float
    grace_s: float
    """A trip that long after the fix still detects."""
    after_s: float
    """A trip that long after the fix is no other trip."""


class SweepPoint(Struct, frozen=True, kw_only=True):
    """A run with another value of one setting; over counted policies, as `Scores.counted`."""

    value: float
    score: Score


class Curve(Struct, frozen=True, kw_only=True):
    """A sweep over one setting, in the order asked for."""

    setting: str
    points: tuple[SweepPoint, ...]


class Mark(Struct, frozen=True, kw_only=True):
    """Something that happened at a time: a deploy (`name`: origin), or a scope's state (`name`: state)."""

    at_ms: int
    name: str
    detail: str = ""


class Plot(Struct, frozen=True, kw_only=True):
    """A policy around a trip or an incident: columns of equal length (at most 400), one number a step.

    `expected`, `low` and `high` are NaN-free; a step without a figure repeats the one before. Counts are per step.
    Evidence is that over its trip line, the highest of any scope of the policy. It is looked at each minute where it is
    noticeable or something was said, and a plot was wanted by then; elsewhere no more is known than how high it was in
    the hour.
    """

    policy_id: str
    scope: str
    step_s: float
    time_ms: tuple[int, ...]
    """Begin of each step."""
    count: tuple[int, ...]
    """Actions of the policy."""
    expected: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    """Three standard deviations of an over-dispersed Poisson count around the expected one."""
    strength: tuple[float | None, ...]
    """Highest evidence at the ends of the minutes in the step, and at alerts in it; None where nobody looked."""
    hourly: tuple[float | None, ...]
    """Where nobody looked: the highest in the hour, or the longer time without a look, in which the step lies."""
    states: tuple[Mark, ...]
    """The policy's breakers over the window; the first entry is the state at its begin. `detail`: scope."""
    deploys: tuple[Mark, ...]


class Suggestion(Struct, frozen=True, kw_only=True):
    """A setting of one policy that this history speaks for, and what it would have done."""

    policy_id: str
    setting: str
    """As a policy file spells it."""
    current: str
    proposed: str
    reason: str
    before: PolicyReport
    after: PolicyReport
    found_before: int
    found_after: int
    avoided_before: int
    avoided_after: int


class Check(Struct, frozen=True, kw_only=True):
    """A threshold that was asked for."""

    name: str
    kind: Literal["over", "under"]
    limit: float
    value: float | None
    failed: bool


class Result(Struct, frozen=True, kw_only=True):
    """A whole run."""

    config_version: str
    sources: tuple[str, ...]
    """As they were named."""
    from_ms: int
    """First and last event that was judged; 0 and 0 without any."""
    to_ms: int
    quality: Quality
    scores: Scores
    policies: tuple[PolicyReport, ...]
    """By id."""
    trips: tuple[TripReport, ...]
    """In order of detection."""
    warnings: tuple[WarningReport, ...]
    incidents: tuple[IncidentReport, ...]
    """In the order of the file."""
    plots: tuple[Plot, ...] = ()
    curves: tuple[Curve, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    checks: tuple[Check, ...] = ()
