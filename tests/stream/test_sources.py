"""What intake knows of its source partitions, and what ticks may say of it."""

from __future__ import annotations

from detector.stream.sources import Sources
from detector.wire.log import SourceReport
from detector.wire.pieces import Message


def sources(**committed):
    found = Sources(log_partitions=4)
    found.begin(1, {int(name[1:]): at for name, at in committed.items()})
    return found


def test_ranges_begin_at_the_commit():
    found = sources(s0=10, s1=None)
    assert [found.prev(partition, 0) for partition in range(4)] == [9] * 4
    assert found.prev(0, 1) == -1


def test_a_log_partition_was_told_what_was_sent_to_it_and_no_more():
    found = sources(s0=0)
    found.acknowledge({0: 19}, {0: 5}, [Message(2, [(0, -1, 19)], 1, b"")])
    assert [found.prev(partition, 0) for partition in range(4)] == [-1, -1, 19, -1]


def test_a_report_says_what_was_acknowledged_and_never_an_end_before_it():
    found = sources(s0=0, s1=7)
    found.acknowledge({0: 19}, {0: 500}, [])
    found.acknowledge({0: 29}, {0: 400}, [])
    assert found.reports({0: 25, 1: 9}.get) == [SourceReport(0, 29, 30, 500), SourceReport(1, 6, 9, 0)]


def test_there_is_no_report_while_an_end_is_unknown():
    assert sources(s0=0, s1=0).reports({0: 25}.get) is None


def test_a_stalled_source_is_reported_as_such():
    found = sources(s0=0)
    found.stall(0)
    assert found.reports({0: 25}.get) == [SourceReport(0, -1, 25, 0, stalled=True)]


def test_only_another_epoch_begins_afresh():
    found = sources(s0=0)
    found.acknowledge({0: 19}, {0: 500}, [])
    found.begin(1, {0: 3})
    assert found.reports({0: 25}.get)[0].through == 19
    found.begin(2, {0: 3})
    assert found.reports({0: 25}.get)[0].through == 2
