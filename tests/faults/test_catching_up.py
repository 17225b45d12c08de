"""After an outage of an hour: what happened meanwhile is told, and nobody is held for it."""

from __future__ import annotations

import time

import msgspec
import pytest

from detector.events import Action, Automated, Breaker, Directive
from detector.wire.cloudevents import parse_alert, parse_breaker_record
from tests.faults.feed import Outgoing, send
from tests.faults.reading import ends, read
from tests.faults.verify import verify
from tests.faults.world import World

pytestmark = [pytest.mark.fault, pytest.mark.kafka, pytest.mark.timeout(600)]
HOUR_MS = 3_600_000
LIMIT = "enforce, hard_limit: {max: 100, per: 1m}, breaker: {cooldown: 5m, probe: 5m}"
POLICY_FILE = f"""\
stream: {{lateness: 10s}}
policies:
  - {{id: burst, mode: {LIMIT}}}
  - {{id: steady, mode: {LIMIT}}}
  - {{id: fast-clock, mode: {LIMIT}}}
  - {{id: far-ahead, mode: {LIMIT}}}
"""


def actions(policy: str, partition: int, times_ms: list[int]) -> list[tuple[int, Outgoing]]:
    """Automated actions of one policy through one source partition, with the time at which each was sent."""
    made = [
        Action(
            id=f"{policy}-{partition}-{number}-{at}",
            time=at,
            policy_id=policy,
            subject_id=f"u{number}",
            action_id=f"a{number}",
            action_type="ban",
            automated_decision=Automated.FULLY,
        )
        for number, at in enumerate(times_ms)
    ]
    return [(event.time, Outgoing(partition, msgspec.json.encode(event))) for event in made]


def send_in_order(world: World, timed: list[tuple[int, Outgoing]]) -> None:
    send(
        world.bootstrap, world.settings.events_topic, [record for _, record in sorted(timed, key=lambda each: each[0])]
    )


def holds(world: World) -> list[Breaker]:
    """Every word that told readers to hold something."""
    records = [
        parse_breaker_record(each.key, each.value) for each in read(world.bootstrap, world.settings.breakers_topic)
    ]
    return [each for each in records if isinstance(each, Breaker) and each.directive is not Directive.NONE]


def held(world: World) -> set[str]:
    """Policies whose automated actions were ever to be held."""
    return {each.scope.policy_id for each in holds(world)}


@pytest.fixture
def outage(kafka, tmp_path):
    made = World(kafka.bootstrap, tmp_path, policy_file=POLICY_FILE)
    yield made
    made.close()


def test_an_hour_caught_up_in_a_minute_trips_what_real_time_would_have_and_holds_nobody_for_the_past(outage):
    now_ms = time.time_ns() // 1_000_000
    past = range(now_ms - HOUR_MS, now_ms, 750)  # 80 a minute
    spike = range(now_ms - 2 * HOUR_MS // 3, now_ms - 2 * HOUR_MS // 3 + 60_000, 100)
    steady = [event for half in (0, 1) for event in actions("steady", half, list(past)[half::2])]
    fast = [(at - HOUR_MS, record) for at, record in actions("fast-clock", 2, [at + HOUR_MS for at in past])]
    far_ahead = actions("far-ahead", 3, list(past)[-400:])  # five minutes, where the other partitions hold an hour
    send_in_order(outage, [*steady, *fast, *far_ahead, *actions("burst", 0, [*spike, *list(past)[::10]])])
    backlog = ends(outage.bootstrap, outage.settings.events_topic)
    began_s = time.monotonic()
    outage.start_worker()
    outage.wait_for("end of the backlog", lambda: outage.committed() == backlog)
    took_s = time.monotonic() - began_s
    outage.wait_for("arrival in the present", lambda: all(beat.lag_s < 20 for beat in outage.beats().values()))
    assert holds(outage) == []
    send_in_order(outage, actions("burst", 1, [time.time_ns() // 1_000_000] * 300))
    outage.wait_for("hold of what trips now", lambda: held(outage) == {"burst"}, 30)
    outage.settle()
    alerts = [parse_alert(each.value) for each in read(outage.bootstrap, outage.settings.alerts_topic)]
    opened = [each for each in alerts if each.type == "breaker.opened"]
    assert {each.scope.policy_id for each in opened} == {"burst"}
    assert [(each.catching_up, each.enforced) for each in opened] == [(True, False), (False, True)]
    print(f"\nan hour caught up in {took_s:.1f} s: {verify(outage, ahead={'fast-clock'})}")
