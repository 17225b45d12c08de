"""The benchmark's series and scores are what the paper and the table say."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench import noufaily
from tests.bench.peers import surveillance


def series(outbreak: list[int], rows: int = 1) -> noufaily.Series:
    """`rows` series of which the judged weeks begin with these cases of an outbreak."""
    cases = np.zeros((rows, noufaily.WEEKS), np.int64)
    cases[:, noufaily.JUDGED_FROM : noufaily.JUDGED_FROM + len(outbreak)] = outbreak
    flat = np.ones((rows, noufaily.WEEKS))
    return noufaily.Series(cases, cases, flat, np.ones(rows), np.arange(rows), np.full(rows, 2))


def alarms(*weeks: int, rows: int = 1) -> np.ndarray:
    raised = np.zeros((rows, noufaily.WEEKS - noufaily.JUDGED_FROM), bool)
    raised[0, list(weeks)] = True
    return raised


def test_there_are_forty_two_scenarios_and_the_first_of_a_kind_is_flat():
    means = [mean for mean, _ in noufaily.scenarios()]
    assert len(means) == 42
    assert [mean[0] for mean in means[::6]] == pytest.approx(np.exp([kind[0] for kind in noufaily.KINDS]))
    assert means[5][51] == pytest.approx(np.exp(0.1 + 0.0025 * 52 + 2 * 0.6))


def test_counts_have_the_mean_and_dispersion_of_their_scenario():
    rng = np.random.default_rng(1)
    for phi in (1.0, 1.1, 5.0):
        drawn = noufaily.draw(rng, np.full(200_000, 7.0), phi)
        assert drawn.mean() == pytest.approx(7.0, rel=0.02)
        assert drawn.var() == pytest.approx(7.0 * phi, rel=0.03)


def test_an_outbreak_has_half_of_its_cases_in_its_first_week_and_most_others_in_the_next():
    rng = np.random.default_rng(1)
    cases = noufaily.outbreak(rng, np.full(noufaily.WEEKS, 1000.0), 600, 10)
    assert cases[:600].sum() == 0
    assert cases[600:603] / cases.sum() == pytest.approx([0.50, 0.42, 0.07], abs=0.015)


def test_series_can_be_drawn_again():
    once, again = (noufaily.generate(1, 3) for _ in range(2))
    np.testing.assert_array_equal(once.counts, again.counts)
    assert (noufaily.generate(1, 4).counts != once.counts).any()


def test_an_alarm_between_first_and_last_case_finds_and_any_other_is_false():
    drawn = series([0, 4, 0, 1])
    assert np.flatnonzero(noufaily.under_way(drawn)[0]).tolist() == [1, 2, 3]
    found = noufaily.score(alarms(2, 30), drawn)
    assert (found.pod, found.pod_at_once, found.ppv) == (1.0, 0.0, 0.5)
    assert found.fpr == pytest.approx(1 / 46)
    assert noufaily.score(alarms(0, 4), drawn).pod == 0.0
    assert noufaily.score(alarms(1), drawn).pod_at_once == 1.0


def test_an_outbreak_without_a_case_counts_as_missed():
    found = noufaily.score(alarms(5), series([0]))
    assert (found.pod, found.fpr) == (0.0, pytest.approx(1 / 49))


def test_the_worst_scenario_is_named():
    found = noufaily.score(alarms(7, 8, rows=2), series([3], rows=2))
    assert (found.worst_fpr, found.fpr) == (pytest.approx(2 / 48), pytest.approx(2 / 96))


def test_the_production_code_finds_more_than_a_tail_at_a_hundredth_of_false_alarms():
    drawn = noufaily.generate(2, 11)
    judged = noufaily.judge(drawn.counts)
    shipped = noufaily.score(noufaily.excess.alarms(judged.strength, judged.tail), drawn)
    alone = noufaily.score(judged.tail <= 0.01, drawn)
    assert shipped.fpr < 0.013
    assert shipped.pod > alone.pod > 0.4


def test_bayes_is_the_quantile_of_a_gamma_poisson():
    # A negative binomial with 12.5 successes at chance 6/7 has its 95 % quantile at 5.
    counts = np.array([[2, 2, 2, 2, 2, 2, 5], [2, 2, 2, 2, 2, 2, 6]])
    assert surveillance.bayes(counts, 6, recent=6, years=0, half_window=0).tolist() == [[False], [True]]


def test_ears_looks_at_the_seven_weeks_before_its_lag():
    counts = np.array([[50, 1, 2, 3, 1, 2, 3, 2, 90, 90, 9]])
    assert surveillance.ears_c2(counts, 10).tolist() == [[True]]
    assert surveillance.ears_c1(counts, 10).tolist() == [[False]]
