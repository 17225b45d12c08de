"""Policies, then the seal, then the commit: never another order, and never more than was read."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from faust.types import TP

from detector.metrics import Metrics
from detector.stream import checkpoint
from detector.stream.checkpoint import Checkpoint
from tests.stream.doubles import SETTINGS, Consumer, Outbox, run

TOPIC = SETTINGS.intake_topic


class Fold:
    """Two policies on partition 1; each snapshot is one position further."""

    def __init__(self, value_bytes: int = 10) -> None:
        self.position, self.value = 100, bytes(value_bytes)

    def snapshot(self):
        self.position += 1
        return SimpleNamespace(
            policies=lambda: iter([(1, b"policy/a", self.value), (1, b"policy/b", self.value)]),
            seals=lambda: iter([(1, b"seal/1", self.value)]),
            floors={1: self.position},
        )


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(s=1000.0)
    monkeypatch.setattr(checkpoint, "monotonic", lambda: now.s)
    return now


def build(fold, consumer, sealed=-1):
    outbox = Outbox()
    table = SimpleNamespace(changelog_topic_name="changelog", stored=lambda *_: None)
    made = Checkpoint(SETTINGS, fold, table, consumer, outbox, Metrics(started_s=0).checkpoints)
    made.begin(1, {1: sealed})
    return made, outbox


def keys(outbox):
    return [each if each == "settled" else each.key.decode() for each in outbox.sent]


def test_the_seal_waits_for_the_policies_and_the_commit_for_the_seal():
    consumer = Consumer(read={TP(TOPIC, 1): 102})
    made, outbox = build(Fold(), consumer)
    run(made.complete())
    assert keys(outbox) == ["policy/a", "policy/b", "settled", "seal/1", "settled"]
    assert consumer.declared == {TP(TOPIC, 1): 101}


def test_a_large_checkpoint_takes_several_slices_and_commits_after_the_last(clock):
    consumer = Consumer(read={TP(TOPIC, 1): 102})
    made, outbox = build(Fold(value_bytes=1_100_000), consumer)
    run(made.advance())
    assert keys(outbox) == []  # not due yet
    clock.s += 10
    for expected in (["policy/a"], ["policy/a", "policy/b"]):
        run(made.advance())
        assert [key for key in keys(outbox) if key != "settled"] == expected
        assert consumer.declared == {}
        clock.s += 0.5
    run(made.advance())
    assert consumer.declared == {TP(TOPIC, 1): 101}


def test_complete_ends_the_checkpoint_under_way_and_adds_one_of_now(clock):
    consumer = Consumer(read={TP(TOPIC, 1): 103})
    made, outbox = build(Fold(value_bytes=1_100_000), consumer)
    clock.s += 10
    run(made.advance())
    run(made.complete())
    assert [key for key in keys(outbox) if key == "seal/1"] == ["seal/1"] * 2
    assert consumer.declared == {TP(TOPIC, 1): 102}


def test_a_fold_not_yet_read_past_its_seal_is_saved_but_moves_no_commit():
    consumer = Consumer(read={TP(TOPIC, 1): 50})
    made, outbox = build(Fold(), consumer, sealed=100)
    run(made.complete())
    assert "seal/1" in keys(outbox)
    assert consumer.declared == {}


def test_a_checkpoint_of_another_epoch_moves_no_commit():
    consumer = Consumer(read={TP(TOPIC, 1): 102})
    made, _ = build(Fold(), consumer)
    consumer.epoch = 2
    run(made.complete())
    assert consumer.declared == {}
