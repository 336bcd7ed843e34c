"""The Gamma-Gamma model: how much a customer spends at a time.

Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value". A customer's amounts are
Gamma(p, nu), so their mean is p / nu; over customers nu is Gamma(q, gamma). It holds where how much
somebody spends says nothing of how often they buy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.identity.value.numeric import Floats, NotFitted, most_likely, special


@dataclass(frozen=True, slots=True)
class Spending:
    """How often and how much: one element a customer."""

    purchases: Floats
    mean: Floats
    """Of an amount; 0 without purchases."""


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """The fitted model."""

    p: float
    q: float
    gamma: float

    def expected(self, of: Spending) -> Floats:
        """The mean amount to expect of each: between what they spent and what everybody spends."""
        n = of.purchases
        return self.p * (self.gamma + n * of.mean) / (self.p * n + self.q - 1.0)


def log_likelihood(parameters: Floats, of: Spending) -> Floats:
    """Each customer's log-likelihood under p, q, gamma, of those who bought: equation 1a."""
    p, q, gamma = parameters
    n, mean = of.purchases, of.mean
    gammaln = special.gammaln
    density: Floats = (
        gammaln(p * n + q)
        - gammaln(p * n)
        - gammaln(q)
        + q * np.log(gamma)
        + (p * n - 1.0) * np.log(mean)
        + p * n * np.log(n)
        - (p * n + q) * np.log(gamma + n * mean)
    )
    return density


def fit(of: Spending) -> GammaGamma:
    """Find the most likely model over those who bought something.

    Raises:
        NotFitted: there is none, or none with a mean (q > 1).
    """
    bought = (of.purchases > 0) & (of.mean > 0)
    if not np.any(bought):
        raise NotFitted("nobody bought anything")
    scale = float(np.median(of.mean[bought]))
    scaled = Spending(of.purchases[bought], of.mean[bought] / scale)
    p, q, gamma = most_likely(
        lambda parameters: float(np.mean(log_likelihood(parameters, scaled))),
        ((2.0, 3.0, 1.0), (6.0, 4.0, 0.5), (1.0, 2.0, 1.0)),
    )
    if q <= 1.0:
        raise NotFitted(f"amounts spread so far that they have no mean (q = {q:.3f})")
    return GammaGamma(float(p), float(q), float(gamma) * scale)
