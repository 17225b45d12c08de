"""The job as Faust's documentation would have it written: event by event, a table entry each, an alert on crossing.

Counts actions over a rolling minute per policy, in twelve buckets of 5 s kept in a table, one table write per counted
action; more than LIMIT send one alert, the next only after the count fell below 80 % of it. WHICH: `all` actions, as
the detector does, or only fully `automated` ones, a quarter of the benchmark's events.

`python stock_faust.py BOOTSTRAP SOURCE ALERTS LIMIT COUNT WHICH`: prints time and CPU at the first event, after COUNT.
"""

from __future__ import annotations

import os
import sys
import time

import faust

BUCKET_MS, BUCKETS = 5000, 12

bootstrap, source_name, alerts_name, limit, count = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
counts_all = sys.argv[6] == "all"
app = faust.App(
    source_name,
    broker=f"kafka://{bootstrap}",
    store="memory://",
    topic_partitions=8,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    web_enabled=False,
)
source = app.topic(source_name, value_serializer="json")
alerts = app.topic(alerts_name, value_serializer="json")
windows = app.Table("windows", partitions=8)


@app.agent(source)
async def watch(stream):
    """Count each event, keep its policy's window in the table, tell a crossing."""
    handled = 0
    async for event in stream.events():
        if not handled:
            told("first")
        action = event.value
        if action["kind"] == "action" and (counts_all or action["automated_decision"] == "FULLY"):
            policy = action["policy_id"]
            window = windows.get(policy) or {"newest": 0, "counts": [0] * BUCKETS, "open": False}
            add(window, action["time"] // BUCKET_MS)
            total = sum(window["counts"])
            if total > limit and not window["open"]:
                window["open"] = True
                await alerts.send(key=policy, value={"policy_id": policy, "event_id": action["id"]})
            elif total < limit * 0.8:
                window["open"] = False
            windows[policy] = window
        handled += 1
        if handled == count:
            told("last")


def add(window: dict, bucket: int) -> None:
    """Count one action in a window."""
    counts = window["counts"]
    for passed in range(max(window["newest"] + 1, bucket - BUCKETS + 1), bucket + 1):
        counts[passed % BUCKETS] = 0
    window["newest"] = max(window["newest"], bucket)
    if bucket > window["newest"] - BUCKETS:
        counts[bucket % BUCKETS] += 1


def told(what: str) -> None:
    """One line that the benchmark reads."""
    cpu = os.times()
    print(f"{what} {time.time()} {cpu.user + cpu.system}", flush=True)


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "-l", "info", "--without-web"]  # "warn" is slower: it logs at DEBUG into nothing
    app.main()
