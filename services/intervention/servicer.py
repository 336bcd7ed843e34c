"""InterventionService: protobuf in, protobuf out."""

from __future__ import annotations

from typing import Any

from sentientiq.intervention.v1 import intervention_service_pb2 as pb
from sentientiq.intervention.v1 import intervention_service_pb2_grpc as rpc

from services.common.auth import principal
from services.common.errors import InvalidArgument
from services.intervention.clock import Clock
from services.intervention.database import needed
from services.intervention.decider import Decider
from services.intervention.store.interventions import list_pending


class InterventionServicer(rpc.InterventionServiceServicer):
    """Answers the edge."""

    def __init__(self, pool: Any, decider: Decider, clock: Clock) -> None:
        self._pool = pool
        self._decider = decider
        self._clock = clock

    async def Decide(self, request: pb.DecideRequest, context: Any) -> pb.DecideResponse:
        """Decide on an emotion, fast path."""
        caller = principal()
        caller.require_role("mesh")
        caller.require_tenant(request.emotion.tenant_id)
        identity = request.identity if request.HasField("identity") else None
        settled = await self._decider.decide(request.emotion, identity, "fast")
        return pb.DecideResponse(decision=settled.decision)

    async def ListPending(
        self, request: pb.ListPendingRequest, context: Any
    ) -> pb.ListPendingResponse:
        """List what a session has not been shown yet."""
        principal().require_role("mesh")
        for name in ("tenant_id", "session_id"):
            value: str = getattr(request, name)
            if not value or "\x00" in value:
                raise InvalidArgument(f"{name} is empty or contains a NUL character")
        with needed():
            pending = await list_pending(
                self._pool, request.tenant_id, request.session_id, self._clock()
            )
        return pb.ListPendingResponse(interventions=pending)
