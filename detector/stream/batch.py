"""What one poll brought of one topic: the unit in which agents work."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import faust
from faust.types import TP, ConsumerMessage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiokafka.structs import ConsumerRecord
    from faust.types import AppT, Message

    from detector.stream.consumer import FoldConsumer


class Batch:
    """Records by partition, in offset order. `with batch:` around the step tells the consumer when it is done.

    `epoch` counts the consumer's seeks to the committed offsets: another epoch than the last batch's means that reading
    began afresh, so what was kept about positions must be read again.
    """

    __slots__ = ("_consumer", "epoch", "records", "topic")

    def __init__(
        self, consumer: FoldConsumer, topic: str, epoch: int, records: Mapping[int, Sequence[ConsumerRecord]]
    ) -> None:
        self._consumer = consumer
        self.topic = topic
        self.epoch = epoch
        self.records = records

    def __enter__(self) -> None:
        self._consumer.begin_step(self)

    def __exit__(self, *_: object) -> None:
        self._consumer.end_step(self)

    def __len__(self) -> int:
        return sum(map(len, self.records.values()))


class Lead(NamedTuple):
    """The partition and offset under which Faust's machinery knows a batch."""

    tp: TP
    offset: int


def as_message(batch: Batch, lead: Lead, generation_id: int) -> ConsumerMessage:
    """The batch as the one Faust message that carries it."""
    topic, partition = lead.tp
    carried = cast("bytes", batch)  # Faust only hands it on
    return ConsumerMessage(
        topic, partition, lead.offset, 0.0, 0, {}, None, carried, None, 0, 0, tp=lead.tp, generation_id=generation_id
    )


class RawSchema(faust.Schema[None, Batch]):
    """Hands the message's value on as it is, so that no decode error can acknowledge and drop a record."""

    def loads_key(self, app: AppT, message: Message, **_: object) -> None:
        """No key: a batch holds many records."""

    def loads_value(self, app: AppT, message: Message, **_: object) -> Batch:  # noqa: ARG002 - Faust's signature
        """The value itself."""
        return cast("Batch", message.value)
