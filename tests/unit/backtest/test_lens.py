"""A closer look: as exact as small ticks are, and without a trace in what it looks at."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np

from detector.backtest.history import Writer, chunks
from detector.backtest.lens import MOST_STEPS, Lens
from detector.backtest.watch import on_event_time
from detector.fold import Fold
from detector.fold.figures import figures
from detector.policy import Ruleset
from detector.wire import log
from tests.unit.backtest.made_up import DAY_MS, HOUR_MS, MINUTE_MS, START_MS, action, events

WAVE_MS = START_MS + DAY_MS + 10 * HOUR_MS


def wave():
    """Twenty actions an hour for a day and ten hours, then two hundred within ten minutes."""
    usual = [action(i, at_ms) for i, at_ms in enumerate(range(START_MS, WAVE_MS + 2 * HOUR_MS, 3 * MINUTE_MS))]
    more = [action(f"w{i}", WAVE_MS + 20 * MINUTE_MS + i * 3000) for i in range(200)]
    return sorted([*usual, *more], key=lambda each: each.time)


def records(some):
    ruleset = on_event_time(Ruleset())
    writer = Writer(ruleset.stream)
    pieces = chunks([some], int(ruleset.stream.lateness_s * 1000))
    return [writer.begin(ruleset), *itertools.chain.from_iterable(map(writer.records, pieces)), *writer.end()]


def passed(some, look):
    """What a fold says, and what a lens saw at the ticks that `look` chose, by number."""
    lens, fold, seen, said = Lens(), Fold(on_event_time(Ruleset()).stream), {}, []
    fold.assign(0, {})
    for number, record in enumerate(records(some)):
        lens.note(fold, record)
        said += fold.apply([record]).alerts
        if isinstance(record.value, log.Tick) and look(number):
            seen[number] = list(lens.look())
    return said, seen, fold


@cache
def every_minute():
    """What a lens saw of the wave at every tick."""
    return passed(wave(), lambda _: True)[1]


def test_a_wave_is_seen_in_the_minute_in_which_it_comes():
    looks = every_minute().values()
    strength = {int(f.settled_ms[0]): float(f.strength[0]) for look in looks for f in look if f.ids}
    before, during = WAVE_MS + 20 * MINUTE_MS, WAVE_MS + 25 * MINUTE_MS

    assert strength[before] < 0.01
    assert strength[during] > 1


def test_looking_changes_nothing_of_what_is_said():
    said, seen, fold = passed(events(), lambda number: number % 21 == 0)
    unseen, nothing, other = passed(events(), lambda _: False)

    assert (said, nothing) == (unseen, {})
    assert len(seen) > 3
    assert all(np.array_equal(a, b) for a, b in zip(figures(fold)[1:], figures(other)[1:], strict=True))


def test_a_look_ends_where_the_fold_is():
    reached = []
    lens, fold = Lens(), Fold(on_event_time(Ruleset()).stream)
    fold.assign(0, {})
    for record in records(wave()):
        lens.note(fold, record)
        fold.apply([record])
        if isinstance(record.value, log.Tick):
            *_, last = lens.look()
            reached.append((last.settled_ms.tolist(), figures(fold).settled_ms.tolist()))

    assert reached
    assert all(copy == own for copy, own in reached)


def test_how_long_ago_the_copy_was_made_does_not_matter():
    near = every_minute()
    _, far, _ = passed(wave(), lambda number: number % 14 == 0)

    assert len(far) > 1

    for number, look in far.items():
        assert [f.settled_ms.tolist() for f in look] == [f.settled_ms.tolist() for f in near[number]]
        for one, other in zip(look, near[number], strict=True):
            np.testing.assert_array_equal(one.strength, other.strength)


def test_a_long_silence_is_gone_through_in_longer_steps():
    some = [action(i, START_MS + i * MINUTE_MS) for i in range(60)]
    _, seen, _ = passed([*some, action("late", START_MS + 6 * DAY_MS)], lambda _: True)

    assert MOST_STEPS // 2 < max(map(len, seen.values())) <= MOST_STEPS + 2
