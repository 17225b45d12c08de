"""Sources as one flow of events: order, bad lines, time ranges, and how little of them is held."""

from __future__ import annotations

import pytest

from detector.backtest.read import SHOWN, Reader
from detector.backtest.sources import Block, StdinSource, named
from detector.errors import ConfigError
from detector.wire import adapters
from tests.unit.backtest.made_up import HOUR_MS, START_MS, action, lines

NOW_MS = START_MS + 1000 * HOUR_MS


class Memory:
    """A source of blocks in memory that knows how far it was read."""

    rewinds = True

    def __init__(self, name, *blocks):
        self.name = name
        self.taken = 0
        self._blocks = blocks

    def blocks(self, _advance):
        for number, values in enumerate(self._blocks):
            self.taken = number + 1
            yield Block(values, range(1, len(values) + 1))


def block(*hours, policy="spam"):
    return lines([action(f"{hour}", START_MS + hour * HOUR_MS, policy) for hour in hours]).splitlines()


def reader(*sources, **more):
    return Reader(sources, lambda: adapters.build("native"), NOW_MS, **more)


def hours(some):
    return [(event.time - START_MS) // HOUR_MS for batch in some.batches() for event in batch]


def test_sources_are_merged_by_time_whatever_their_order():
    late, early = Memory("b", block(4, 5), block(6)), Memory("a", block(1, 2), block(3))

    assert hours(reader(late, early)) == [1, 2, 3, 4, 5, 6]


def test_sources_that_overlap_are_merged_event_by_event():
    assert hours(reader(Memory("a", block(1, 4, 7)), Memory("b", block(2, 3, 8, 9)))) == [1, 2, 3, 4, 7, 8, 9]


def test_disorder_within_a_source_is_kept():
    assert hours(reader(Memory("a", block(3, 1, 2)))) == [3, 1, 2]


def test_a_source_without_any_event_disturbs_nobody():
    assert hours(reader(Memory("a"), Memory("b", block(1)), Memory("c", [b"{}"]))) == [1]


def test_no_more_than_a_block_is_read_ahead():
    source = Memory("a", *[block(hour) for hour in range(50)])
    flow = reader(source).batches()

    for number in range(1, 10):
        next(flow)
        assert source.taken == number


def test_a_later_source_is_not_opened_before_its_turn_beyond_a_first_look():
    later = Memory("later", block(30), block(31))
    flow = reader(Memory("a", block(1), block(2), block(3)), later).batches()
    next(flow)

    assert later.taken == 1


def test_a_bad_line_is_told_by_place_and_reason_and_the_others_count():
    told = []
    good = block(1, 2)
    source = reader(Memory("f.ndjson", [good[0], b'{"kind": "action"}', good[1], b"no json"]), tell=told.append)

    assert hours(source) == [1, 2]
    assert [(each.place, each.reason) for each in told] == [("f.ndjson:2", "invalid_field"), ("f.ndjson:4", "not_json")]
    quality = source.quality()
    assert (quality.read, quality.events, quality.bad) == (4, 2, 2)
    assert quality.bad_reasons == {"invalid_field": 1, "not_json": 1}


def test_only_the_first_bad_lines_are_kept_but_all_are_counted():
    source = reader(Memory("f", block(*range(500)), [b"{"] * 100))
    hours(source)

    assert (len(source.quality().bad_lines), source.quality().bad) == (SHOWN, 100)


def test_a_source_of_nothing_but_bad_lines_stops_the_run():
    with pytest.raises(ConfigError, match=r"^f: holds almost nothing but bad records"):
        hours(reader(Memory("f", [b"{"] * 300)))


def test_a_source_that_turns_bad_stops_the_run():
    with pytest.raises(ConfigError):
        hours(reader(Memory("f", block(*range(200)), [b"{"] * 2000)))


def test_events_of_the_future_are_bad():
    source = reader(Memory("f", block(1, 2000)))

    assert hours(source) == [1]
    assert source.quality().bad_reasons == {"time_out_of_range": 1}


def test_the_range_has_its_begin_and_not_its_end():
    source = reader(Memory("a", block(1, 2, 3, 4)), span_ms=(START_MS + 2 * HOUR_MS, START_MS + 4 * HOUR_MS))

    assert hours(source) == [2, 3]
    assert (source.quality().events, source.quality().outside) == (2, 2)


def test_all_files_that_are_not_there_are_named_at_once(tmp_path):
    with pytest.raises(ConfigError) as error:
        named([str(tmp_path / "a"), "-", "-", str(tmp_path / "b")])

    assert [each.file.rpartition("/")[2] for each in error.value.problems] == ["a", "b", "-"]


def test_standard_input_is_read_like_a_file(tmp_path):
    path = tmp_path / "events"
    path.write_bytes(b"\n".join(block(1, 2)))
    with path.open("rb") as stream:
        assert hours(reader(StdinSource(stream))) == [1, 2]


def test_a_pipe_among_files_is_merged_too(tmp_path):
    path = tmp_path / "events"
    path.write_bytes(b"\n".join(block(2, 4)))
    with path.open("rb") as stream:
        assert hours(reader(StdinSource(stream), Memory("a", block(1, 3, 5)))) == [1, 2, 3, 4, 5]
