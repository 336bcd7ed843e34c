"""Maximum likelihood over positive parameters, the same for both models."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

special: Final[Any] = importlib.import_module("scipy.special")  # without types

# Parameters are found as logarithms, within e^-12 to e^12. A likelihood that still rises there says
# that the model does not fit the data, for example because all customers are alike.
_WIDEST = 12.0
_STEEPEST = 1e-3


class NotFitted(Exception):
    """The data does not determine the model's parameters; the message says how."""


def most_likely(
    mean_log_likelihood: Callable[[Floats], float], starts: Sequence[Sequence[float]]
) -> Floats:
    """Return the positive parameters under which the data is most likely, from several starts.

    Raises:
        NotFitted: no start leads to a maximum.
    """

    # Only here: it takes megabytes that a process without a fit can do without.
    optimize: Any = importlib.import_module("scipy.optimize")

    def loss(logs: Floats) -> float:
        value = -mean_log_likelihood(np.exp(logs))
        return value if np.isfinite(value) else 1e12

    best: Any = None
    for start in starts:
        found: Any = optimize.minimize(
            loss,
            np.log(np.asarray(start, dtype=np.float64)),
            method="L-BFGS-B",
            bounds=[(-_WIDEST, _WIDEST)] * len(start),
            options={"ftol": 1e-13, "gtol": 1e-8, "maxiter": 2_000, "maxfun": 20_000},
        )
        if best is None or found.fun < best.fun:
            best = found
    if best is None or best.fun >= 1e12:
        raise NotFitted("the likelihood is not finite anywhere near the starts")
    logs: Floats = best.x
    if np.any(np.abs(logs) > _WIDEST - 0.1):
        raise NotFitted(
            f"the likelihood has no maximum: parameters ran off to {np.exp(logs).tolist()}"
        )
    slope: Floats = optimize.approx_fprime(logs, loss, 1e-6)
    if np.max(np.abs(slope)) > _STEEPEST:
        raise NotFitted(f"the search stopped on a slope: {best.message}")
    return np.exp(logs)
