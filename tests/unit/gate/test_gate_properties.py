"""Whatever order records come in, and however often, a gate believes the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from detector.events import Heartbeat, Scope
from detector.gate.judge import decide
from detector.gate.memory import WHOLE, Memory
from detector.gate.rules import Asked, Rules
from detector.gate.word import Demand, Word

START = datetime(2026, 1, 1, tzinfo=UTC)
words = st.builds(
    Word,
    scope=st.just(Scope(policy_id="p")),
    state=st.sampled_from(["CLOSED", "OPEN", "HALF_OPEN", "FAULT", "FORCED_OPEN"]),
    mode=st.sampled_from(["enforce", "shadow", "canary"]),
    directive=st.sampled_from(["NONE", "HOLD_FOR_REVIEW", "DRAIN"]),
    generation=st.integers(1, 4),
    partition=st.just(0),
    hold_until=st.none() | st.integers(0, 3).map(lambda hours: START + timedelta(hours=hours)),
    probe_ratio=st.sampled_from([0.0, 0.1, 0.5]),
)
histories = st.lists(words, min_size=1, max_size=8)


def remember(records: list[Word]) -> Memory:
    memory = Memory()
    for record in records:
        memory.apply(b"p", msgspec.json.encode(record), now_s=0.0, wall_s=START.timestamp(), live=True)
    return memory


@given(st.data(), histories)
def test_the_order_and_the_repetition_of_records_do_not_matter(data, records):
    shuffled = data.draw(st.permutations(records + records))
    assert remember(records).of("p") == remember(shuffled).of("p")


@given(histories)
def test_the_highest_generation_wins_and_within_it_the_strictest(records):
    known = remember(records).of("p")[WHOLE]
    newest = [record for record in records if record.generation == max(r.generation for r in records)]
    assert known.word in newest
    assert known.demand == max(record.demand for record in newest)


@given(histories, st.booleans(), st.floats(0, 20_000), st.booleans())
def test_reversible_actions_are_held_only_by_a_record_that_says_hold(records, has_heartbeat, now_s, reversible):
    memory = remember(records)
    if has_heartbeat:
        beat = Heartbeat(partition=0, position=1, stream_time=START, log_time=START, lag_s=0)
        memory.apply(b"heartbeat/0", msgspec.json.encode(beat), now_s=0.0, wall_s=0.0, live=True)
    decision = decide(memory, Rules(), Asked("p", "ban", reversible=reversible, subject_id="u"), now_s=now_s)
    demand = memory.of("p")[WHOLE].demand
    if reversible and not decision.allow:
        assert demand >= Demand.PROBE
    if demand is Demand.HOLD and has_heartbeat and now_s <= 120:
        assert not decision.allow


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.binary(max_size=40))
def test_no_content_of_a_record_raises(value, key):
    memory = Memory()
    memory.apply(key, value, now_s=0.0, wall_s=0.0, live=True)
    assert memory.counts.records == 1
