"""A breaker moves along legal edges only, its generation only grows, and a pause ends as its settings say."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from detector import breaker as machine
from detector.breaker import EDGES, MAX_COOLDOWN_S, RELAPSE_MS, BreakerState, Moment
from detector.errors import IllegalTransition
from detector.events import State
from detector.policy import OnTrip

ON_TRIP = OnTrip(cooldown_s=600, probe_s=300)


def opened() -> BreakerState:
    return machine.move(BreakerState(), "p", State.OPEN, ON_TRIP, Moment(0, 1))


def closed_by_itself(state: BreakerState) -> BreakerState:
    for to in (State.HALF_OPEN, State.CLOSED):
        state = machine.move(state, "p", to, ON_TRIP, Moment(state.timer_ms, 1))
    return state


def cool_down_s(state: BreakerState) -> float:
    return (state.timer_ms - max(state.since_ms, state.upheld_ms)) / 1000


@pytest.mark.parametrize("start", State)
@pytest.mark.parametrize("to", State)
def test_only_the_edges_of_the_table_are_legal(start, to):
    state = BreakerState(state=start)
    if (start, to) in EDGES:
        assert machine.move(state, "p", to, ON_TRIP, Moment(1000, 2000)).state is to
    else:
        with pytest.raises(IllegalTransition, match=f"'p' has no edge {start.value} -> {to.value}"):
            machine.move(state, "p", to, ON_TRIP, Moment(1000, 2000))


def test_a_trip_cools_down_probes_and_closes_by_stream_time():
    tripped = machine.move(BreakerState(), "p", State.OPEN, ON_TRIP, Moment(0, 5))
    assert machine.due(tripped, ON_TRIP, 599_999) is None
    assert machine.due(tripped, ON_TRIP, 600_000) is State.HALF_OPEN
    probing = machine.move(tripped, "p", State.HALF_OPEN, ON_TRIP, Moment(600_000, 6))
    assert machine.due(probing, ON_TRIP, 899_999) is None
    assert machine.due(probing, ON_TRIP, 900_000) is State.CLOSED


def test_closing_by_approval_never_happens_by_itself():
    approval = OnTrip(close="approval")
    probing = machine.move(BreakerState(state=State.OPEN), "p", State.HALF_OPEN, approval, Moment(0, 1))
    assert machine.due(probing, approval, 10**12) is None


def test_opening_again_doubles_the_cool_down_up_to_a_day():
    state, seen = machine.move(BreakerState(), "p", State.OPEN, ON_TRIP, Moment(0, 1)), []
    for _ in range(10):
        seen.append(cool_down_s(state))
        state = machine.move(state, "p", State.HALF_OPEN, ON_TRIP, Moment(0, 1))
        state = machine.move(state, "p", State.OPEN, ON_TRIP, Moment(0, 1))
    assert seen == [600 * 2**again for again in range(8)] + [MAX_COOLDOWN_S] * 2


def test_a_cool_down_that_is_set_to_more_than_a_day_stays_as_it_is():
    longest = OnTrip(cooldown_s=2 * MAX_COOLDOWN_S)
    state = machine.move(BreakerState(state=State.HALF_OPEN), "p", State.OPEN, longest, Moment(0, 1))
    assert cool_down_s(state) == 2 * MAX_COOLDOWN_S


@pytest.mark.parametrize(("later_ms", "factor"), [(RELAPSE_MS - 1, 4), (RELAPSE_MS, 1)])
def test_what_trips_within_a_day_of_a_quiet_probe_is_re_opened_and_later_it_is_news(later_ms, factor):
    state = closed_by_itself(machine.move(opened(), "p", State.OPEN, ON_TRIP, Moment(0, 1)))
    again = machine.move(state, "p", State.OPEN, ON_TRIP, Moment(state.since_ms + later_ms, 2))
    assert cool_down_s(again) == factor * 600
    assert cool_down_s(machine.move(again, "p", State.OPEN, ON_TRIP, Moment(again.since_ms, 3))) == 2 * factor * 600


def test_what_was_closed_by_new_settings_starts_afresh():
    closed = machine.move(opened(), "p", State.CLOSED, ON_TRIP, Moment(0, 1))
    assert cool_down_s(machine.move(closed, "p", State.OPEN, ON_TRIP, Moment(1, 2))) == 600


def test_a_breaker_that_is_upheld_has_been_open_since_it_opened_and_cools_down_from_then_on():
    opened = machine.move(BreakerState(), "p", State.OPEN, ON_TRIP, Moment(0, 1))
    upheld = machine.move(opened, "p", State.OPEN, ON_TRIP, Moment(300_000, 2))
    assert (upheld.since_ms, upheld.upheld_ms) == (0, 300_000)
    assert upheld.timer_ms == 300_000 + 2 * 600_000
    assert upheld.generation > opened.generation
    assert machine.restate(upheld, ON_TRIP, Moment(0, 3)).timer_ms == upheld.timer_ms
    assert machine.restate(upheld, OnTrip(cooldown_s=60), Moment(0, 3)).timer_ms == 300_000 + 2 * 60_000
    assert not machine.move(upheld, "p", State.HALF_OPEN, ON_TRIP, Moment(900_000, 4)).upheld_ms


def test_being_upheld_doubles_the_cool_down_too():
    state = machine.move(BreakerState(), "p", State.OPEN, ON_TRIP, Moment(0, 1))
    for _ in range(7):
        state = machine.move(state, "p", State.OPEN, ON_TRIP, Moment(0, 1))
    assert state.timer_ms == 2**7 * 600_000


def test_what_was_warned_of_while_probing_stands_when_it_closes_and_not_when_it_opens_again():
    probing = machine.move(opened(), "p", State.HALF_OPEN, ON_TRIP, Moment(600_000, 2))
    warned = msgspec.structs.replace(probing, warned={"silence": 700_000})
    assert machine.move(warned, "p", State.CLOSED, ON_TRIP, Moment(900_000, 3)).warned == {"silence": 700_000}
    assert not machine.move(warned, "p", State.OPEN, ON_TRIP, Moment(800_000, 3)).warned


def test_a_breaker_stored_before_there_was_upholding_is_read():
    stored = msgspec.json.encode(BreakerState(state=State.OPEN, since_ms=5, timer_ms=9))
    without = msgspec.json.encode(msgspec.json.decode(stored)[:-1])
    assert msgspec.json.decode(without, type=BreakerState) == BreakerState(state=State.OPEN, since_ms=5, timer_ms=9)


def test_what_happens_while_catching_up_is_issued_only_on_arrival():
    late = machine.move(BreakerState(), "p", State.OPEN, ON_TRIP, Moment(0, 10, catching_up=True))
    assert not late.issued
    issued = machine.issue(late, 7)
    assert issued.issued
    assert issued.generation == late.generation + 1


class Breakers(RuleBasedStateMachine):
    """Any sequence of moves and clocks, log time going back included."""

    def __init__(self):
        super().__init__()
        self.state, self.generations = BreakerState(), [0]

    @rule(to=st.sampled_from(State), log_ms=st.integers(0, 1000), stream_ms=st.integers(0, 10**7))
    def move(self, to, log_ms, stream_ms):
        if (self.state.state, to) in EDGES:
            self.state = machine.move(self.state, "p", to, ON_TRIP, Moment(stream_ms, log_ms))
            self.generations.append(self.state.generation)

    @precondition(lambda self: self.state.timer_ms)
    @rule(later_ms=st.integers(0, 10**8))
    def wait(self, later_ms):
        to = machine.due(self.state, ON_TRIP, self.state.since_ms + later_ms)
        if to is not None:
            self.state = machine.move(self.state, "p", to, ON_TRIP, Moment(self.state.timer_ms, 0))
            self.generations.append(self.state.generation)

    @invariant()
    def generations_only_grow(self):
        assert self.generations == sorted(set(self.generations))

    @invariant()
    def only_open_and_half_open_have_timers(self):
        assert not self.state.timer_ms or self.state.state in (State.OPEN, State.HALF_OPEN)

    @invariant()
    def a_closed_breaker_remembers_its_back_off_only_until_a_relapse_would_be_one(self):
        assert self.state.state is not State.CLOSED or self.state.reopened == 0 or self.state.relapse_ms > 0

    @invariant()
    def no_cool_down_is_longer_than_a_day(self):
        assert self.state.state is not State.OPEN or cool_down_s(self.state) <= MAX_COOLDOWN_S


TestBreakers = Breakers.TestCase
