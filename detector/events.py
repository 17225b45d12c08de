"""The wire contract: every field that enters or leaves, as msgspec Structs.

JSON Schemas, AsyncAPI and the examples under `topics/` are generated from or tested against this module. Names follow
the DSA (`automated_decision`), CloudEvents and Prometheus; units stand in names. Unknown fields are ignored on input.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum, StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

MAX_RECORD_BYTES = 64 * 1024
MAX_ID_CHARS = 128
EARLIEST_MS = 946_684_800_000
"""2000-01-01: nothing older is an enforcement event of this field."""

Id = Annotated[
    str,
    Meta(min_length=1, max_length=MAX_ID_CHARS, extra_json_schema={"pattern": "^[^\\u0000-\\u001f\\u007f]+$"}),
]
Time = Annotated[datetime, Meta(tz=True)] | Annotated[int, Meta(ge=EARLIEST_MS)]
"""RFC 3339 with zone, or integer epoch milliseconds."""
Instant = Annotated[datetime, Meta(tz=True)]
"""RFC 3339 with zone."""


class Automated(Enum):
    """The DSA's `automated_decision`: only FULLY automated actions can ever be paused."""

    FULLY = "FULLY"
    PARTIALLY = "PARTIALLY"
    NOT_AUTOMATED = "NOT_AUTOMATED"


# --- what enters: topic enforcement.events ----------------------------------------------------------------------------


class Event(Struct, kw_only=True, tag_field="kind"):
    """What all kinds have in common: identity, time, and the origin that decided."""

    id: Id
    time: Time
    rule_id: Id | None = None
    rule_version: Id | None = None
    model_id: Id | None = None
    model_version: Id | None = None
    signal_id: Id | None = None
    region: Id | None = None
    client: Id | None = None
    language: Id | None = None


class Action(Event, kw_only=True, tag="action"):
    """A decision to enforce, executed or held by a breaker."""

    policy_id: Id
    subject_id: Id
    action_id: Id
    action_type: Id
    automated_decision: Automated
    status: Literal["executed", "held"] = "executed"
    subject_type: Literal["account", "content"] | None = None
    reversible: bool | None = None
    subject_created_at: Time | None = None
    content_created_at: Time | None = None
    prior_actions: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None


class Appeal(Event, kw_only=True, tag="appeal"):
    """A subject contests an action."""

    policy_id: Id
    subject_id: Id
    action_id: Id
    acted_at: Time
    subject_type: Literal["account", "content"] | None = None


class AppealDecision(Event, kw_only=True, tag="appeal_decision"):
    """An appeal was decided."""

    policy_id: Id
    action_id: Id
    acted_at: Time
    outcome: Literal["upheld", "overturned"]
    decided_by: Literal["human", "automated"]
    subject_id: Id | None = None
    subject_type: Literal["account", "content"] | None = None


class Reversal(Event, kw_only=True, tag="reversal"):
    """An action was undone. `expiry` and `legal` are no evidence of error."""

    policy_id: Id
    action_id: Id
    acted_at: Time
    reason: Literal["appeal", "bulk_correction", "expiry", "legal"]
    subject_id: Id | None = None
    subject_type: Literal["account", "content"] | None = None


class Review(Event, kw_only=True, tag="review"):
    """A person's label on a held or sampled action."""

    policy_id: Id
    action_id: Id
    acted_at: Time
    verdict: Literal["agree", "disagree"]
    reviewer_id: Id
    subject_id: Id | None = None
    subject_type: Literal["account", "content"] | None = None


class Deploy(Event, kw_only=True, tag="deploy"):
    """A rule, model or list changed. Without `policy_id` it concerns every policy."""

    change: Annotated[str, Meta(max_length=1024)]
    policy_id: Id | None = None


class Evaluated(Event, kw_only=True, tag="evaluated"):
    """Items evaluated in the interval that ends at `time`: the denominator. No `policy_id`: of every policy."""

    count: Annotated[int, Meta(ge=0, le=2**53)]
    interval_s: Annotated[float, Meta(gt=0, le=86_400)]
    policy_id: Id | None = None


AnyEvent = Action | Appeal | AppealDecision | Reversal | Review | Deploy | Evaluated
KINDS: tuple[type[Event], ...] = (Action, Appeal, AppealDecision, Reversal, Review, Deploy, Evaluated)


