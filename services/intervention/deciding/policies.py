"""Which policy a tenant has: the builtin one, or its newest good document."""

from __future__ import annotations

import grpc.aio

from services.intervention.documents import Documents
from services.intervention.policy import Policy, PolicyError, builtin_policy, parse_policy


class Policies(Documents[Policy]):
    """All tenants' policies."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        super().__init__(channel, "policy", parse_policy, PolicyError, builtin_policy())
