"""LetterService: links for the mails of accountability, and who wants none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sentientiq.intervention.v1 import letter_service_pb2 as pb
from sentientiq.intervention.v1 import letter_service_pb2_grpc as rpc

from services.common.auth import principal
from services.common.errors import InvalidArgument
from services.intervention.answering.links import Links
from services.intervention.answering.signed import Signed
from services.intervention.answering.unsubscribing import Unsubscribing
from services.intervention.clock import Clock
from services.intervention.database import needed
from services.intervention.sending.secrets import Sealer
from services.intervention.store import messages

QUERY_PATH = "/q"
QUERY_USE = "query"
LINK_LIFETIME_MS = 8 * 86_400_000
_MOST = 100
_MAX_QUERY_CHARS = 1_000
_DECISION = re.compile(r"[0-9a-f]{32}")
# Who stops the weekly mail still wants alerts; who stops alerts wants no mail at all.
_KINDS = ("weekly", "email")


class LetterServicer(rpc.LetterServiceServicer):
    """Answers accountability."""

    def __init__(
        self,
        pool: Any,
        links: Links,
        unsubscribing: Unsubscribing,
        sealer: Sealer,
        queries: Signed,
        clock: Clock,
        *,
        public_url: str,
    ) -> None:
        self._pool = pool
        self._links = links
        self._unsubscribing = unsubscribing
        self._sealer = sealer
        self._queries = queries
        self._clock = clock
        self._base = public_url.rstrip("/")

    async def PrepareLetter(
        self, request: pb.PrepareLetterRequest, context: Any
    ) -> pb.PrepareLetterResponse:
        """Sign what the letter links to."""
        principal().require_role("mesh")
        for name in ("tenant_id", "person_id", "address"):
            value: str = getattr(request, name)
            if not value or "\x00" in value:
                raise InvalidArgument(f"{name} is empty or contains a NUL character")
        _require_few("decision_ids", request.decision_ids)
        _require_few("queries", request.queries)
        for decision_id in request.decision_ids:
            if not _DECISION.fullmatch(decision_id):
                raise InvalidArgument(f"decision_ids: {decision_id[:64]!r} is no decision's id")
        if any(len(query) > _MAX_QUERY_CHARS for query in request.queries):
            raise InvalidArgument(f"queries: at most {_MAX_QUERY_CHARS} characters each")
        weekly, email = (self._sealer.endpoint_hash(kind, request.address) for kind in _KINDS)
        with needed():
            off = await messages.any_off(self._pool, request.tenant_id, [weekly, email])
        expires_at_ms = self._clock() + LINK_LIFETIME_MS
        return pb.PrepareLetterResponse(
            off=off,
            unsubscribe_url=self._unsubscribing.link(request.tenant_id, weekly),
            decision_urls=[
                f"{self._base}/i/"
                f"{self._links.make(decision, request.person_id, expires_at_ms=expires_at_ms)}"
                for decision in request.decision_ids
            ],
            query_urls=[
                f"{self._base}{QUERY_PATH}/{self._queries.token(query)}"
                for query in request.queries
            ],
        )


def _require_few(name: str, values: Sequence[str]) -> None:
    if len(values) > _MOST:
        raise InvalidArgument(f"{name}: at most {_MOST}, was {len(values)}")
