"""The breaker of one scope: a pure state machine over stream time.

Frozen values in, frozen values out, so a snapshot may keep a reference to any of them. The clock is always an argument.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from detector.errors import IllegalTransition
from detector.events import State
from detector.policy import OnTrip
from detector.units import DAY_MS

EDGES: Final = frozenset(
    {
        (State.CLOSED, State.OPEN),  # tripped
        (State.OPEN, State.OPEN),  # what became of its actions proves it right
        (State.OPEN, State.HALF_OPEN),  # cooled down
        (State.HALF_OPEN, State.OPEN),  # new evidence while probing
        (State.HALF_OPEN, State.CLOSED),  # quiet for a whole probe
        (State.OPEN, State.CLOSED),  # its policy was disabled
        (State.CLOSED, State.FAULT),  # its own state or step failed
        (State.OPEN, State.FAULT),
        (State.HALF_OPEN, State.FAULT),
        (State.FAULT, State.CLOSED),  # new settings start it afresh
    }
)
"""Every legal edge; anything else raises."""

HOLDING: Final = (State.OPEN, State.HALF_OPEN)
"""States in which an enforcing policy's actions are held."""

MAX_COOLDOWN_S: Final = 86_400.0
"""Being re-opened, or upheld, doubles the cool-down up to a day, by when people have looked: if not set longer."""
RELAPSE_MS: Final = DAY_MS
"""A breaker that trips so soon after it closed by itself is re-opened: all had only been quiet for a while."""


class BreakerState(Struct, frozen=True, array_like=True):
    """Where one breaker stands. Times are epoch milliseconds of stream time, `generation` only grows.

    `timer_ms`: when it moves by itself (0: never). `issued`: whether readers have been told to obey it.
    `warned`: of which topics a warning stands, and when it last warned of each, by name. `upheld_ms`: when it was
    proven right since it opened (0: not).
    `relapse_ms`: until when it counts as re-opened if it opens, having closed by itself (0: it has not).
    """

    state: State = State.CLOSED
    generation: int = 0
    since_ms: int = 0
    timer_ms: int = 0
    reopened: int = 0
    issued: bool = True
    alert_id: str | None = None
    warned: dict[str, int] = {}
    upheld_ms: int = 0
    relapse_ms: int = 0

    @property
    def at_rest(self) -> bool:
        """Closed, and nothing said that could still be followed by more."""
        return self.state is State.CLOSED and not self.warned


class Moment(NamedTuple):
    """When something is decided: stream time, log time, catching up or not, and the position in the log."""

    stream_ms: int
    log_ms: int
    catching_up: bool = False
    offset: int = 2**62


def move(breaker: BreakerState, scope: str, to: State, on_trip: OnTrip, now: Moment) -> BreakerState:
    """The breaker after moving `to`. Raises IllegalTransition for an edge that is not in the table.

    The generation is the larger of previous + 1 and the log time, so that it grows even if state was lost. While
    catching up no directive is issued, but one that readers already obey goes on from OPEN to HALF_OPEN and back.
    """
    if (breaker.state, to) not in EDGES:
        raise IllegalTransition(scope, breaker.state.value, to.value)
    goes_on = to in HOLDING and breaker.state in HOLDING and breaker.issued
    upheld = to is breaker.state is State.OPEN
    reopened = _reopened(breaker, to, now.stream_ms)
    generation = max(breaker.generation + 1, now.log_ms)
    return BreakerState(
        state=to,
        generation=generation,
        since_ms=breaker.since_ms if upheld else now.stream_ms,
        timer_ms=_timer_ms(to, reopened, on_trip, now.stream_ms),
        reopened=reopened,
        issued=to is State.CLOSED or goes_on or not now.catching_up,
        alert_id=f"{scope}#{generation}",
        warned=breaker.warned if _quiet(breaker, to) else {},
        upheld_ms=now.stream_ms if upheld else 0,
        relapse_ms=now.stream_ms + RELAPSE_MS if _quiet(breaker, to) else 0,
    )


def _quiet(breaker: BreakerState, to: State) -> bool:
    """Whether it closes because its probe was quiet."""
    return breaker.state is State.HALF_OPEN and to is State.CLOSED


def _reopened(breaker: BreakerState, to: State, stream_ms: int) -> int:
    """How often it was opened again since it first opened, after the move; an episode outlasts a quiet probe."""
    if to is State.OPEN:
        again = breaker.state in HOLDING or stream_ms < breaker.relapse_ms
        return breaker.reopened + 1 if again else 0
    return breaker.reopened if to is State.HALF_OPEN or _quiet(breaker, to) else 0


def due(breaker: BreakerState, on_trip: OnTrip, stream_ms: int) -> State | None:
    """The state that its timer asks for at this stream time, if any."""
    if not breaker.timer_ms or stream_ms < breaker.timer_ms:
        return None
    if breaker.state is State.OPEN:
        return State.HALF_OPEN
    return State.CLOSED if breaker.state is State.HALF_OPEN and on_trip.close == "auto" else None


def restate(breaker: BreakerState, on_trip: OnTrip, now: Moment) -> BreakerState:
    """The same state under new settings: with their timer, and a new generation so that readers take the new word.

    A timer that would have come before is due now, not in the past: what opens then still has a whole probe before it.
    """
    timer_ms = _timer_ms(breaker.state, breaker.reopened, on_trip, max(breaker.since_ms, breaker.upheld_ms))
    due_ms = max(timer_ms, now.stream_ms) if timer_ms else 0
    return replace(breaker, timer_ms=due_ms, generation=max(breaker.generation + 1, now.log_ms))


def issue(breaker: BreakerState, log_ms: int) -> BreakerState:
    """The same state with a new generation, now for readers to obey: the stream has caught up."""
    return replace(breaker, issued=True, generation=max(breaker.generation + 1, log_ms))


def _timer_ms(to: State, reopened: int, on_trip: OnTrip, stream_ms: int) -> int:
    if to is State.OPEN:
        longest_s = max(MAX_COOLDOWN_S, on_trip.cooldown_s)
        return stream_ms + int(1000 * min(on_trip.cooldown_s * 2.0 ** min(reopened, 32), longest_s))
    if to is State.HALF_OPEN and on_trip.close == "auto":
        return stream_ms + int(1000 * on_trip.probe_s)
    return 0
