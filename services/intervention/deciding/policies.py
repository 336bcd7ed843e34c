"""Which policy a tenant has: the builtin one, or its newest good document."""

from __future__ import annotations

import grpc.aio

from services.common.errors import Unavailable
from services.intervention.documents import Documents
from services.intervention.policy import Policy, PolicyError, builtin_policy, parse_policy


class Policies(Documents[Policy]):
    """All tenants' policies."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        super().__init__(channel, "policy", parse_policy, PolicyError, builtin_policy())

    async def of(self, tenant_id: str) -> Policy:
        """The tenant's policy in force.

        Raises:
            Unavailable: identity never said what the tenant has. The builtin one may be against
                all that they want, and a decision stands.
        """
        policy = await super().of(tenant_id)
        if not self.known(tenant_id):
            raise Unavailable("identity did not say which policy the tenant has")
        return policy
