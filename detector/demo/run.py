"""The demo itself: starts everything, lets the acts happen, and says how it went."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

from detector.broker import PARTITIONS, EmbeddedBroker
from detector.demo.feed import ALERTS, BREAKERS, Feed
from detector.demo.platform import DAY_MS, HOUR_MS, Platform
from detector.demo.scenario import ACTS, BAD_POLICY, SPEED, Act
from detector.demo.scene import Watched
from detector.demo.service import Service
from detector.demo.worker import CHANGELOG, Worker
from detector.errors import BrokenWorld
from detector.gate import Gate, Rules

if TYPE_CHECKING:
    from confluent_kafka import Producer

    from detector.demo.show import Show

EVENTS: Final = "enforcement.events"
TOPICS: Final = (EVENTS, "enforcement.intake", ALERTS, BREAKERS, "enforcement.deadletters", CHANGELOG)
SOURCE: Final = 0
"""All events take one partition: a month in seconds leaves no time for partitions to run apart."""
SEED: Final = 2025
HISTORY_DAYS: Final = 28
LEAD_MS: Final = 5 * DAY_MS
"""How far the history may run ahead of the detector's clock; it takes no evidence from a week ahead."""
BEHIND_MS: Final = 3 * HOUR_MS
"""The platform's time stays this far behind the clock on the wall, so that no event comes from the future."""
START_S: Final = 30.0
STEP_S: Final = 0.05


class _TimeIsUp(Exception):  # noqa: N818 - no error
    """The demo's seconds have run out."""


class Demo:
    """One run of at most `seconds`. Everything it starts has ended when `run` returns."""

    def __init__(self, show: Show, seconds: float) -> None:
        self._show = show
        self._began_s = time.monotonic()
        self._deadline_s = self._began_s + seconds
        self.platform = Platform(SEED)
        self.watched = Watched()
        self.history = 0
        self.now_ms = 0
        self.deployed_s = self.tripped_s = 0.0

    def run(self) -> None:
        """Raises BrokenWorld when something that it needs does not start or ends."""
        with ExitStack() as stack:
            self._show.say(
                "Starting a Kafka broker, one worker (`detector run`), the gate, and a platform of 12 policies."
            )
            broker = stack.enter_context(EmbeddedBroker())
            broker.touch(*TOPICS)
            self._worker = stack.enter_context(Worker(broker.bootstrap))
            self._feed = stack.enter_context(Feed(broker.bootstrap))
            gate = Gate(broker.bootstrap, rules=Rules(log_partitions=PARTITIONS), api_version=(2, 1))
            stack.enter_context(gate)
            self._producer = broker.producer()
            self.service = Service(gate, self._send)
            with suppress(_TimeIsUp):
                self._wait_for_worker()
                self._learn()
                for act in ACTS:
                    self._play(act)

    def _send(self, value: bytes) -> None:
        self._producer.produce(EVENTS, value, partition=SOURCE)

    def _wait_for_worker(self) -> None:
        while len(self.watched.stream_ms) < PARTITIONS:
            self._pause()
            if time.monotonic() - self._began_s > START_S:
                raise BrokenWorld(f"the worker did not speak within {START_S:.0f} s; is this machine very busy?")

    def _learn(self) -> None:
        """Four weeks as fast as the detector takes them in."""
        end_ms = (int(time.time() * 1000) - BEHIND_MS) // HOUR_MS * HOUR_MS
        begin_ms = end_ms - HISTORY_DAYS * DAY_MS
        self._show.say(
            f"{HISTORY_DAYS} days of the platform's history go in: what is usual, at which hour of the week?"
        )
        for hour_ms in range(begin_ms, end_ms, HOUR_MS):
            while hour_ms - LEAD_MS > max(begin_ms, self._stream_ms()):
                self._pause()
            for proposal in self.platform.proposals(hour_ms, hour_ms + HOUR_MS):
                self.service.tell(proposal.action)
                self.history += 1
            self._producer.poll(0)
        while self._stream_ms() < end_ms - HOUR_MS:
            self._pause()
        self.watched.live_ms = self.now_ms = end_ms
        self._show.say(f"{self.history:,} actions learned. From here on, one second is one minute of the platform.")

    def _play(self, act: Act) -> None:
        if act.deploy:
            self.service.tell(act.deploy(self.platform, self.now_ms))
            self.deployed_s = self.deployed_s or time.monotonic()
        self._show.act(act, self.now_ms)
        begin_s, begin_ms = time.monotonic(), self.now_ms
        while (elapsed_s := time.monotonic() - begin_s) < act.seconds:
            to_ms = begin_ms + int(elapsed_s * SPEED * 1000)
            for proposal in self.platform.proposals(self.now_ms, to_ms, act.factors):
                self.service.enforce(proposal)
            self.now_ms = to_ms
            self._pause()
            self._show.update(self)

    def failures(self) -> list[str]:
        """What went otherwise than promised; empty when all is well."""
        held, opened = self.service.ledger.held, self.watched.opened()
        found = (
            []
            if any(alert.scope.policy_id == BAD_POLICY for alert in opened)
            else ["no breaker opened for the bad version"]
        )
        found += [
            f"{alert.scope.id} tripped, and had no reason to" for alert in opened if alert.scope.policy_id != BAD_POLICY
        ]
        found += [
            f"{held[policy_id]} actions of {policy_id} were held" for policy_id in held if policy_id != BAD_POLICY
        ]
        return found

    def _stream_ms(self) -> int:
        return min(self.watched.stream_ms.values(), default=0)

    def _pause(self) -> None:
        """Let a moment pass, and take in what the detector has said."""
        if time.monotonic() >= self._deadline_s:
            raise _TimeIsUp
        self._producer.poll(0)
        time.sleep(STEP_S)
        self._worker.check()
        for record in self._feed.take():
            self.watched.learn(record.said)
            self._show.record(record)
            if not self.tripped_s and self.watched.opened():
                self.tripped_s = time.monotonic()
