"""`detector tail`: follows the alerts or the breakers, one line a record."""

from __future__ import annotations

import os
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Final

import click
import msgspec
from kafka import KafkaConsumer, TopicPartition

from detector.cli import words
from detector.cli.options import settings_options
from detector.config.setting_types import CONNECTION
from detector.config.settings import load
from detector.errors import BrokenWorld
from detector.kafka import broker_errors, consumer_options
from detector.logs import clean
from detector.wire.cloudevents import HEARTBEAT_PREFIX, parse_alert, parse_breaker_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka.consumer.fetcher import ConsumerRecord

    from detector.config.setting_types import Settings
    from detector.events import Alert, Breaker, Heartbeat

POLL_MS: Final = 200


@click.command()
@click.argument("what", type=click.Choice(["alerts", "breakers"]))
@click.option("--from-start", is_flag=True, help="Begin with the oldest record instead of what comes next.")
@click.option("--heartbeats", is_flag=True, help="With `breakers`: show heartbeats too.")
@click.option("--json", "as_json", is_flag=True, help="Print each record's JSON as it stands in the topic.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N records.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), metavar="N", help="End after N seconds.")
@settings_options(*CONNECTION, "alerts_topic", "breakers_topic")
def command(
    what: str,
    from_start: bool,
    heartbeats: bool,
    as_json: bool,
    count: int | None,
    seconds: float | None,
    **flags: object,
) -> None:
    """Follow alerts or breakers until Ctrl-C: time, scope, states, directive, reason, evidence."""
    settings = load(os.environ, flags)
    topic = settings.alerts_topic if what == "alerts" else settings.breakers_topic
    deadline_s = None if seconds is None else time.monotonic() + seconds
    shown = 0
    with suppress(KeyboardInterrupt), _open(settings, topic, from_start=from_start) as consumer:
        for record in _records(consumer, deadline_s):
            if not _wanted(record, what, heartbeats=heartbeats):
                continue
            _show(record, what, as_json=as_json)
            shown += 1
            if shown == count:
                break


@contextmanager
def _open(settings: Settings, topic: str, *, from_start: bool) -> Iterator[KafkaConsumer]:
    """A consumer of all partitions, without a group. Raises `BrokenWorld` without broker or topic."""
    with broker_errors(settings), closing(KafkaConsumer(**consumer_options(settings))) as consumer:
        partitions = [TopicPartition(topic, each) for each in consumer.partitions_for_topic(topic) or ()]
        if not partitions:
            raise BrokenWorld(f"topic {topic} does not exist on {settings.bootstrap}; make it: detector topics create")
        consumer.assign(partitions)
        if from_start:
            consumer.seek_to_beginning(*partitions)
        else:
            for partition, end in consumer.end_offsets(partitions).items():
                consumer.seek(partition, end)
        yield consumer


def _records(consumer: KafkaConsumer, deadline_s: float | None) -> Iterator[ConsumerRecord]:
    while deadline_s is None or time.monotonic() < deadline_s:
        for batch in consumer.poll(timeout_ms=POLL_MS).values():
            yield from batch


def _wanted(record: ConsumerRecord, what: str, *, heartbeats: bool) -> bool:
    """Whether to show it. A record without a value only clears its key."""
    beats = what == "breakers" and (record.key or b"").startswith(HEARTBEAT_PREFIX)
    return record.value is not None and (heartbeats or not beats)


def _show(record: ConsumerRecord, what: str, *, as_json: bool) -> None:
    """Prints the record; one that another version wrote, in words unknown here, is named on stderr."""
    try:
        click.echo(msgspec.json.format(record.value, indent=-1) if as_json else words.line(_parsed(record, what)))
    except msgspec.MsgspecError as error:
        place = f"partition {record.partition} offset {record.offset}"
        click.echo(clean(f"unreadable record, {place}: {error}"), err=True)


def _parsed(record: ConsumerRecord, what: str) -> Alert | Breaker | Heartbeat:
    return parse_alert(record.value) if what == "alerts" else parse_breaker_record(record.key or b"", record.value)
