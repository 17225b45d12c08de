"""Farrington flexible of the benchmarks, against the same regression done the long way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.bench.peers import farrington


def test_a_fit_equals_the_regression_done_with_a_full_design_matrix():
    counts = np.random.default_rng(3).poisson(8, (2, 300))
    counts[:, 120] = 60  # an outbreak that must be weighted down
    judged = farrington.judge(counts, 290)
    for series in range(2):
        mean, phi = _long_way(counts[series], 295)
        assert judged.mean[series, 5] == pytest.approx(mean, rel=1e-6)
        assert judged.phi[series, 5] == pytest.approx(phi, rel=1e-6)


def test_reference_points_are_the_same_weeks_of_five_years_and_nine_equal_blocks_between():
    lags, levels = farrington.Design(skipped=0).reference()
    assert lags[0] == 263
    assert set(levels[np.isin(lags, [52 * year + week for year in range(1, 6) for week in range(-3, 4)])]) == {0}
    assert [(levels[:52] == level).sum() for level in range(10)] == [7] + [5] * 9


def test_the_tail_is_the_chance_of_a_count_at_least_as_high():
    p = farrington.tail(np.array([4, 4]), np.array([2.0, 2.0]), np.array([1.0, 3.0]))
    assert p[0] == pytest.approx(1 - stats.poisson.cdf(3, 2.0))
    assert p[1] == pytest.approx(1 - stats.nbinom.cdf(3, 1.0, 1 / 3))


def test_a_point_without_enough_history_is_refused():
    with pytest.raises(ValueError, match="give at least 263"):
        farrington.judge(np.ones((1, 300), int), 100)


def _long_way(y, at):
    """Mean and dispersion at `at`: dense weighted least squares, twice, as the paper has it."""
    lags, levels = farrington.Design().reference()
    y, time = y[at - lags].astype(float), -lags.astype(float)
    design = np.column_stack([np.eye(10)[levels], time])
    weight = np.ones(len(y))
    for last in (False, True):
        mu = y + 0.1
        for _ in range(50):
            z = np.log(mu) + (y - mu) / mu
            root = np.sqrt(weight * mu)
            beta = np.linalg.lstsq(design * root[:, None], z * root, rcond=None)[0]
            mu = np.exp(design @ beta)
        phi = max(1.0, (weight * (y - mu) ** 2 / mu).sum() / (len(y) - 11))
        if not last:
            scaled = design * np.sqrt(weight * mu)[:, None]
            leverage = np.einsum("ij,jk,ik->i", scaled, np.linalg.inv(scaled.T @ scaled), scaled)
            s = 1.5 * (y ** (2 / 3) * mu ** (-1 / 6) - np.sqrt(mu)) / np.sqrt(phi * (1 - leverage))
            weight = np.where(s > 2.58, s**-2.0, 1.0)
            weight *= len(y) / weight.sum()
    return np.exp(beta[0]), phi
