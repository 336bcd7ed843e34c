"""The Gamma-Gamma model: published figures, a twin that integrates, simulated customers."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from services.identity.value.numeric import Floats, NotFitted
from services.identity.value.spend import GammaGamma, Spending, fit, log_likelihood
from tests.unit.services.identity.value import cdnow

_stats: Any = importlib.import_module("scipy.stats")  # without types


def test_cdnow_gives_the_published_parameters() -> None:
    data = cdnow.load()
    model = fit(Spending(data.histories.repeats, data.mean_repeat))
    assert (round(model.p, 2), round(model.q, 2)) == (6.25, 3.74)
    assert model.gamma == pytest.approx(15.44, abs=0.05)


@pytest.mark.parametrize(("purchases", "mean"), [(1, 12.0), (3, 80.0), (40, 25.0)])
def test_closed_forms_are_the_integrals(purchases: int, mean: float) -> None:
    model = GammaGamma(6.25, 3.74, 15.44)
    u = (np.arange(200_000) + 0.5) / 200_000
    nu: Floats = _stats.gamma.ppf(u, model.q, scale=1 / model.gamma)
    # The mean of n amounts Gamma(p, nu) is Gamma(p n, nu n).
    density: Floats = _stats.gamma.pdf(mean, model.p * purchases, scale=1 / (nu * purchases))
    of = Spending(np.array([purchases], float), np.array([mean]))
    parameters = np.array([model.p, model.q, model.gamma])
    likelihood = float(np.exp(log_likelihood(parameters, of)[0]))
    assert likelihood == pytest.approx(float(np.mean(density)), rel=1e-3)
    expected = float(np.sum(density * model.p / nu) / np.sum(density))
    assert float(model.expected(of)[0]) == pytest.approx(expected, rel=1e-3)


def test_parameters_of_simulated_customers_are_found_again() -> None:
    rng = np.random.default_rng(3)
    truth = GammaGamma(3.0, 4.0, 900.0)
    nu = rng.gamma(truth.q, 1 / truth.gamma, 8_000)
    count = rng.integers(1, 9, 8_000).astype(float)
    found = fit(Spending(count, rng.gamma(truth.p * count, 1 / nu) / count))
    assert [found.p, found.q, found.gamma] == pytest.approx([3.0, 4.0, 900.0], rel=0.12)


def test_who_never_bought_is_expected_to_spend_what_all_do() -> None:
    model = GammaGamma(6.25, 3.74, 15.44)
    none = Spending(np.zeros(1), np.zeros(1))
    assert float(model.expected(none)[0]) == pytest.approx(6.25 * 15.44 / 2.74)


def test_amounts_without_a_mean_are_no_model() -> None:
    rng = np.random.default_rng(5)
    nu = rng.gamma(0.5, 1.0, 3_000)
    amounts = rng.gamma(2.0 * 5, 1 / nu) / 5
    with pytest.raises(NotFitted, match="no mean"):
        fit(Spending(np.ones(3_000) * 5, amounts))
