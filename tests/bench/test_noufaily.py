"""Targets on Noufaily's scenarios: found, falsely alarmed, in time."""

from __future__ import annotations

import pytest

from tests.bench import noufaily

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("seed", [7, 8])
def test_at_a_false_alarm_in_a_hundred_weeks_more_than_half_of_all_outbreaks_are_found(seed):
    series = noufaily.generate(24, seed)
    shipped, tuned, *_ = noufaily.ours(series)
    for row in (shipped, tuned):
        print(row.line())
    assert shipped.score.fpr <= 0.0105
    assert tuned.score.pod >= 0.55
    assert max(shipped.score.worst_fpr, tuned.score.worst_fpr) <= 0.029
    assert shipped.ms <= 0.01
