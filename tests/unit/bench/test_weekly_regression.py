"""The regression finds the posterior mode that a general optimiser finds, and keeps finding it period by period."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from tests.bench.weekly import regression

YEAR = 52.0
WEEKS = np.arange(-520.0, 0.0)
TRUTH = np.array([1.5, 0.1, 0.3, -0.4, 0.1, 0.2])


def drawn(rng: np.random.Generator, rows: int, phi: float, periods: np.ndarray = WEEKS) -> np.ndarray:
    mean = np.exp(regression.design(periods, YEAR) @ TRUTH)[None].repeat(rows, axis=0)
    return (rng.poisson(mean) if phi == 1 else rng.negative_binomial(mean / (phi - 1), 1 / phi)).astype(float)


def by_optimiser(count: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The mode of the weighted Poisson likelihood times the normal prior about the mean level."""
    x, precision = regression.design(WEEKS, YEAR), regression._PRECISION
    centre = np.zeros(regression.WIDTH)
    centre[0] = np.log(count.mean() + 0.5 / len(count))

    def loss(beta: np.ndarray) -> float:
        eta = x @ beta
        return float((weight * (np.exp(eta) - count * eta)).sum() + 0.5 * (precision * (beta - centre) ** 2).sum())

    return optimize.minimize(loss, centre, method="BFGS", options={"gtol": 1e-7}).x


def test_ordinary_counts_are_fitted_to_the_posterior_mode(monkeypatch):
    monkeypatch.setattr(regression, "OUTLYING", np.inf)
    counts = drawn(np.random.default_rng(2), 4, 2.0)
    found = regression.fit(counts, WEEKS, YEAR).coefficients
    for count, coefficients in zip(counts, found, strict=True):
        np.testing.assert_allclose(coefficients, by_optimiser(count, np.ones(len(count))), atol=1e-4)


def test_outlying_periods_are_fitted_by_their_weight():
    counts = drawn(np.random.default_rng(2), 1, 1.0)
    counts[0, [100, 300, 301]] += 40
    plain = np.exp(regression.design(WEEKS, YEAR) @ by_optimiser(counts[0], np.ones(520)))
    phi = max(1.0, ((counts[0] - plain) ** 2 / plain).sum() / (520 - 6))
    weight = regression.outlier_weight(counts[0], plain, np.full(520, phi))
    assert (weight[[100, 300, 301]] < 0.15).all()
    found = regression.fit(counts, WEEKS, YEAR).coefficients[0]
    np.testing.assert_allclose(found, by_optimiser(counts[0], weight), atol=1e-4)


@pytest.mark.parametrize("phi", [1.0, 3.0])
def test_many_series_are_estimated_without_bias_and_as_exactly_as_they_say(phi):
    model = regression.fit(drawn(np.random.default_rng(6), 400, phi), WEEKS, YEAR)
    due = regression.forecast(model, 3.0, YEAR)
    truth = np.exp(regression.design(np.array(3.0), YEAR) @ TRUTH)
    assert due.mean.mean() == pytest.approx(truth, rel=0.03)
    unknown = (due.phi / model.phi - 1) / due.mean * model.phi
    assert due.mean.std() / truth == pytest.approx(np.sqrt(unknown.mean()), rel=0.15)
    assert 0.85 * phi <= model.phi.mean() <= 1.07 * phi


def test_learning_period_by_period_is_as_good_as_fitting_again():
    counts = drawn(np.random.default_rng(9), 30, 2.0, np.arange(-520.0, 52.0))
    model = regression.fit(counts[:, :520], WEEKS, YEAR)
    for week in range(52):
        model = regression.update(model, float(week), counts[:, 520 + week], YEAR)
    again = regression.fit(counts, np.arange(-520.0, 52.0), YEAR)
    stepped, fitted = regression.forecast(model, 52.0, YEAR), regression.forecast(again, 52.0, YEAR)
    np.testing.assert_allclose(stepped.mean, fitted.mean, rtol=0.04)
    np.testing.assert_allclose(stepped.phi, fitted.phi, rtol=0.15)


def test_a_step_keeps_the_covariance_the_inverse_of_the_information(monkeypatch):
    monkeypatch.setattr(regression, "OUTLYING", np.inf)
    model = regression.fit(drawn(np.random.default_rng(1), 3, 1.0), WEEKS, YEAR)
    x = regression.design(np.array(5.0), YEAR)
    due = np.exp(model.coefficients @ x)
    after = regression.update(model, 5.0, np.array([4.0, 9.0, 0.0]), YEAR)
    for row in range(3):
        information = np.linalg.inv(model.covariance[row]) + due[row] * np.outer(x, x)
        np.testing.assert_allclose(after.covariance[row], np.linalg.inv(information), rtol=1e-6, atol=1e-10)


def test_an_outbreak_just_learned_hardly_moves_the_forecast():
    model = regression.fit(drawn(np.random.default_rng(1), 1, 1.0), WEEKS, YEAR)
    before = regression.forecast(model, 1.0, YEAR).mean[0]
    after = regression.forecast(regression.update(model, 0.0, np.array([60.0]), YEAR), 1.0, YEAR).mean[0]
    assert after == pytest.approx(before, rel=0.02)


def test_silence_and_single_counts_are_fitted_too():
    counts = np.zeros((2, 520))
    counts[1, 17] = 1.0
    due = regression.forecast(regression.fit(counts, WEEKS, YEAR), 0.0, YEAR)
    assert ((due.mean > 0) & (due.mean < 0.05)).all()
    assert np.isfinite(due.phi).all()


def test_series_are_fitted_alike_alone_and_in_company():
    counts = drawn(np.random.default_rng(3), regression._BLOCK + 3, 2.0)
    together = regression.fit(counts, WEEKS, YEAR).coefficients
    np.testing.assert_allclose(together[-1], regression.fit(counts[-1:], WEEKS, YEAR).coefficients[0], rtol=1e-9)
