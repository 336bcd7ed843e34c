"""InterventionService: protobuf in, protobuf out."""

from __future__ import annotations

from typing import Any

from sentientiq.intervention.v1 import intervention_service_pb2 as pb
from sentientiq.intervention.v1 import intervention_service_pb2_grpc as rpc

from services.common.auth import principal
from services.common.errors import InvalidArgument
from services.intervention.answering.waiting import Waiting
from services.intervention.clock import Clock
from services.intervention.database import needed
from services.intervention.deciding.decider import Decider
from services.intervention.forgetting import Forgetting
from services.intervention.policy import PolicyError, parse_policy
from services.intervention.switches import Switches

_MAX_TEXT_CHARS = 500
_MAX_NAME_CHARS = 2_048


class InterventionServicer(rpc.InterventionServiceServicer):
    """Answers the edge, and whoever writes policies."""

    def __init__(
        self,
        decider: Decider,
        waiting: Waiting,
        forgetting: Forgetting,
        switches: Switches,
        clock: Clock,
    ) -> None:
        self._forgetting = forgetting
        self._waiting = waiting
        self._decider = decider
        self._switches = switches
        self._clock = clock

    async def Decide(self, request: pb.DecideRequest, context: Any) -> pb.DecideResponse:
        """Decide on an emotion, fast path."""
        caller = principal()
        caller.require_role("mesh")
        caller.require_tenant(request.emotion.tenant_id)
        identity = request.identity if request.HasField("identity") else None
        visitor = request.visitor if request.HasField("visitor") else None
        settled = await self._decider.decide(request.emotion, identity, "fast", visitor)
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
            pending = await self._waiting.of(request.tenant_id, request.session_id)
        return pb.ListPendingResponse(interventions=pending)

    async def CheckPolicy(
        self, request: pb.CheckPolicyRequest, context: Any
    ) -> pb.CheckPolicyResponse:
        """Say whether a document can be used."""
        try:
            policy = parse_policy("document", request.body)
        except PolicyError as error:
            raise InvalidArgument(f"body: {error}") from error
        return pb.CheckPolicyResponse(rules=[node.name for node in policy.rules()])

    async def SetSwitch(self, request: pb.SetSwitchRequest, context: Any) -> pb.SetSwitchResponse:
        """Stop interventions, or let them go on."""
        caller, switch = principal(), request.switch
        if switch.tenant_id:
            caller.require_tenant(switch.tenant_id)
        else:
            caller.require_role("mesh", "operator")
        for name in ("tenant_id", "rule", "reason"):
            value: str = getattr(switch, name)
            if len(value) > _MAX_TEXT_CHARS or "\x00" in value:
                raise InvalidArgument(
                    f"switch.{name}: at most {_MAX_TEXT_CHARS} characters, none of them NUL"
                )
        if switch.rule and not switch.tenant_id:
            raise InvalidArgument("switch.tenant_id: a rule is some tenant's, name it")
        with needed():
            await self._switches.set(switch, off=request.off, now_ms=self._clock())
        return pb.SetSwitchResponse()

    async def ForgetSubject(
        self, request: pb.ForgetSubjectRequest, context: Any
    ) -> pb.ForgetSubjectResponse:
        """Delete what is known of a person."""
        caller = principal()
        caller.require_tenant(request.tenant_id)
        caller.require_role("mesh", "operator")
        named = (request.tenant_id, request.user_id, *request.session_ids)
        if not request.tenant_id or not any(named[1:]):
            raise InvalidArgument("tenant_id, and user_id or session_ids, say who it is")
        if any("\x00" in one or len(one) > _MAX_NAME_CHARS for one in named):
            raise InvalidArgument(f"names have no NUL and at most {_MAX_NAME_CHARS} characters")
        with needed():
            gone = await self._forgetting.forget(
                request.tenant_id, request.user_id, [one for one in request.session_ids if one]
            )
        return pb.ForgetSubjectResponse(
            decisions=gone["decisions"], guards=gone["guards"], hashed=gone["hashed"]
        )

    async def ListSwitches(
        self, request: pb.ListSwitchesRequest, context: Any
    ) -> pb.ListSwitchesResponse:
        """Tell what is stopped."""
        caller = principal()
        if request.tenant_id:
            caller.require_tenant(request.tenant_id)
        else:
            caller.require_role("mesh", "operator")
        with needed():
            found = await self._switches.read()
        return pb.ListSwitchesResponse(
            switches=[
                one
                for one in found
                if not request.tenant_id or one.tenant_id in ("", request.tenant_id)
            ]
        )
