"""A broker with the detector's topics, a feed of events, workers under care, and what they left behind."""

from __future__ import annotations

import dataclasses
import itertools
import signal
import time
from typing import TYPE_CHECKING

from detector import admin
from detector.config.settings import load
from detector.events import Heartbeat
from detector.wire.cloudevents import parse_breaker_record
from tests.faults.commits import Commits
from tests.faults.feed import Feed
from tests.faults.reading import ends, read
from tests.faults.supervisor import Worker
from tests.faults.traffic import Traffic
from tests.rig import Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

SOURCE_PARTITIONS = 4
LOG_PARTITIONS = 8
HEALTHY_S = 90.0
STARTING = -signal.SIGTERM
"""Exit code of a worker that was stopped before it did anything."""
POLICY_FILE = """\
stream: {lateness: 30s}
defaults: {hard_limit: {max: 1000, per: 1m}}
unknown_policies: {cap: 5000}
policies:
  - {id: policy-003, mode: enforce}
  - {id: policy-005, mode: enforce, hard_limit: {max: 500, per: 1m}}
  - {id: policy-006, mode: alert_only}
"""


class World:
    """Topics of their own on a broker, and everything that a fault test starts; `close` ends all of it."""

    def __init__(self, bootstrap: str, home: Path, *, policy_file: str = POLICY_FILE) -> None:
        self.bootstrap = bootstrap
        self.home = home
        self.workers: list[Worker] = []
        self.feed: Feed | None = None
        (home / "policies.yaml").write_text(policy_file)
        names = Topics(bootstrap)
        kinds = ("events", "intake", "alerts", "breakers", "deadletters")
        self.env = {f"DETECTOR_{kind.upper()}_TOPIC": names.name(f"enforcement.{kind}") for kind in kinds} | {
            "DETECTOR_BOOTSTRAP": bootstrap,
            "DETECTOR_GROUP": names.name("detector"),
            "DETECTOR_PARTITIONS": str(LOG_PARTITIONS),
            "DETECTOR_REPLICATION": "1",
            "DETECTOR_POLICIES": str(home / "policies.yaml"),
            "DETECTOR_SUBJECT_KEY": "0123456789abcdef",
            "DETECTOR_WEB_PORT": "0",
            # A killed worker's partitions wait until its session has run out.
            "DETECTOR_SESSION_TIMEOUT_S": "6",
            "DETECTOR_HEARTBEAT_INTERVAL_S": "1",
            "DETECTOR_COMMIT_INTERVAL_S": "0.5",
            "DETECTOR_CHECKPOINT_INTERVAL_S": "1",
        }
        self.settings = load(self.env, {})
        self.changelog = f"{self.settings.group}-policies-changelog"
        with admin.connect(self.settings) as connection:
            connection.create([self._for_tests(topic) for topic in admin.wanted(self.settings)])
        self.commits = Commits(bootstrap, self.settings.group)

    def start_worker(self, **once: str) -> Worker:
        """One more worker; `once` goes into the environment of its first run only."""
        worker = Worker(self.home / f"worker-{len(self.workers)}.log", self.env, once)
        self.workers.append(worker)
        return worker

    def start_feed(
        self, *, per_s: int, at_least: int, policies: int = 60, partitions: Sequence[int] = range(SOURCE_PARTITIONS)
    ) -> Feed:
        """Start the stream; the bad version is deployed after 40 % of `at_least`."""
        traffic = Traffic(seed=1, policies=policies, bad_from=at_least * 2 // 5)
        topic = self.settings.events_topic
        self.feed = Feed(self.bootstrap, topic, traffic, per_s=per_s, at_least=at_least, partitions=partitions)
        return self.feed

    def committed(self) -> dict[int, int]:
        """The group's committed offset of each source partition, as sampled last."""
        last = self.commits.samples[-1].committed if self.commits.samples else {}
        return {number: offset for (topic, number), offset in last.items() if topic == self.settings.events_topic}

    def wait_for(self, what: str, condition: Callable[[], bool], timeout_s: float = HEALTHY_S) -> float:
        """Seconds until `condition` held. Raises TimeoutError with the ends of the workers' logs."""
        began_s = time.monotonic()
        while not condition():
            if time.monotonic() - began_s > timeout_s:
                raise TimeoutError(f"no {what} after {timeout_s:.0f} s{self.tails()}")
            time.sleep(0.2)
        return time.monotonic() - began_s

    def wait_for_progress(self) -> float:
        """Seconds until more of the source was committed than is now."""
        before = sum(self.committed().values())
        return self.wait_for("progress", lambda: sum(self.committed().values()) > before)

    def wait_for_shares(self) -> float:
        """Seconds until every log partition has its state in one worker, and every worker has some."""
        return self.wait_for("shares", self._is_shared)

    def _is_shared(self) -> bool:
        shares = [worker.share() for worker in self.workers]
        return all(shares) and sorted(itertools.chain(*shares)) == list(range(LOG_PARTITIONS))

    def settle(self, *, without: Collection[int] = ()) -> float:
        """End the feed, wait until all that was sent counts for good, and stop the workers.

        Returns the seconds from the last event to the commit of all of them. `without`: source partitions that stand.
        """
        if self.feed:
            self.feed.finish()
        end = ends(self.bootstrap, self.settings.events_topic)
        took_s = self.wait_for(
            "end of the source",
            lambda: all(self.committed().get(number, 0) >= end[number] for number in end if number not in without),
        )
        through = ends(self.bootstrap, self.settings.intake_topic)
        self.wait_for("end of the log", lambda: self._is_judged(through))
        codes = [worker.stop() for worker in self.workers]
        if set(codes) - {0, STARTING}:
            raise AssertionError(f"exit codes {codes} after SIGTERM{self.tails()}")
        return took_s

    def beats(self) -> dict[int, Heartbeat]:
        """The last heartbeat of each log partition."""
        words = [
            parse_breaker_record(each.key, each.value) for each in read(self.bootstrap, self.settings.breakers_topic)
        ]
        return {beat.partition: beat for beat in words if isinstance(beat, Heartbeat)}

    def _is_judged(self, through: dict[int, int]) -> bool:
        beats = self.beats()
        return all(number in beats and beats[number].position >= end - 1 for number, end in through.items())

    def tails(self) -> str:
        """The ends of the workers' logs."""
        return "".join(worker.tail() for worker in self.workers)

    def close(self) -> None:
        """Kill what still runs."""
        for worker in self.workers:
            worker.discard()
        if self.feed:
            self.feed.abandon()
        self.commits.stop()

    def _for_tests(self, topic: admin.Wanted) -> admin.Wanted:
        if topic.name == self.settings.events_topic:
            return dataclasses.replace(topic, partitions=SOURCE_PARTITIONS)
        if topic.name == self.changelog:
            # The broker's clock dates the seals, so that samples of commits can be held against them.
            return dataclasses.replace(topic, config={**topic.config, "message.timestamp.type": "LogAppendTime"})
        return topic
