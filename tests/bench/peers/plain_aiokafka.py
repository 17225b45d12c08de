"""The limit of the client library: records fetched by `getmany`, counted, thrown away.

`python plain_aiokafka.py BOOTSTRAP TOPIC COUNT`: prints time and CPU at the first record and after COUNT.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

from aiokafka import AIOKafkaConsumer


def told(what: str) -> None:
    """One line that the benchmark reads."""
    cpu = os.times()
    print(f"{what} {time.time()} {cpu.user + cpu.system}", flush=True)


async def main(bootstrap: str, topic: str, count: int) -> None:
    """Read `count` records of all partitions."""
    handled = 0
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with consumer:
        while handled < count:
            polled = await consumer.getmany(timeout_ms=1000)
            if not handled and polled:
                told("first")
            handled += sum(map(len, polled.values()))
    told("last")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
