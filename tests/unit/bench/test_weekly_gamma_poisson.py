"""Chances and tails of counts agree with scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from tests.bench.weekly import gamma_poisson


def test_the_gamma_function_agrees_with_scipys():
    x = np.concatenate([np.logspace(-6, 7, 500), np.arange(1.0, 40.0)])
    np.testing.assert_allclose(gamma_poisson.log_gamma(x), special.gammaln(x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("phi", [1.5, 4.0, 30.0])
@pytest.mark.parametrize("mean", [0.05, 3.0, 250.0])
def test_chances_and_tails_are_the_negative_binomials(mean, phi):
    count = np.arange(0.0, 12 + 3 * mean)
    means, phis = np.full_like(count, mean), np.full_like(count, phi)
    law = stats.nbinom(mean / (phi - 1), 1 / phi)
    np.testing.assert_allclose(gamma_poisson.log_chance(count, means, phis), law.logpmf(count), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(gamma_poisson.tail(count, means, phis), law.sf(count - 1), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("mean", [0.05, 3.0, 250.0])
def test_without_dispersion_they_are_poissons(mean):
    count = np.arange(0.0, 8 + 1.5 * mean)
    means, ones = np.full_like(count, mean), np.ones_like(count)
    np.testing.assert_allclose(gamma_poisson.tail(count, means, ones), stats.poisson.sf(count - 1, mean), atol=1e-4)


def test_a_tail_far_out_is_tiny_and_not_rounded_to_nothing():
    far = gamma_poisson.tail(np.array([60.0]), np.array([1.0]), np.array([2.0]))
    assert far[0] == pytest.approx(stats.nbinom.sf(59, 1.0, 0.5), rel=1e-6)
    assert 0 < far[0] < 1e-15


def test_rows_do_not_disturb_each_other():
    count, mean, phi = np.array([0.0, 5.0, 900.0]), np.array([7.0, 5.5, 100.0]), np.array([1.0, 2.0, 3.0])
    alone = [float(gamma_poisson.tail(count[i : i + 1], mean[i : i + 1], phi[i : i + 1])[0]) for i in range(3)]
    np.testing.assert_allclose(gamma_poisson.tail(count, mean, phi), alone)
