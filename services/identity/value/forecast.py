"""What customers are expected to pay over a horizon, discounted, with an interval.

The estimate is the models' mean, in closed form but for the discount. The interval is made of draws
from the exact posterior of *this* customer: given the model, whether they still buy is a coin of
known bias, and their rate, their chance to leave and their scale of spending are Gamma, Beta and
Gamma again (conjugate in both papers). Each draw lives through the horizon, purchase by purchase.
So the interval holds what one person may do, which a bootstrap of the model's parameters would not.
With hundreds of customers behind the parameters, their own error is small beside that: left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from services.identity.value.bgnbd import BgNbd, Histories
from services.identity.value.numeric import Floats
from services.identity.value.spend import GammaGamma, Spending

LEVEL: Final = 0.9
"""How often the interval should hold what the customer then pays."""
_DRAWS: Final = 1_000
# The same draws for everybody: figures are comparable, and a repeat gives the same figure.
_SEED: Final = 20_050_224
_NODES: Final = 16
# An occasion is a day. It also bounds how long a draw takes: who bought first today may be drawn as
# somebody who buys every second.
_MOST_A_WEEK: Final = 7.0

WEEKS_PER_YEAR: Final = 365.25 / 7


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far to look, in weeks, and what a later payment is worth."""

    length: float
    discount: float
    """Continuous, per week: a payment at t counts exp(-discount * t)."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of what each customer will pay: one element a customer."""

    mean: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Model:
    """How often, and how much."""

    purchases: BgNbd
    spend: GammaGamma

    def forecast(self, of: Histories, spending: Spending, horizon: Horizon) -> Forecast:
        """Say what each customer will pay; their histories are in weeks."""
        mean = discounted_purchases(self.purchases, of, horizon) * self.spend.expected(spending)
        alive = self.purchases.alive(of)
        low, high = np.empty_like(mean), np.empty_like(mean)
        for index in range(len(mean)):
            draws = self.draw(of, spending, horizon, index, float(alive[index]))
            low[index], high[index] = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        # Where most draws pay nothing the mean can lie above the quantile; it is never outside.
        return Forecast(mean, np.minimum(low, mean), np.maximum(high, mean))

    def draw(
        self, of: Histories, spending: Spending, horizon: Horizon, index: int, alive: float
    ) -> Floats:
        """What one customer pays in each of many futures."""
        rng = np.random.default_rng(_SEED)
        repeats, age = of.repeats[index], of.age[index]
        paid: Floats = np.zeros(_DRAWS)
        there = np.flatnonzero(rng.random(_DRAWS) < alive)
        count = len(there)
        rate = rng.gamma(self.purchases.r + repeats, 1 / (self.purchases.alpha + age), count)
        rate = np.minimum(rate, _MOST_A_WEEK)
        leaves = rng.beta(self.purchases.a, self.purchases.b + repeats, count)
        bought = spending.purchases[index]
        scale = 1 / rng.gamma(
            self.spend.q + self.spend.p * bought,
            1 / (self.spend.gamma + bought * spending.mean[index]),
            count,
        )
        time = rng.exponential(1 / rate)
        left = np.flatnonzero(time < horizon.length)
        while len(left):
            amount = rng.gamma(self.spend.p, scale[left])
            paid[there[left]] += np.exp(-horizon.discount * time[left]) * amount
            left = left[rng.random(len(left)) >= leaves[left]]
            time[left] += rng.exponential(1 / rate[left])
            left = left[time[left] < horizon.length]
        return paid


def discounted_purchases(model: BgNbd, of: Histories, horizon: Horizon) -> Floats:
    """Purchases to expect within the horizon, each counted less the later it comes.

    By parts: the integral of exp(-d t) dE(t) is exp(-d h) E(h) + d times that of exp(-d t) E(t).
    """
    length, discount = horizon.length, horizon.discount
    total: Floats = np.exp(-discount * length) * model.expected(of, length)
    if discount > 0:
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        for node, weight in zip(nodes, weights, strict=True):
            at = length * (node + 1) / 2
            part = discount * length / 2 * weight * np.exp(-discount * at)
            total = total + part * model.expected(of, at)
    return total
