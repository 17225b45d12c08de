"""The made-up events and oracles of the benchmarks, against the input contract and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from detector.wire import log
from detector.wire.rows import RowsBuilder
from tests.bench import shape_events as made
from tests.bench import shape_scenes, shapes, steps
from tests.bench.shape_events import HOUR_MS, START_MS, World

HASHED = ("subject", "event")


def _traffic() -> made.Rows:
    chance, world = np.random.default_rng(3), World(60.0, evaluated=True)
    acts = made.ordinary(chance, world, START_MS, START_MS + 6 * HOUR_MS)
    parts = [acts, made.aftermath(chance, acts, made.USUAL._replace(appealed=0.3)), made.deploy(chance, START_MS, 5)]
    return made.arranged(np.concatenate([*parts, made.evaluations(chance, np.array([7, 9]), START_MS)]))


def test_columns_say_what_the_same_events_say_by_the_input_contract():
    known, due = made.names("spam"), _traffic()
    builder = RowsBuilder(1, bytes(16))
    for offset, event in enumerate(made.natives(due, known)):
        builder.add(0, offset, event)
    (message,) = builder.build({0: len(due) - 1}, lambda *_: -1)
    theirs, ours = log.decode(message.value), made.rows(due, known, -1)
    assert isinstance(theirs, log.Rows)
    names = {"policy": "policies", **log.DIMENSIONS}
    for name in log.COLUMNS:
        values = [(each.column(name), getattr(each, names.get(name, ""), None)) for each in (theirs, ours)]
        if name not in HASHED:
            read = [column.tolist() if words is None else [words[code] for code in column] for column, words in values]
            assert read[0] == read[1], name


def test_counts_have_the_dispersion_and_the_mean_that_was_asked_for():
    rate = np.full(20_000, 600.0)
    times = made.moments(np.random.default_rng(1), rate, 0, 3.0)
    counts = np.bincount(times // made.MINUTE_MS, minlength=20_000)
    assert counts.mean() == pytest.approx(10, rel=0.03)
    assert counts.var() / counts.mean() == pytest.approx(3, rel=0.05)


def test_every_shape_can_be_drawn_and_its_wrongful_actions_begin_with_the_onset():
    for number, shape in enumerate(shape_scenes.SHAPES):
        world = shape.world._replace(per_h=min(shape.world.per_h, 60.0))
        scene = shape.draw(np.random.default_rng(number), world, 1)
        assert scene.onset_ms <= scene.until_ms <= scene.end_ms
        assert len(scene.wrong) == 0 or scene.wrong["time"].min() >= scene.onset_ms


def test_a_duplicate_keeps_its_identity_and_a_late_row_its_time():
    due, variant = _traffic(), shapes.Variant(versions=True, twice=True, late=True)
    arriving = shapes.arriving(np.random.default_rng(1), due.copy(), variant)
    assert len(arriving) == 2 * len(due)
    assert set(arriving["event"]) == set(due["event"])
    late = arriving[: len(due)]["arrives"] - due["time"] >= shapes.LATE_MS
    assert late.mean() == pytest.approx(shapes.LATE_SHARE, abs=0.06)


def test_the_bound_is_that_of_the_formula_for_a_steady_poisson_excess():
    steady = np.full(20_000, 60.0), np.full(20_000, 1.0)
    empty = np.empty(0, made.EVENT)
    scene = shape_scenes.Scene(empty, 0, 0, 0, empty, *steady)
    line_h, ratio = shapes.YEAR_S / 3600 / 0.1, 2.0
    information = 60 * (ratio * np.log(ratio) - ratio + 1)
    other_way = 60 * (ratio - 1 - np.log(ratio))
    expected_min = np.log(line_h * other_way) / information * 60
    assert shapes.bound(scene, 1.0) / made.MINUTE_MS == pytest.approx(expected_min, abs=1.01)


@pytest.mark.parametrize(("phi", "kind"), [(1.0, "more"), (4.0, "more"), (4.0, "larger")])
def test_the_oracles_line_has_the_time_between_false_alarms_that_it_was_made_for(phi, kind):
    stream, line_h = steps.Stream(10.0, phi, 3.0, kind), 20.0
    line = steps.oracle_line(stream, line_h, np.random.default_rng(1), 3000)
    measured = steps.oracle_h(stream, line, np.array([1.0]), 600, np.random.default_rng(2), 100_000)
    assert 0.8 <= measured.mean() / line_h <= 1.4  # counts are whole: the next time above it that a line can have


def test_our_evidence_keeps_its_promise_where_it_can_be_measured():
    assert steps.between_false_trips(2.0, 200, 300, 1) >= 1
