"""Chunks of a history, and the log that is written of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detector.backtest.history import HOUR_MS, MOST, Writer, chunks, times
from detector.events import Deploy
from detector.policy import StreamSettings
from detector.wire import log
from tests.unit.backtest.made_up import DAY_MS, MINUTE_MS, START_MS, action, deploy

LATENESS_MS = 120_000


def at(*minutes):
    return [action(number, START_MS + minute * MINUTE_MS) for number, minute in enumerate(minutes)]


def cut(*batches):
    return [[(times(each) - START_MS) // MINUTE_MS for each in chunk.events] for chunk in chunks(batches, LATENESS_MS)]


def test_an_hour_is_cut_just_behind_the_lateness():
    assert cut(at(1, 30, 61), at(62, 63, 121, 122)) == [[1], [30, 61], [62, 63, 121], [122]]


def test_a_busy_hour_is_cut_by_number():
    assert [len(chunk) for chunk in cut(at(*[5] * (2 * MOST + 1)))] == [MOST, MOST, 1]


def test_disorder_does_not_cut():
    assert cut(at(62, 60, 61, 59, 61)) == [[62, 60, 61, 59, 61]]


def test_a_stray_event_of_the_future_takes_nothing_with_it():
    assert cut(at(5, 90_000, 6, 7, 61), at(62)) == [[5], [90_000, 6, 7, 61], [62]]


def test_a_deploy_begins_a_chunk_and_the_minutes_before_it_are_fed_alone():
    changed = deploy(START_MS + 40 * MINUTE_MS, "spam", "2")
    also = deploy(START_MS + 40 * MINUTE_MS, "hashes", "7")

    assert cut([*at(3, 20, 31, 33, 39), changed, also, *at(41)]) == [[3, 20, 31], [33, 39], [40, 40, 41]]


def test_chunks_are_lazy():
    def batches():
        yield at(3)
        yield at(70)
        raise AssertionError("read too far")

    assert next(chunks(batches(), LATENESS_MS)).low_ms == START_MS + 3 * MINUTE_MS


@given(st.lists(st.integers(0, 600), max_size=60), st.lists(st.integers(0, 600), max_size=5), st.integers(1, 20))
def test_chunks_hold_every_event_once(minutes, changes, width):
    events = [
        *at(*minutes),
        *(deploy(START_MS + minute * MINUTE_MS, "spam", str(n)) for n, minute in enumerate(changes)),
    ]
    events.sort(key=times)
    batches = [events[i : i + width] for i in range(0, len(events), width)]
    found = list(chunks(batches, LATENESS_MS))

    assert [each.id for chunk in found for each in chunk.events] == [each.id for each in events]
    assert all(min(map(times, chunk.events)) == chunk.low_ms for chunk in found)
    assert all(max(map(times, chunk.events)) - chunk.low_ms <= HOUR_MS for chunk in found)
    for chunk in found:
        kinds = [type(each) is Deploy for each in chunk.events]
        assert kinds == sorted(kinds, reverse=True)


def ticks(writer, *batches):
    found = [each for chunk in chunks(batches, LATENESS_MS) for each in writer.records(chunk)]
    return [each.value.sources[0].newest_ms - START_MS for each in found if isinstance(each.value, log.Tick)]


def test_a_silence_passes_before_what_ends_it():
    found = ticks(Writer(StreamSettings(clock="events")), at(3), at(10 * 1440))

    assert found == [3 * MINUTE_MS, 10 * DAY_MS, 10 * DAY_MS]


def test_a_stray_event_of_the_future_does_not_move_the_clock():
    assert max(ticks(Writer(StreamSettings(clock="events")), at(3, 90_000, 4))) == 4 * MINUTE_MS


def test_the_end_is_late_enough_for_the_last_bucket():
    stream = StreamSettings(clock="events")
    writer = Writer(stream)
    ticks(writer, at(3))
    (last,) = writer.end()

    assert last.value.sources[0].newest_ms >= START_MS + 3 * MINUTE_MS + (stream.lateness_s + stream.bucket_s) * 1000


def test_offsets_run_on_through_rows_and_ticks():
    writer = Writer(StreamSettings())
    found = [each for chunk in chunks([at(3, 70, 140)], LATENESS_MS) for each in writer.records(chunk)]

    assert [each.offset for each in found] == list(range(len(found)))
    through = [each.value.ranges[0] for each in found if isinstance(each.value, log.Rows)]
    assert through == [(0, -1, 0), (0, 0, 1), (0, 1, 2)]
