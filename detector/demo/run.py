"""The demo itself: starts everything, lets the acts happen, and says how it went."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from detector.broker import PARTITIONS, EmbeddedBroker
from detector.demo.feed import ALERTS, BREAKERS, LOG, Feed
from detector.demo.platform import Platform
from detector.demo.scenario import ACTS, BAD_POLICY, SPEED, Act
from detector.demo.scene import Watched
from detector.demo.service import Service
from detector.demo.worker import CHANGELOG, Worker
from detector.gate import Gate, Rules
from detector.units import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    from detector.demo.platform import Proposal
    from detector.demo.show import Show

EVENTS: Final = "enforcement.events"
TOPICS: Final = (EVENTS, LOG, ALERTS, BREAKERS, "enforcement.deadletters", CHANGELOG)
SOURCE: Final = 0
"""All events take one partition: weeks in seconds leave no time for partitions to run apart."""
SEED: Final = 5
"""One whose history ends without a warning by chance: that would stand, and the wave's would not be said."""
HISTORY_DAYS: Final = 10
LEAD_MS: Final = 6 * DAY_MS
"""How far the history may run ahead of the detector's clock; it takes no evidence from a week ahead."""
WEEK_H: Final = 168
LIVE_HOUR: Final = 6 * 24 + 14
"""Hour of the week, from Thursday 00:00 UTC, at which the acts begin: a Wednesday afternoon."""
STEP_S: Final = 0.05


class _TimeIsUp(Exception):  # noqa: N818 - no error
    """The demo's seconds have run out."""


class Demo:
    """One run of at most `seconds`. Everything it starts has ended when `run` returns."""

    def __init__(self, show: Show, seconds: float) -> None:
        self._show = show
        self._deadline_s = time.monotonic() + seconds
        self._ran_out = False
        self._shown_fates: set[bool] = set()
        self.platform = Platform(SEED)
        self.watched = Watched()
        self.history = 0
        self.now_ms = 0
        self.deployed_s = self.tripped_s = 0.0

    def run(self) -> None:
        """Raises BrokenWorld when something that it needs does not start or ends."""
        with ExitStack() as stack:
            self._show.say(
                "Starting a Kafka broker, a worker (`detector run`), the gate, and a platform of 12 policies."
            )
            broker = stack.enter_context(EmbeddedBroker())
            broker.touch(*TOPICS)
            self._worker = stack.enter_context(Worker(broker.bootstrap))
            self._feed = stack.enter_context(Feed(broker.bootstrap))
            gate = Gate(broker.bootstrap, rules=Rules(log_partitions=PARTITIONS), api_version=(2, 1))
            stack.enter_context(gate)
            self._producer = broker.producer()
            self.service = Service(gate, self._send)
            try:
                self._wait_for_worker()
                self._learn()
                for act in ACTS:
                    self._play(act)
            except _TimeIsUp:
                self._ran_out = True
            self._producer.flush(1)

    def _send(self, value: bytes) -> None:
        self._producer.produce(EVENTS, value, partition=SOURCE)

    def _wait_for_worker(self) -> None:
        while len(self.watched.beating) < PARTITIONS:
            self._pause()

    def _learn(self) -> None:
        """Three weeks as fast as the detector takes them in."""
        end_ms = last_wednesday_ms(int(time.time() * 1000))
        begin_ms = end_ms - HISTORY_DAYS * DAY_MS
        self._show.say(
            f"{HISTORY_DAYS} days of the platform's history go in: what is usual, at which hour of the week?"
        )
        for hour_ms in range(begin_ms, end_ms, HOUR_MS):
            while hour_ms - LEAD_MS > max(begin_ms, self.watched.told_ms):
                self._pause()
            for proposal in self.platform.proposals(hour_ms, hour_ms + HOUR_MS):
                self.service.tell(proposal.action)
                self.service.ledger.saw(proposal)
                self.history += 1
            self._producer.poll(0)
            self.service.ledger.per_min(hour_ms)
        while self.watched.told_ms < end_ms - HOUR_MS:
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
                self._enforce(proposal)
            self.now_ms = to_ms
            self._pause()
            self._show.update(self)

    def _enforce(self, proposal: Proposal) -> None:
        """Of the wrongful ones, show the first that is executed, and one that is held once the alert has been shown."""
        decision = self.service.enforce(proposal)
        due = decision.allow or bool(self.tripped_s)
        if proposal.is_wrongful and due and decision.allow not in self._shown_fates:
            self._shown_fates.add(decision.allow)
            self._show.fate(proposal, decision)

    def failures(self) -> list[str]:
        """What went otherwise than promised; empty when all is well."""
        opened, held = self.watched.opened(), self.service.ledger.held
        late = ": its seconds ran out, give it more" if self._ran_out else ""
        found = (
            [] if any(alert.scope.policy_id == BAD_POLICY for alert in opened) else [f"the bad version ran on{late}"]
        )
        wrong = [alert.scope.id for alert in opened if alert.scope.policy_id != BAD_POLICY]
        found += [f"{scope} tripped without a reason" for scope in wrong]
        return found + [
            f"{count} actions of {policy_id} were held" for policy_id, count in held.items() if policy_id != BAD_POLICY
        ]

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


def last_wednesday_ms(now_ms: int) -> int:
    """The newest Wednesday 14:00 UTC that is over an hour old, so that the acts need no event from the future."""
    hour = now_ms // HOUR_MS - LIVE_HOUR - 2
    return (hour // WEEK_H * WEEK_H + LIVE_HOUR) * HOUR_MS
