"""A time range of a topic, with a broker made of lists."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from confluent_kafka import Producer

from detector.backtest.read import Reader
from detector.backtest.topic import FULL, Topic, is_topic
from detector.broker import PARTITIONS, EmbeddedBroker
from detector.errors import BrokenWorld, ConfigError
from detector.wire import adapters
from tests.unit.backtest.made_up import HOUR_MS, START_MS, action, events, lines

NOW_MS = START_MS + 100_000 * HOUR_MS


class Broker:
    """Partitions of records, one list each, written at the hour of the event; a poll gives some of one of them."""

    def __init__(self, *partitions, silent=False):
        self.partitions = dict(enumerate(partitions))
        self.places, self.paused, self.closed = {}, set(), False
        self.silent = silent

    def partitions_for_topic(self, name):
        return set(self.partitions) if name == "events" else None

    def assign(self, partitions):
        self.of = {each.partition: each for each in partitions}

    def beginning_offsets(self, partitions):
        return dict.fromkeys(partitions, 0)

    def end_offsets(self, partitions):
        return {each: len(self.partitions[each.partition]) for each in partitions}

    def offsets_for_times(self, times):
        found = {}
        for each, at_ms in times.items():
            later = [i for i, hour in enumerate(self.partitions[each.partition]) if START_MS + hour * HOUR_MS >= at_ms]
            found[each] = SimpleNamespace(offset=later[0]) if later else None
        return found

    def seek(self, partition, offset):
        self.places[partition] = offset

    def position(self, partition):
        return self.places[partition]

    def pause(self, *partitions):
        self.paused |= set(partitions)

    def resume(self, *partitions):
        self.paused -= set(partitions)

    def poll(self, timeout_ms):
        assert timeout_ms > 0
        for partition, place in self.places.items():
            hours = self.partitions[partition.partition][place : place + 500]
            if hours and partition not in self.paused and not self.silent:
                self.places[partition] += len(hours)
                return {partition: [self.record(partition, place + i, hour) for i, hour in enumerate(hours)]}
        return {}

    def record(self, partition, offset, hour):
        value = lines([action(f"{partition.partition}-{offset}", START_MS + hour * HOUR_MS)]).strip()
        return SimpleNamespace(offset=offset, value=value, headers=[], timestamp=START_MS + hour * HOUR_MS)

    def close(self):
        self.closed = True


def hours(broker, from_hour=None, to_hour=None):
    span = [None if hour is None else START_MS + hour * HOUR_MS for hour in (from_hour, to_hour)]
    topic = Topic("kafka://127.0.0.1:9092/events", *span, connect=lambda _: broker)
    reader = Reader(topic.sources(), lambda: adapters.build("native"), NOW_MS, tuple(span))
    found = [(event.time - START_MS) // HOUR_MS for batch in reader.batches() for event in batch]
    topic.close()
    return found


def test_partitions_are_merged_by_time():
    assert hours(Broker([1, 4, 5], [2, 3, 6])) == [1, 2, 3, 4, 5, 6]


def test_the_range_is_of_event_times():
    assert hours(Broker([1, 3, 5, 7, 9], [2, 4]), from_hour=3, to_hour=7) == [3, 4, 5]


def test_a_range_after_all_records_is_empty():
    assert hours(Broker([1], [2]), from_hour=5) == []


def test_a_partition_of_which_the_broker_does_not_tell_where_a_time_begins_is_read():
    broker = Broker([1, 3, 5], [2, 4, 6])
    broker.offsets_for_times = dict.fromkeys  # what the client says of a partition without a known leader, too

    assert hours(broker, from_hour=3, to_hour=5) == [3, 4]


def test_a_partition_that_is_far_ahead_waits():
    broker = Broker(list(range(3 * FULL)), [3 * FULL])
    found = hours(broker)

    assert found == [*range(3 * FULL), 3 * FULL]
    assert broker.closed
    assert not broker.paused


def test_an_empty_partition_is_no_hindrance():
    assert hours(Broker([], [1])) == [1]


def test_offsets_that_hold_no_record_are_passed():
    broker = Broker([1, 2])
    ends = broker.end_offsets
    broker.end_offsets = lambda partitions: {each: end + 1 for each, end in ends(partitions).items()}
    broker.position = lambda _: 3

    assert hours(broker) == [1, 2]


def test_a_broker_that_gives_nothing_is_said_to_stop():
    with pytest.raises(
        BrokenWorld, match="topic events, partition 0: no record from offset 0 on in 60 s, the end is 2"
    ):
        hours(Broker([1, 2], silent=True))


def test_a_topic_that_is_not_there_is_said_not_to_be():
    topic = Topic("kafka://127.0.0.1:9092/other", None, None, connect=lambda _: Broker([1]))
    with pytest.raises(BrokenWorld, match=r"topic other does not exist on 127\.0\.0\.1:9092"):
        topic.sources()


@pytest.mark.parametrize("url", ["kafka://", "kafka://host:1", "kafka://host:1/a/b", "kafka:///topic"])
def test_an_address_that_names_no_topic_is_refused(url):
    assert is_topic(url)
    with pytest.raises(ConfigError, match="must look like kafka://host:port/topic"):
        Topic(url, None, None)


def test_a_bad_record_is_told_by_topic_partition_and_offset():
    broker, told = Broker([1, 2]), []
    record = broker.record
    broker.record = lambda *place: SimpleNamespace(**{**vars(record(*place)), **({"value": b"{"} if place[1] else {})})
    sources = Topic("kafka://127.0.0.1:9092/events", None, None, connect=lambda _: broker).sources()
    list(Reader(sources, lambda: adapters.build("native"), NOW_MS, tell=told.append).batches())

    assert [each.place for each in told] == ["events:0:1"]


def test_a_topic_of_a_real_endpoint_holds_the_same_events_as_the_file():
    some = lines(events()[:700]).splitlines()
    with EmbeddedBroker() as broker:
        broker.touch("events")
        producer = broker.producer()
        for number, line in enumerate(some):
            producer.produce("events", line, partition=number % PARTITIONS)
        producer.flush()
        topic = Topic(f"kafka://{broker.bootstrap}/events", None, None)
        reader = Reader(topic.sources(), lambda: adapters.build("native"), NOW_MS)
        found = [event.id for batch in reader.batches() for event in batch]
        topic.close()

    assert found == [event.id for event in events()[:700]]


@pytest.mark.kafka
def test_a_range_of_a_topic_on_kafka_is_the_same_range_of_the_file(topics):
    name, some = topics.create("backtest", partitions=PARTITIONS, retention_ms="-1"), events()[:700]
    producer = Producer({"bootstrap.servers": topics.bootstrap, "compression.type": "zstd", "log_level": 0})
    for number, (event, line) in enumerate(zip(some, lines(some).splitlines(), strict=True)):
        producer.produce(name, line, partition=number % PARTITIONS, timestamp=event.time)
    producer.flush()
    span = some[350].time, some[350].time + HOUR_MS
    topic = Topic(f"kafka://{topics.bootstrap}/{name}", *span)
    reader = Reader(topic.sources(), lambda: adapters.build("native"), NOW_MS, span)
    found = [event.id for batch in reader.batches() for event in batch]
    topic.close()

    assert found == [event.id for event in some if span[0] <= event.time < span[1]]
    assert 0 < reader.quality().outside < len(some) // 2
