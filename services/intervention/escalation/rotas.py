"""Which rotas a tenant has: those of its newest good document, or none."""

from __future__ import annotations

import grpc.aio

from services.intervention.documents import Documents
from services.intervention.escalation.rota import NO_ROTAS, RotaError, Rotas, parse_rotas

KIND = "on_call"


class RotasInForce(Documents[Rotas]):
    """All tenants' rotas."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        super().__init__(channel, KIND, parse_rotas, RotaError, NO_ROTAS)