class DeadLetterReason(StrEnum):
    """Why a record could not be used; the label of the dead-letter metric."""

    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    INVALID_FIELD = "invalid_field"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    CONTROL_CHARACTER = "control_character"
    BAD_ENVELOPE = "bad_envelope"


# --- what leaves ------------------------------------------------------------------------------------------------------


class State(StrEnum):
    """A breaker's state. SHADOW, ALERT_ONLY and DISABLED are modes, carried beside it."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"
    FAULT = "FAULT"


class Directive(StrEnum):
    """What enforcement services must do for a scope now."""

    NONE = "NONE"
    HOLD_FOR_REVIEW = "HOLD_FOR_REVIEW"


class Scope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a breaker governs: a policy, or it narrowed to one value of a dimension (`rule_version`: `id@version`)."""

    policy_id: str
    dimension: str | None = None
    value: str | None = None

    @property
    def id(self) -> str:
        """Text form: `policy` or `policy|dimension=value`; `%`, `|` and `/` of the policy id are percent-encoded.

        So no policy id can imitate a narrowed scope, nor the key of a heartbeat.
        """
        policy = self.policy_id.replace("%", "%25").replace("|", "%7C").replace("/", "%2F")
        return policy if self.dimension is None else f"{policy}|{self.dimension}={self.value}"


class Evidence(Struct, frozen=True, kw_only=True):
    """What one signal says; `topics/signals.md` explains each. `strength` is evidence over the scope's trip line."""

    signal: str
    window_s: float
    observed: float
    expected: float
    ratio: float
    strength: float
    detail: str = ""


class Contributor(Struct, frozen=True, kw_only=True):
    """A value of a dimension: its share of the excess (0..1), and its lift.

    Lift is over the value's expected rate; where the evidence is of whom actions meet or what becomes of them, over its
    usual share of the policy's actions.
    """

    dimension: str
    value: str
    share_ratio: float
    lift_ratio: float


class Impact(Struct, frozen=True, kw_only=True):
    """Actions of the scope from onset to detection: all, of them fully automated, of them held.

    Where only whom it acts on, or what becomes of that, gives it away, the last two are at least so many.
    """

    actions: int = 0
    automated: int = 0
    held: int = 0


class DataQuality(Struct, frozen=True, kw_only=True):
    """How far to trust the figures: lag of the stream clock, rows left out, and source partitions that are silent."""

    stream_lag_s: float
    late_rows: int
    ahead_rows: int
    duplicate_rows: int
    gaps: int
    blind_sources: tuple[int, ...] = ()


AlertType = Literal[
    "breaker.opened",
    "breaker.upheld",
    "breaker.half_opened",
    "breaker.closed",
    "breaker.reopened",
    "breaker.faulted",
    "breaker.warned",
]
"""`upheld`: what became of its actions proves an open breaker right; its cool-down starts again. A warning and this are
from a state to itself."""


class Alert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record that says everything about a transition (or a warning). The same log gives the same bytes."""

    alert_id: str
    type: AlertType
    scope: Scope
    from_state: State
    to_state: State
    mode: str
    directive: Directive
    generation: int
    onset: Instant
    detected_at: Instant
    reason: str
    evidence: tuple[Evidence, ...]
    contributors: tuple[Contributor, ...]
    impact: Impact
    data_quality: DataQuality
    config_version: str
    enforced: bool
    catching_up: bool = False
    runbook_url: str | None = None
    board_url: str | None = None


class Breaker(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The current word on one scope: the whole truth for a reader that starts now. Compacted by scope id."""

    scope: Scope
    state: State
    mode: str
    directive: Directive
    generation: int
    partition: int
    since: Instant
    config_version: str
    hold_until: Instant | None = None
    probe_ratio: float = 0.0
    alert_id: str | None = None
    catching_up: bool = False


class Heartbeat(Struct, frozen=True, kw_only=True):
    """Renews every scope of one log partition. `lag_s` is log time less stream time."""

    partition: int
    position: int
    stream_time: Instant
    log_time: Instant
    lag_s: float


class DeadLetter(Struct, frozen=True, kw_only=True):
    """Headers of a dead-letter record (its value is the record as it came): where it stood and why it can't be used."""

    reason: DeadLetterReason
    detail: str
    topic: str
    partition: int
    offset: int


def decoder() -> msgspec.json.Decoder[AnyEvent]:
    """A decoder of the input contract. Raises `msgspec.ValidationError` with a path, `DecodeError` on bad JSON."""
    return msgspec.json.Decoder(AnyEvent)
