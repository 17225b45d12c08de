"""More than the busiest hours: the recursion by hand, mass of deploys, subjects counted once, and false alarms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detector.stats import surge

WIDTH_H = 5 / 3600


def one(value: float, kind: type = float) -> np.ndarray:
    return np.array([value], kind)


def moved(change: np.ndarray, surging: np.ndarray, before: int, bucket: int, deployed: int, people: float, bar: float):
    """Evidence of both after empty buckets and then one with new people."""
    kept, gained, more = surge.idle(one(before, int), one(bucket, int), one(deployed, int), one(bar), WIDTH_H)
    grown = surge.grown(one(people), one(bar), WIDTH_H)
    return (change * kept + gained) * grown, (surging * kept + more + WIDTH_H) * grown


def by_hand(people: dict[int, float], deployed: int, last: int, bar: float) -> tuple[float, float]:
    """Both functionals bucket by bucket, in plain Python: mass comes evenly between buckets."""
    change = surging = 0.0
    for ratio in surge.RATIOS.tolist():
        q = 1 + ratio * (surge.PHI - 1)
        gain, loss = math.log(ratio * surge.PHI / q), math.log(q / surge.PHI) / (surge.PHI - 1)
        deploy_mass = time_mass = 0.0
        for bucket in range(1, last + 1):
            deploy_mass += surge.AT_ONCE * (bucket == deployed)
            decay = math.exp(-loss * bar * WIDTH_H)
            met = people.get(bucket, 0.0)
            if met:
                time_mass += WIDTH_H
            else:
                rest = (1 - decay) / (loss * bar)
                arriving = 0 <= bucket - deployed <= surge.ARRIVES_H / WIDTH_H
                deploy_mass = deploy_mass + arriving * (1 - surge.AT_ONCE) / surge.ARRIVES_H * rest / decay
                time_mass += rest / decay
            factor = math.exp(gain * met) * decay
            deploy_mass, time_mass = deploy_mass * factor, time_mass * factor
        change, surging = change + deploy_mass, surging + time_mass
    return change / len(surge.RATIOS), surging / len(surge.RATIOS)


@pytest.mark.parametrize("deployed", [1, 40, 200])
def test_both_functionals_are_the_recursion_bucket_by_bucket(deployed):
    people = {50: 1.0, 51: 2.0, 90: 3.0}
    change = surging = np.zeros((1, len(surge.RATIOS)))
    before = 0
    for bucket, met in people.items():
        change, surging = moved(change, surging, before, bucket, deployed, met, 6.0)
        before = bucket
    expected = by_hand(people, deployed, 90, 6.0)
    assert (change.mean(), surging.mean()) == pytest.approx(expected, rel=1e-6)


def test_a_deploy_brings_half_at_once_and_all_within_hours():
    _, change, _ = surge.idle(one(0, int), one(2, int), one(1, int), one(1e-9), WIDTH_H)
    assert change.mean() == pytest.approx(0.5, rel=1e-2)
    later = int(8 / WIDTH_H)
    _, change, _ = surge.idle(one(0, int), one(later, int), one(1, int), one(1e-9), WIDTH_H)
    assert change.mean() == pytest.approx(1.0, rel=1e-2)


@pytest.mark.parametrize("window_h", [1.0, 24.0])
def test_after_its_window_a_deploy_is_forgiven(window_h):
    after, before = int((window_h + 0.1) / WIDTH_H), int((window_h - 0.1) / WIDTH_H)
    assert surge.forgiven(one(after, int), one(0, int), one(window_h), WIDTH_H).all()
    assert not surge.forgiven(one(before, int), one(0, int), one(window_h), WIDTH_H).any()


def test_the_first_action_of_all_meets_all_mass_that_had_come():
    bucket, day = int(10 / WIDTH_H), int(25 / WIDTH_H)
    buckets, deployed = np.array([bucket, bucket, day]), np.array([0, bucket, 0])
    assert surge.armed(buckets, deployed, np.full(3, 24.0), WIDTH_H).tolist() == [1.0, 0.5, 0.0]


def bitmap(subjects: np.ndarray) -> np.ndarray:
    made = np.zeros((1, surge.WORDS), np.uint64)
    word, mark = surge.bits(subjects)
    np.bitwise_or.at(made[0], word, mark)
    return made


@pytest.mark.parametrize("count", [1, 3, 10, 60, 180])
def test_distinct_subjects_are_counted_within_a_tenth(count):
    rng = np.random.default_rng(3)
    found = [surge.people(bitmap(rng.integers(1, 2**63, count).astype(np.uint64)))[0] for _ in range(300)]
    assert np.mean(found) == pytest.approx(count, rel=0.02)
    assert np.std(found) < max(0.6, 0.1 * count)


def test_a_bitmap_is_full_when_no_one_actor_could_have_filled_it():
    rng = np.random.default_rng(1)
    assert surge.full(bitmap(rng.integers(1, 2**63, 2000).astype(np.uint64))).all()
    assert not surge.full(bitmap(rng.integers(1, 2**63, 200).astype(np.uint64))).any()


def test_the_bar_is_the_most_of_what_was_usual_and_what_a_newcomer_may_do():
    bars = surge.bar_per_h(
        np.array([0.1, 20, 1, 1]), np.array([1, 1, 2.0, 1]), np.array([0, 5, 30, 0]), np.full(4, 15.0),
        np.array([1e4, 1e4, 1e4, 0]), np.ones(4),
    )  # fmt: skip
    assert bars.tolist() == pytest.approx([1.0, 20.0, 60.0, 15.0])


@pytest.mark.parametrize("rate", [2.0, 60.0])
def test_poisson_streams_below_the_bar_trip_after_a_deploy_no_oftener_than_one_in_the_line(rate):
    """4,000 deploys, line 20, a day each in buckets of a minute: at most 200 false trips are due."""
    rng, streams, width_h = np.random.default_rng(5), 4000, 1 / 60
    change, tripped = np.zeros((streams, len(surge.RATIOS))), np.zeros(streams, bool)
    bar, deployed = np.full(streams, rate), np.ones(streams, int)
    for bucket in range(1, 24 * 60):
        at = np.full(streams, bucket)
        kept, gained, _ = surge.idle(at - 1, at, deployed, bar, width_h)
        mass = change * kept + gained
        if bucket <= surge.ARRIVES_H / width_h:
            mass += (1 - surge.AT_ONCE) / surge.ARRIVES_H * width_h
        change = mass * surge.grown(rng.poisson(rate * width_h, streams).astype(float), bar, width_h)
        tripped |= change.mean(axis=1) >= 20
    assert tripped.sum() <= 200
