"""The interval holds what people then pay, as often as it says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from services.identity.value import bgnbd, spend
from services.identity.value.bgnbd import BgNbd, Histories
from services.identity.value.forecast import LEVEL, Horizon, Model, discounted_purchases
from services.identity.value.numeric import Floats
from services.identity.value.spend import GammaGamma, Spending
from tests.unit.services.identity.value import cdnow

MODEL = Model(BgNbd(0.8, 6.0, 0.9, 3.0), GammaGamma(3.0, 4.0, 90.0))
AGE, LENGTH = 52.0, 52.0


def customers(count: int, seed: int) -> tuple[Histories, Spending, Floats]:
    """Customers who live by the model, and what each pays within the horizon."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[float, ...]] = []
    for _ in range(count):
        rate = rng.gamma(MODEL.purchases.r, 1 / MODEL.purchases.alpha)
        leaves = rng.beta(MODEL.purchases.a, MODEL.purchases.b)
        nu = rng.gamma(MODEL.spend.q, 1 / MODEL.spend.gamma)
        amounts, last, time, later = [rng.gamma(MODEL.spend.p, 1 / nu)], 0.0, 0.0, 0.0
        while (time := time + rng.exponential(1 / rate)) < AGE + LENGTH:
            amount = rng.gamma(MODEL.spend.p, 1 / nu)
            if time < AGE:
                amounts.append(amount)
                last = time
            else:
                later += amount
            if rng.random() < leaves:
                break
        rows.append((len(amounts) - 1.0, last, AGE, float(np.mean(amounts)), later))
    repeats, last, age, mean, later = (np.array(column) for column in zip(*rows, strict=True))
    return Histories(repeats, last, age), Spending(repeats + 1, mean), later


def test_interval_holds_what_people_pay_as_often_as_it_says() -> None:
    of, spending, later = customers(1_500, seed=11)
    found = MODEL.forecast(of, spending, Horizon(LENGTH, 0.0))
    held = (found.low <= later) & (later <= found.high)
    # Paying nothing is one lump of probability, which an interval holds whole or not at all.
    assert LEVEL - 0.02 <= float(np.mean(held)) <= 0.97
    often = of.repeats >= 8
    assert float(np.mean(held[often])) == pytest.approx(LEVEL, abs=0.06)
    assert float(np.sum(found.mean)) == pytest.approx(float(np.sum(later)), rel=0.1)


def test_interval_holds_what_people_paid_at_cdnow() -> None:
    """Real people, fitted to weeks 1 to 39: what each paid in weeks 40 to 78."""
    data = cdnow.load()
    spending = Spending(data.histories.repeats + 1, data.mean)
    model = Model(bgnbd.fit(data.histories), spend.fit(spending))
    found = model.forecast(data.histories, spending, Horizon(cdnow.WEEKS, 0.0))
    held = (found.low <= data.paid_later) & (data.paid_later <= found.high)
    assert float(np.mean(held)) == pytest.approx(0.926, abs=0.005)
    came_back = data.histories.repeats > 0
    assert float(np.mean(held[came_back])) == pytest.approx(0.909, abs=0.01)
    # It tells less than people paid: docs/value.md says so.
    share = float(np.sum(found.mean) / np.sum(data.paid_later))
    assert share == pytest.approx(0.83, abs=0.01)


def test_mean_of_the_draws_is_the_closed_form() -> None:
    """Seen at the ends: an interval of nearly everything has the same mean as the formula."""
    of = Histories(np.full(1, 9.0), np.full(1, 50.0), np.full(1, 52.0))
    spending = Spending(np.full(1, 10.0), np.full(1, 40.0))
    horizon = Horizon(LENGTH, 0.004)
    alive = float(MODEL.purchases.alive(of)[0])
    draws = MODEL.draw(of, spending, horizon, 0, alive)
    mean = float(MODEL.forecast(of, spending, horizon).mean[0])
    assert float(np.mean(draws)) == pytest.approx(mean, rel=0.05)


def test_mean_is_never_outside_its_interval() -> None:
    of = Histories(np.array([12.0]), np.array([10.0]), np.array([200.0]))
    found = MODEL.forecast(of, Spending(np.array([13.0]), np.array([50.0])), Horizon(52.0, 0.0))
    assert 0.0 == found.low[0] < found.mean[0] <= found.high[0]


def test_discount_is_the_sum_of_discounted_days() -> None:
    of = Histories(np.array([0.0, 3.0]), np.array([0.0, 20.0]), np.array([9.0, 22.0]))
    steps = np.linspace(0.0, 52.0, 5_201)
    total = np.zeros(2)
    for begin, end in pairwise(steps.tolist()):
        bought = MODEL.purchases.expected(of, end) - MODEL.purchases.expected(of, begin)
        total += np.exp(-0.01 * (begin + end) / 2) * bought
    found = discounted_purchases(MODEL.purchases, of, Horizon(52.0, 0.01))
    assert found == pytest.approx(total, rel=1e-5)
