"""Documents for tests: a small one, and ways to change it."""

from __future__ import annotations

import json
from typing import Any

from services.intervention.experiments.checks import Experiments, Trial, parse_experiments


def experiment(**changes: Any) -> dict[str, Any]:
    """A running experiment with two arms."""
    return {
        "state": "running",
        "rule": "rage",
        "variants": [{"name": "control", "act": "nothing"}, {"name": "chat"}],
        "metrics": [{"name": "bought", "role": "primary"}],
        "plan": {"mde": 0.02},
        **changes,
    }


def body(holdouts: dict[str, Any] | None = None, **experiments: dict[str, Any]) -> bytes:
    """A document."""
    return json.dumps({"holdouts": holdouts or {}, "experiments": experiments}).encode()


def document(holdouts: dict[str, Any] | None = None, **experiments: dict[str, Any]) -> Experiments:
    """A document, read."""
    return parse_experiments("tenant@1", body(holdouts, **experiments))


def trial(**changes: Any) -> Trial:
    """The one experiment of a document."""
    return document(pay=experiment(**changes)).trial("pay")
