"""Counts of a history, against counting one by one."""

from __future__ import annotations

import numpy as np
import pytest

from detector.backtest.census import Census
from detector.backtest.part import COLUMNS, Book, Part
from detector.backtest.score import Incident
from detector.events import KINDS
from detector.policy import DIMENSIONS
from detector.wire import log
from detector.wire.rows import RowsBuilder
from tests.unit.backtest import made_up

MINUTE_MS = 60_000


def parts(book, seed, chunk):
    rng = np.random.default_rng(seed)
    codes = np.array([book.policies.code(name) for name in ("spam", "hashes", "never")])
    count = 3000
    times_ms = np.sort(rng.integers(0, 600 * MINUTE_MS, count))
    policy, action, automated = codes[rng.integers(0, 2, count)], rng.random(count) < 0.9, rng.random(count) < 0.5
    whole = Part(times_ms, policy, action, automated, {})
    return whole, [whole.where(np.arange(i, min(i + chunk, count))) for i in range(0, count, chunk)]


@pytest.mark.parametrize("chunk", [1, 70, 5000])
def test_counts_and_spans_are_those_of_the_whole(chunk):
    book = Book()
    whole, some = parts(book, 3, chunk if chunk > 1 else 13)
    incidents = [Incident("spam", 100 * MINUTE_MS, 150 * MINUTE_MS), Incident("gone", 0, 9 * MINUTE_MS)]
    census = Census(book, incidents, 5000)
    for part in some:
        census.add(part)
    spam = (whole.policy == book.policies.code("spam")) & whole.action
    times_ms = whole.time_ms[spam]

    assert census.tallies()["spam"] == (
        (whole.policy == book.policies.code("spam")).sum(), spam.sum(), (spam & whole.automated).sum(),
    )  # fmt: skip
    assert census.exposure()["spam"] == (spam.sum(), times_ms.min(), times_ms.max())
    assert (census.first_ms, census.last_ms) == (whole.time_ms.min(), whole.time_ms.max())
    mine, none = census.hits()
    times_ms = whole.time_ms[spam & whole.automated]
    inside = times_ms[(times_ms >= 100 * MINUTE_MS) & (times_ms <= 150 * MINUTE_MS)]
    assert mine.number.sum() == len(inside)
    for at_ms in range(100 * MINUTE_MS, 151 * MINUTE_MS, 35_000):
        assert mine.before(at_ms) == (inside < at_ms).sum()
    assert none.number.sum() == 0


def test_a_policy_that_never_acted_has_no_exposure():
    book = Book()
    whole, _ = parts(book, 1, 100)
    census = Census(book, [], 5000)
    census.add(whole)

    assert census.exposure().keys() == {"spam", "hashes"}


def test_every_dimension_of_a_scope_has_its_column():
    assert set(COLUMNS) == set(DIMENSIONS)
    assert set(COLUMNS.values()) == set(log.DIMENSIONS)


def test_a_part_holds_what_the_rows_say_and_a_repeated_event_once():
    events = [
        made_up.action(1, made_up.START_MS, region="AT", signal_id="s", model_id="m", model_version="2"),
        made_up.action(1, made_up.START_MS + 5, region="AT"),
        made_up.action(2, made_up.START_MS + 9, client="web"),
        made_up.deploy(made_up.START_MS + 10, "hashes", "9"),
    ]
    builder = RowsBuilder(1, bytes(16))
    builder.add_all(0, range(4), events)
    (message,) = builder.build({0: 3}, lambda *_: -1)
    book = Book()
    part = book.part(log.decode(message.value))

    assert (part.time_ms - made_up.START_MS).tolist() == [0, 9, 10]
    assert part.action.tolist() == [True, True, False]
    assert part.automated.tolist() == [True, True, False]
    assert [book.policies.names[code] for code in part.policy] == ["spam", "spam", "hashes"]
    said = {name: [book.values[name].names[code] for code in column] for name, column in part.values.items()}
    assert said == {
        "rule_version": ["spam@1", "spam@1", "hashes@9"],
        "model_version": ["m@2", "", ""],
        "signal": ["s", "", ""],
        "region": ["AT", "", ""],
        "client": ["", "web", ""],
        "action_type": ["remove", "remove", ""],
    }
    assert len(KINDS) > 1
