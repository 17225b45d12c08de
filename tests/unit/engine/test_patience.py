"""Patience only spares walks: it never outlasts the evidence that it stands for."""

from __future__ import annotations

import bisect
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.engine.columns import ROW
from detector.engine.judge import Lines
from detector.engine.links import LINK
from detector.engine.patience import LASTS_H, Patience
from detector.stats import evidence, surge

BUCKET_MS, AT = 5_000, 1_000
WIDTH_H = BUCKET_MS / 3_600_000
ROW_0 = np.array([0])


def standing(
    bets: list[float], surges: list[float], marks: int, *, phi: float = 2.0, rate: float = 0.0, bar: float = 0.0
) -> np.ndarray:
    """A row; the less is due, the less a bucket costs."""
    found = np.zeros(1, ROW)
    found["phi"], found["rate"], found["next_rate"] = phi, rate or 1e-3, 2 * rate or 1e-3
    found["bar"], found["next_bar"] = 2 * bar or 1e-3, bar or 1e-3
    found["evidence"], found["surge"], found["at"] = bets, surges, AT
    found["met"] = np.packbits(np.arange(256) < marks).view(np.uint64)
    found["deployed"] = -(2**40)
    return found


def renewed(now: np.ndarray, lines: Lines, *, full: bool = False) -> Patience:
    made, link = Patience(BUCKET_MS), np.zeros(1, LINK)
    link["window_h"] = 24.0
    made.renew(ROW_0, now, now, link, lines, np.array([full]))
    return made


def lines(volume: float, surging: float) -> Lines:
    return Lines(np.array([volume]), np.array([np.inf]), np.array([surging]))


def patient(made: Patience, count: int, newest: int = AT, oldest: int = AT) -> bool:
    return not made.lost(ROW_0, np.array([count]), np.array([oldest]), newest)[0]


levels = st.floats(1e-12, 3.0)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(levels, min_size=8, max_size=8),
    st.floats(1.0, 20.0),
    st.floats(0.5, 20_000.0),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=8),
)
def test_volume_stays_below_its_line_as_long_as_a_row_is_patient(bets, phi, rate, gaps_and_counts):
    line = 100.0
    made = renewed(standing(bets, [0.0] * 5, 0, phi=phi, rate=rate), lines(line, np.inf))
    level, bucket = np.array([bets]), AT
    # The count of the newest bucket may still grow: nothing of it is charged twice.
    first = evidence.bets(np.array([phi]))[0]
    for gap, count in gaps_and_counts:
        if not patient(made, count, bucket + gap, bucket + gap):
            return
        if gap == 0:
            level = level * np.exp(first * count)
        else:
            factor, offset = evidence.moves(
                np.array([float(count)]), np.array([gap - 1.0]), np.array([rate]), np.array([phi]), WIDTH_H
            )
            level, bucket = level * factor + offset, bucket + gap
        assert evidence.level_h(level)[0] < line


def most(made: Callable[[], Patience], newest: int) -> int:
    """The largest number of actions in a bucket that a row is patient of."""
    return bisect.bisect(range(2_000_000), 0, key=lambda count: int(not patient(made(), count, newest, newest))) - 1


exponents = st.floats(-12.0, 0.4)
gaps = st.integers(0, 60)


@settings(max_examples=300, deadline=None)
@given(st.lists(exponents, min_size=8, max_size=8), st.floats(1.0, 20.0), st.floats(-1.0, 6.5), gaps)
def test_as_many_actions_as_a_row_is_patient_of_may_come_at_once(exponents, phi, log_rate, gap):
    bets, rate, line = 10.0 ** np.array([exponents]), 10.0**log_rate, 100.0
    now = standing(bets[0].tolist(), [0.0] * 5, 0, phi=phi, rate=rate)
    count = most(lambda: renewed(now, lines(line, np.inf)), AT + gap)
    phis = np.array([phi])
    if gap:
        empty = np.array([gap - 1.0])
        factor, offset = evidence.moves(np.array([float(count)]), empty, np.array([rate]), phis, WIDTH_H)
        level = bets * factor + offset
    else:
        level = bets * np.exp(evidence.bets(phis)[0] * count)
    assert evidence.level_h(level)[0] < line


@settings(max_examples=300, deadline=None)
@given(st.lists(exponents, min_size=5, max_size=5), st.integers(0, 191), st.floats(-1.0, 6.0), gaps)
def test_as_many_new_people_as_a_row_is_patient_of_may_come_at_once(exponents, marks, log_bar, gap):
    surges, bar, line = 10.0 ** np.array([exponents]), 10.0**log_bar, 1_000.0
    now = standing([0.0] * 8, surges[0].tolist(), marks, bar=bar)
    count = most(lambda: renewed(now, lines(np.inf, line)), AT + gap)
    held = min(marks + count, 256)
    people = np.diff(surge.people(np.packbits(np.arange(256) < [[marks], [held]], axis=1).view(np.uint64)))
    people = np.where(held < 256, people, count)
    before, until, never = np.array([AT]), np.array([AT + gap]), np.array([-(2**40)])
    if gap:
        kept, _, added = surge.idle(before, until, never, np.array([bar]), WIDTH_H)
        level = (surges * kept + added + WIDTH_H) * surge.grown(people, np.array([bar]), WIDTH_H)
    else:
        level = surges * np.exp(np.multiply.outer(people, surge.GAIN))
    assert level.mean() < line


def test_patience_is_used_up_by_what_comes():
    made = renewed(standing([0.1] * 8, [0.1] * 5, 0), lines(1e4, 1e5))

    assert patient(made, 5)
    assert patient(made, 5)
    assert not patient(made, 1000)
    assert not patient(made, 0), "what it was wrong about stays uncertain until the row is walked"


@pytest.mark.parametrize(
    ("newest", "oldest"), [(AT, AT - 1), (AT + int(LASTS_H / WIDTH_H) + 1, AT)], ids=["late", "much later"]
)
def test_patience_holds_for_its_time_alone(newest, oldest):
    made = renewed(standing([0.1] * 8, [0.1] * 5, 0), lines(1e4, 1e5))

    assert not patient(made, 1, newest, oldest)


def test_rows_that_were_moved_otherwise_have_no_patience():
    made = renewed(standing([0.1] * 8, [0.1] * 5, 0), lines(1e4, 1e5))
    made.forget(0)

    assert not patient(made, 1)


def test_numbers_that_went_wrong_have_no_patience():
    assert not patient(renewed(standing([np.nan] * 8, [0.1] * 5, 0), lines(1e4, 1e5)), 1)


@pytest.mark.parametrize(("field", "window_h"), [("deployed", 24.0), ("deployed", 0.01), ("limit_max", 24.0)])
def test_a_recent_change_whose_mass_still_arrives_and_a_hard_limit_leave_no_patience(field, window_h):
    now, link, made = standing([0.1] * 8, [0.1] * 5, 0), np.zeros(1, LINK), Patience(BUCKET_MS)
    link["window_h"] = window_h
    (now if field == "deployed" else link)[field] = AT - 10
    made.renew(ROW_0, now, now, link, lines(1e4, 1e5), np.array([False]))

    assert not patient(made, 1)
