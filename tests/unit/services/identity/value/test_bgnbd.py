"""The BG/NBD model: the paper's own figures, and twins that integrate what it solves."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from services.identity.value.bgnbd import BgNbd, Histories, fit, log_likelihood
from services.identity.value.numeric import Floats, NotFitted
from tests.unit.services.identity.value import cdnow

_stats: Any = importlib.import_module("scipy.stats")  # without types

# repeats, last, age
CUSTOMERS = [(0, 0.0, 30.0), (1, 4.0, 12.0), (2, 30.43, 38.86), (7, 20.0, 38.0), (20, 35.0, 36.0)]
MODELS = [
    BgNbd(0.243, 4.414, 0.793, 2.426),
    BgNbd(1.4, 20.0, 1.0, 3.0),
    BgNbd(0.8, 2.0, 0.3, 0.4),
    BgNbd(3.0, 9.0, 2.5, 6.0),
    # Of these 2F1 has no figure: an infinite one, or none for lack of digits.
    BgNbd(0.8, 6.0, 0.5, 0.5),
    BgNbd(0.8, 6.0, 1_000.0, 1_000.0),
    BgNbd(0.8, 6.0, 10_000.0, 90_000.0),
]


def histories(*customers: tuple[float, float, float]) -> Histories:
    repeats, last, age = (np.array(column, float) for column in zip(*customers, strict=True))
    return Histories(repeats, last, age)


class Twin:
    """The same by brute force: all rates and chances to leave, weighed by what they explain."""

    def __init__(self, model: BgNbd, customer: tuple[float, float, float]) -> None:
        nodes, weights = np.polynomial.legendre.leggauss(400)
        # Crowded at both ends, where Gamma and Beta densities may be infinite.
        u = (nodes + 1) / 2
        part = np.minimum(u**4 * (35 - 84 * u + 70 * u**2 - 20 * u**3), 1 - 1e-16)
        weight = weights / 2 * 140 * u**3 * (1 - u) ** 3
        rate: Floats = _stats.gamma.ppf(part, model.r, scale=1 / model.alpha)[:, None]
        leaves: Floats = _stats.beta.ppf(part, model.a, model.b)[None, :]
        repeats, last, age = customer
        self._rate, self._leaves = rate, leaves
        self._weight = weight[:, None] * weight[None, :]
        self._there = (1 - leaves) ** repeats * rate**repeats * np.exp(-rate * age)
        self._gone = np.zeros_like(self._there)
        if repeats:
            self._gone = (
                leaves * (1 - leaves) ** (repeats - 1) * rate**repeats * np.exp(-rate * last)
            )

    @property
    def likelihood(self) -> float:
        return float(np.sum(self._weight * (self._there + self._gone)))

    @property
    def alive(self) -> float:
        return float(np.sum(self._weight * self._there)) / self.likelihood

    def expected(self, period: float) -> float:
        of_each = -np.expm1(-self._rate * self._leaves * period) / np.maximum(self._leaves, 1e-300)
        return float(np.sum(self._weight * self._there * of_each)) / self.likelihood


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("customer", CUSTOMERS)
def test_closed_forms_are_the_integrals(model: BgNbd, customer: tuple[float, float, float]) -> None:
    twin, of = Twin(model, customer), histories(customer)
    parameters = np.array([model.r, model.alpha, model.a, model.b])
    likelihood = float(np.exp(log_likelihood(parameters, of)[0]))
    assert likelihood == pytest.approx(twin.likelihood, rel=1e-4)
    assert float(model.alive(of)[0]) == pytest.approx(twin.alive, rel=1e-4)
    for period in (1.0, 39.0, 520.0):
        assert float(model.expected(of, period)[0]) == pytest.approx(
            twin.expected(period), rel=1e-3
        )


def test_a_purchase_a_day_for_years_is_no_overflow() -> None:
    of = histories((3_000, 520.0, 520.5), (3_000, 400.0, 520.0))
    for model in MODELS:
        assert np.all(np.isfinite(model.expected(of, 52.0)))
        here, gone = model.alive(of)
        assert 0.0 <= gone < 1e-6 < here <= 1.0


def test_cdnow_gives_the_published_parameters() -> None:
    """Table 2 of the paper: r, alpha, a, b and the log-likelihood."""
    of = cdnow.load().histories
    model = fit(of)
    found = [round(value, 3) for value in (model.r, model.alpha, model.a, model.b)]
    assert found == [0.243, 4.414, 0.793, 2.426]
    parameters = np.array([model.r, model.alpha, model.a, model.b])
    assert float(np.sum(log_likelihood(parameters, of))) == pytest.approx(-9582.4, abs=0.05)


def test_cdnow_held_out_purchases_are_within_the_papers_error() -> None:
    """The paper: under by less than 4 % at week 78, and a correlation of 0.626 by customer."""
    data = cdnow.load()
    model = fit(data.histories)
    until_78 = model.expected_of_new(2 * cdnow.WEEKS - data.first + 1 / 7)
    bought = float(np.sum(data.histories.repeats + data.held_out))
    assert -0.04 < float(np.sum(until_78)) / bought - 1 < 0
    expected = model.expected(data.histories, cdnow.WEEKS)
    assert round(float(np.corrcoef(expected, data.held_out)[0, 1]), 3) == 0.626


def simulate(model: BgNbd, customers: int, age: float, seed: int) -> tuple[Histories, Floats]:
    """Customers who live by the model until `age`; and what each does in as long again."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[float, float, float]] = []
    later: list[float] = []
    for _ in range(customers):
        rate = rng.gamma(model.r, 1 / model.alpha)
        leaves = rng.beta(model.a, model.b)
        time, repeats, last, after = 0.0, 0, 0.0, 0
        while (time := time + rng.exponential(1 / rate)) < 2 * age:
            if time < age:
                repeats, last = repeats + 1, time
            else:
                after += 1
            if rng.random() < leaves:
                break
        rows.append((repeats, last, age))
        later.append(after)
    return histories(*rows), np.array(later, float)


def test_parameters_of_simulated_customers_are_found_again() -> None:
    truth = BgNbd(0.8, 6.0, 0.9, 3.0)
    of, later = simulate(truth, 6_000, 52.0, seed=7)
    found = fit(of)
    assert [found.r, found.alpha] == pytest.approx([truth.r, truth.alpha], rel=0.1)
    assert found.a / (found.a + found.b) == pytest.approx(truth.a / (truth.a + truth.b), rel=0.1)
    assert float(np.sum(found.expected(of, 52.0))) == pytest.approx(float(np.sum(later)), rel=0.04)


def test_nobody_who_came_back_is_no_model() -> None:
    with pytest.raises(NotFitted, match="nobody bought twice"):
        fit(histories((0, 0.0, 5.0), (0, 0.0, 9.0)))


def test_customers_who_are_all_alike_are_no_model() -> None:
    """Without spread the likelihood has no maximum: r grows for ever."""
    with pytest.raises(NotFitted, match="no maximum"):
        fit(histories(*[(10.0, 10.0, 10.0)] * 300))
