"""The table takes the highest log position of a key, from the partitions that it holds."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from faust.types import TP

from detector.stream.app import App
from detector.stream.vitals import Vitals
from tests.stream.doubles import SETTINGS, run

CHANGELOG = "detector-policies-changelog"


@pytest.fixture
def table():
    app = App(SETTINGS, Vitals(10), release=None)
    app.policies._active.add(TP(CHANGELOG, 1))
    return app.policies


def event(value, partition=1, offset=0, key=b"policy/a"):
    return SimpleNamespace(message=SimpleNamespace(partition=partition, key=key, value=value, offset=offset))


def at(position, body=b"x"):
    return position.to_bytes(8, "big", signed=True) + body


def test_the_changelog_has_the_name_and_count_that_topics_create_gives_it(table):
    assert table.changelog_topic_name == CHANGELOG


@pytest.mark.parametrize("order", [(5, -1, 7, 6), (7, 6, 5, -1)])
def test_the_highest_position_wins_in_any_order(table, order):
    table.apply_changelog_batch([event(at(position), offset=i) for i, position in enumerate(order)])
    assert table.values_of(1) == {b"policy/a": at(7)}
    assert table.persisted_offset(TP(CHANGELOG, 1)) == 3


def test_of_one_position_the_later_value_stays_the_first(table):
    table.apply_changelog_batch([event(at(5, b"1")), event(at(5, b"2"))])
    assert table.values_of(1)[b"policy/a"] == at(5, b"1")


@pytest.mark.parametrize("bad", [event(None), event(b"short"), event(at(9), key=None), event(at(9), partition=2)])
def test_what_is_no_value_of_a_held_partition_is_ignored_and_counted(table, bad):
    table.apply_changelog_batch([event(at(5)), bad])
    assert (table.values_of(1), table.values_of(2), table.ignored) == ({b"policy/a": at(5)}, {}, 1)


def test_what_went_to_others_is_forgotten(table):
    table.apply_changelog_batch([event(at(5))])
    run(table.on_rebalance({TP(CHANGELOG, 1)}, set(), set()))
    assert table.values_of(1)
    run(table.on_rebalance({TP(CHANGELOG, 2)}, {TP(CHANGELOG, 1)}, {TP(CHANGELOG, 2)}))
    assert table.values_of(1) == {}
    assert table.persisted_offset(TP(CHANGELOG, 1)) is None
