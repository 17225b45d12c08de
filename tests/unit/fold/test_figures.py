"""Figures of a fold, against its own tables and alerts."""

from __future__ import annotations

import numpy as np

from detector.config.policy_tests import History
from detector.engine.policy_state import WHOLE
from detector.fold import Fold
from detector.fold.figures import figures, learning
from detector.policy import Policy, Ruleset, StreamSettings
from detector.simulate.feed import Feed, actions

START_MS = 1_767_571_200_000
HOUR_MS = 3_600_000


def fed(hours, per_minute=2, every_minutes=1):
    feed = Feed(Ruleset(policies=(Policy(id="spam"),), stream=StreamSettings(clock="events")), "spam")
    rows = [actions(History(per_minute=per_minute), range(0, 60 * hours, every_minutes), per_minute, START_MS)]
    feed.run(rows, [START_MS + hour * HOUR_MS for hour in range(hours + 1)])
    return feed._fold


def test_a_new_fold_has_no_figures():
    found = figures(Fold())

    assert found.ids == []
    assert len(found.strength) == 0


def test_the_expected_rate_is_learned_and_calm_traffic_gives_little_evidence():
    found = figures(fed(72))

    assert found.ids == ["spam"]
    assert 100 < found.expected_per_h[0] < 140
    assert found.phi[0] >= 1
    assert 0 <= found.strength[0] <= found.peak[0] < 1


def test_a_policy_that_stays_below_the_material_rate_is_not_taken_to_be_dispersed_for_it():
    assert 1 <= figures(fed(10 * 24, per_minute=1, every_minutes=7 * 60)).phi[0] < 2


def test_before_a_level_is_known_nothing_is_said_of_evidence():
    found = figures(fed(3))

    assert (found.strength[0], found.peak[0]) == (0, 0)


def test_a_policy_is_told_to_be_learning_until_its_past_is_a_day():
    assert learning(Fold()) == []
    assert [policy.id for policy in learning(fed(3))] == ["spam"]
    assert [policy.id for policy in learning(fed(20))] == ["spam"]
    assert learning(fed(30)) == []


def test_figures_reach_to_what_has_settled():
    fold = fed(3)
    row = fold.engine.scopes.policies["spam"].rows[WHOLE]

    assert figures(fold).settled_ms[0] == (fold.engine.scopes.table.rows["settled"][row] + 1) * 5000
    assert START_MS + 2 * HOUR_MS < figures(fold).settled_ms[0] < START_MS + 3 * HOUR_MS


def test_asking_changes_nothing():
    fold = fed(5)
    before = fold.engine.scopes.table.rows.copy()
    figures(fold)

    assert np.array_equal(before.view(np.uint8), fold.engine.scopes.table.rows.view(np.uint8))
