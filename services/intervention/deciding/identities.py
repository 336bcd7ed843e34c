"""Who a session is: as the caller says, else as identity says, else as it last said."""

from __future__ import annotations

from collections import OrderedDict

import grpc
import grpc.aio
from sentientiq.identity.v1 import identity_service_pb2 as pb
from sentientiq.identity.v1 import identity_service_pb2_grpc as rpc

from services.common import logs
from services.common.errors import Unavailable

_CAPACITY = 10_000
_DEADLINE_S = 1.0
_log = logs.get(__name__)


class Identities:
    """Resolves sessions, remembering the last answer of each for when identity is away."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = rpc.IdentityServiceStub(channel)
        self._known: OrderedDict[tuple[str, str], pb.UserIdentity] = OrderedDict()
        self.degraded_answers = 0

    def remember(self, identity: pb.UserIdentity) -> None:
        """Keep what a caller sent along."""
        key = (identity.tenant_id, identity.session_id)
        self._known[key] = identity
        self._known.move_to_end(key)
        if len(self._known) > _CAPACITY:
            self._known.popitem(last=False)

    async def resolve(self, tenant_id: str, session_id: str) -> pb.UserIdentity:
        """Ask identity; while it is away, answer with what was last known.

        Raises:
            Unavailable: it is away and nothing is known.
        """
        request = pb.ResolveRequest(tenant_id=tenant_id, session_id=session_id)
        try:
            answer = await self._stub.Resolve(request, timeout=_DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            known = self._known.get((tenant_id, session_id))
            if known is None:
                raise Unavailable(f"identity did not resolve: {error.code().name}") from error
            self.degraded_answers += 1
            _log.warning("identity from cache", tenant=tenant_id, code=error.code().name)
            return known
        self.remember(answer.identity)
        return answer.identity
