"""The experiments that a tenant has: none, or those of its newest good document."""

from __future__ import annotations

import grpc.aio

from services.intervention.documents import Documents
from services.intervention.experiments.checks import (
    NO_EXPERIMENTS,
    ExperimentError,
    Experiments,
    parse_experiments,
)

KIND = "experiments"


class ExperimentsInForce(Documents[Experiments]):
    """All tenants' experiments."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        super().__init__(channel, KIND, parse_experiments, ExperimentError, NO_EXPERIMENTS)
