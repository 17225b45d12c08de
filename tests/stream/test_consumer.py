"""The fold transport's bookkeeping: what is handed out, what is dropped, what may be committed."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from faust.types import TP

from detector.stream import thread
from detector.stream.app import App
from detector.stream.thread import Polled
from detector.stream.vitals import Vitals
from tests.stream.doubles import SETTINGS, run

EVENTS, INTAKE = TP(SETTINGS.events_topic, 0), TP(SETTINGS.intake_topic, 3)
OTHER = TP("detector-policies-changelog", 3)


def in_loop(test):
    """Runs `test(consumer)` in an event loop, on a consumer that is not connected to anything."""

    async def inside():
        async def release():
            consumer.released = True

        consumer = App(SETTINGS, Vitals(10), release).folding
        consumer._thread.aligned = True
        await test(consumer)

    run(inside())


def polled(epoch=0, **records):
    tps = {"events": EVENTS, "intake": INTAKE, "other": OTHER}
    found = Polled({tps[name]: [SimpleNamespace(offset=each) for each in offsets] for name, offsets in records.items()})
    found.epoch = epoch
    return found


def test_a_poll_becomes_one_batch_per_folded_topic():
    async def test(consumer):
        batches = [batch for _, batch in consumer._fold(polled(events=[4, 5], intake=[9], other=[1]))]
        assert [(batch.topic, list(batch.records), len(batch)) for batch in batches] == [
            (EVENTS.topic, [0], 2),
            (INTAKE.topic, [3], 1),
        ]

    in_loop(test)


@pytest.mark.parametrize(("epoch", "aligned"), [(0, False), (1, True)])
def test_what_was_drained_before_a_seek_is_dropped(epoch, aligned):
    async def test(consumer):
        consumer._thread.aligned, consumer._thread.epoch = aligned, epoch
        assert list(consumer._fold(polled(events=[4, 5]))) == []

    in_loop(test)


def test_the_next_poll_waits_until_every_step_has_ended():
    async def test(consumer):
        batches = [batch for _, batch in consumer._fold(polled(events=[4, 5], intake=[9]))]
        consumer._pending.update(batches)
        waiting = asyncio.ensure_future(consumer._steps_ended())
        for batch in batches:
            await asyncio.sleep(0)
            assert not waiting.done()
            with batch:
                pass
        await waiting
        assert (consumer.next_of(EVENTS), consumer.next_of(INTAKE)) == (6, 10)

    in_loop(test)


def test_when_the_flow_stops_batches_in_hand_are_waited_for_and_queued_ones_forgotten():
    async def test(consumer):
        in_hand, queued = (batch for _, batch in consumer._fold(polled(events=[4], intake=[9])))
        consumer._pending.update((in_hand, queued))
        consumer.begin_step(in_hand)
        consumer.stop_flow()
        assert consumer._pending == {in_hand}
        consumer.end_step(in_hand)
        await consumer._steps_ended()

    in_loop(test)


def test_only_declared_floors_of_this_epoch_may_be_committed():
    async def test(consumer):
        consumer.declare(0, {EVENTS: 6})
        consumer.declare(1, {INTAKE: 10})
        assert list(consumer._filter_tps_with_pending_acks()) == [EVENTS]
        assert (consumer._new_offset(EVENTS), consumer._new_offset(INTAKE)) == (6, None)

    in_loop(test)


@pytest.mark.parametrize(
    ("owns", "member", "released"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_only_a_member_that_owns_its_partitions_hands_them_over(monkeypatch, owns, member, released):
    async def test(consumer):
        consumer.released, consumer._owns = False, owns
        monkeypatch.setattr(type(consumer._thread), "is_member", member)
        monkeypatch.setattr(consumer, "commit_and_end_transactions", lambda: asyncio.sleep(0))
        await consumer.wait_empty()
        await consumer.wait_empty()
        assert consumer.released is released

    in_loop(test)


def test_stalled_partitions_are_not_drained_and_during_a_rebalance_only_the_changelog_is():
    async def test(consumer):
        readable = consumer._thread._readable
        assert readable([EVENTS, INTAKE, OTHER]) == {tp.topic: {tp} for tp in (EVENTS, INTAKE, OTHER)}
        consumer.stall(EVENTS)
        assert readable([EVENTS, INTAKE]) == {INTAKE.topic: {INTAKE}}
        consumer._thread.aligned = False
        assert readable([EVENTS, INTAKE, OTHER]) == {OTHER.topic: {OTHER}}

    in_loop(test)


def test_between_the_seek_and_the_end_of_a_rebalance_nothing_is_drained_that_faust_would_then_throw_away():
    async def test(consumer):
        consumer.app.on_rebalance_start()
        assert consumer._thread._readable([EVENTS, INTAKE, OTHER]) == {OTHER.topic: {OTHER}}
        consumer.app.on_rebalance_end()
        assert consumer._thread._readable([EVENTS]) == {EVENTS.topic: {EVENTS}}

    in_loop(test)


def test_a_seek_forgets_what_no_agent_has_begun_so_that_polling_does_not_wait_for_it_for_ever(monkeypatch):
    async def test(consumer):
        async def sought():
            return {}

        in_hand, queued = (batch for _, batch in consumer._fold(polled(events=[4], intake=[9])))
        consumer._pending.update((in_hand, queued))
        consumer.begin_step(in_hand)
        monkeypatch.setattr(consumer._thread, "seek_to_committed", sought)
        await consumer.seek_to_committed()
        assert consumer._pending == {in_hand}

    in_loop(test)


def test_a_farewell_that_the_broker_does_not_hear_keeps_no_worker_from_ending(monkeypatch, caplog):
    async def test(consumer):
        never = asyncio.Event()
        consumer._thread._consumer = SimpleNamespace(stop=never.wait)
        await consumer._thread.on_thread_stop()

    monkeypatch.setattr(thread, "LEAVE_TIMEOUT_S", 0.01)
    in_loop(test)
    assert [record.message for record in caplog.records] == ["group_not_left"]
