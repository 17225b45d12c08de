"""Stand-ins for the broker's side of a worker: they remember what they were asked, in order."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, NamedTuple

from detector.config.setting_types import Secret, Settings

SETTINGS = Settings(partitions=4, subject_key=Secret("k" * 16))


class Sent(NamedTuple):
    sink: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Outbox:
    """Takes everything; `sent` is in order, with "settled" where an acknowledgement was awaited."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def send(self, sink, topic, value, *, key=None, partition=None, headers=()):
        self.sent.append(Sent(sink, partition, key, value, tuple(headers)))
        return SimpleNamespace(offset=len(self.sent))

    async def settle(self, sink, sent):
        self.sent.append("settled")
        return list(sent)

    async def spread(self, value):
        for partition in range(SETTINGS.partitions):
            await self.send("log", "", value, partition=partition)
        await self.settle("log", [])

    def of(self, sink: str) -> list[Sent]:
        return [each for each in self.sent if isinstance(each, Sent) and each.sink == sink]


class Consumer:
    """Where reading began, and what was declared."""

    epoch = 1

    def __init__(self, committed=None, read=None) -> None:
        self.committed = committed or {}
        self.read = read or {}
        self.declared: dict[Any, int] = {}
        self.stalled: list[Any] = []

    def declare(self, epoch, floors):
        if epoch == self.epoch:
            self.declared.update(floors)

    def next_of(self, tp):
        return self.read.get(tp, 0)

    def stall(self, tp):
        self.stalled.append(tp)

    def end_of(self, tp):
        return self.read.get(tp)


def run(coroutine):
    return asyncio.run(coroutine)
