"""The BG/NBD model: how often a customer buys, and whether they still do.

Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way: An Alternative to the Pareto/NBD
Model", Marketing Science 24(2), 275-284. A customer buys by a Poisson process of rate lambda and
leaves for good after any purchase with probability p; over customers lambda is Gamma(r, alpha) and
p is Beta(a, b). The equations' numbers below are the paper's. The forms are rearranged so that they
hold for thousands of purchases, where the paper's own overflow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.identity.value.numeric import Floats, NotFitted, most_likely, special

_STARTS = ((0.5, 5.0, 0.5, 1.5), (1.0, 1.0, 1.0, 1.0), (2.0, 20.0, 0.2, 4.0))
# At a = 1 the expectation's form is 0 / 0; a step aside changes it by less than 1e-6.
_ASIDE = 1e-7
_PARTS = 200


@dataclass(frozen=True, slots=True)
class Histories:
    """Customers' purchases, as far as the model looks: one element a customer.

    Times are in any one unit, counted from each customer's first purchase.
    """

    repeats: Floats
    """x: purchases after the first."""
    last: Floats
    """t_x: when the last one was; 0 without repeats."""
    age: Floats
    """T: how long the customer has been watched."""


@dataclass(frozen=True, slots=True)
class BgNbd:
    """The fitted model."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, of: Histories) -> Floats:
        """The probability that they will buy again at all, given enough time."""
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        x = of.repeats
        log_odds = (r + x) * (np.log(alpha + of.age) - np.log(alpha + of.last)) + np.log(
            a / (b + np.maximum(x, 1.0) - 1.0)
        )
        alive: Floats = 1.0 / (1.0 + np.exp(np.minimum(log_odds, 700.0)))
        # Nobody leaves before a first repeat: leaving takes a purchase.
        return np.where(x > 0, alive, 1.0)

    def expected(self, of: Histories, period: Floats | float) -> Floats:
        """Purchases to expect in the period that begins now: equation 10.

        Euler's transformation of 2F1 keeps its parameters small however many purchases there were.
        Where it has no figure all the same (customers who leave all alike: a and b of thousands),
        the integral that it solves is taken instead.
        """
        a = self.a if abs(self.a - 1.0) > _ASIDE else 1.0 + _ASIDE
        top = a + self.b + of.repeats - 1.0
        share = period / (self.alpha + of.age + period)
        with np.errstate(all="ignore"):
            scaled: Floats = (1.0 - share) ** (a - 1.0) * special.hyp2f1(
                a + self.b - 1.0 - self.r, a - 1.0, top, share
            )
            of_alive: Floats = top / (a - 1.0) * (1.0 - scaled)
        if not np.all(np.isfinite(of_alive)):
            of_alive = np.where(np.isfinite(of_alive), of_alive, self._integrated(of, period))
        return np.maximum(0.0, of_alive) * self.alive(of)

    def _integrated(self, of: Histories, period: Floats | float) -> Floats:
        """Purchases to expect of the living: the mean over evenly likely chances to leave."""
        total: Floats = np.zeros_like(of.repeats)
        stays = self.alpha + of.age
        for part in (np.arange(_PARTS) + 0.5) / _PARTS:
            leaves = np.maximum(special.betaincinv(self.a, self.b + of.repeats, part), 1e-12)
            # (1 - E[exp(-lambda p t)]) / p, without cancellation.
            gone = (self.r + of.repeats) * np.log1p(leaves * period / stays)
            total = total - np.expm1(-gone) / leaves / _PARTS
        return total

    def expected_of_new(self, period: Floats | float) -> Floats:
        """Repeat purchases to expect of a new customer in their first `period`: equation 9."""
        nothing = np.zeros(np.shape(period))
        return self.expected(Histories(nothing, nothing, nothing), period)


def log_likelihood(parameters: Floats, of: Histories) -> Floats:
    """Each customer's log-likelihood under r, alpha, a, b: equation 6."""
    r, alpha, a, b = parameters
    x = of.repeats
    gammaln = special.gammaln
    shared: Floats = (
        gammaln(r + x)
        - gammaln(r)
        + r * np.log(alpha)
        + gammaln(a + b)
        + gammaln(b + x)
        - gammaln(b)
        - gammaln(a + b + x)
    )
    stayed: Floats = -(r + x) * np.log(alpha + of.age)
    left: Floats = (
        np.log(a) - np.log(b + np.maximum(x, 1.0) - 1.0) - (r + x) * np.log(alpha + of.last)
    )
    return shared + np.where(x > 0, np.logaddexp(stayed, left), stayed)


def fit(of: Histories) -> BgNbd:
    """Find the most likely model.

    Raises:
        NotFitted: there is none.
    """
    if len(of.repeats) == 0 or not np.any(of.repeats > 0):
        raise NotFitted("nobody bought twice")
    found = most_likely(lambda parameters: float(np.mean(log_likelihood(parameters, of))), _STARTS)
    return BgNbd(*(float(value) for value in found))
