"""`/hooks/pagerduty`: somebody took or ended an incident. Verified on the raw bytes.

403 and 400 stop PagerDuty's redelivery; a 503 makes it try again for two days.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from services.common import logs
from services.common.errors import Unavailable
from services.common.http import CLOSE, BadBody, read_body
from services.intervention.answering.acknowledging import Acknowledging
from services.intervention.channels.pagerduty import read_dedup_key
from services.intervention.database import needed
from services.intervention.sending.signatures import verify_pagerduty
from services.intervention.store.decisions import read_decision

_MAX_BYTES = 2 * 1024 * 1024
_CHANNEL = "pagerduty"
_TAKEN = "incident.acknowledged"
_ENDED = "incident.resolved"
_log = logs.get(__name__)


class _Agent(msgspec.Struct):
    type: str = ""


class _Incident(msgspec.Struct):
    incident_key: str | None = None


class _Event(msgspec.Struct):
    event_type: str
    agent: _Agent | None = None
    data: _Incident | None = None


class _Delivery(msgspec.Struct):
    event: _Event


class PagerDutyHook:
    """Takes webhooks, version 3."""

    def __init__(
        self, pool: Any, acknowledging: Acknowledging, *, secrets: tuple[str, ...]
    ) -> None:
        self._pool = pool
        self._acknowledging = acknowledging
        self._secrets = secrets
        self.refused = 0
        self.unknown = 0

    async def take(self, request: Request) -> Response:
        """POST: apply what a person did; what we did ourselves comes back and is passed over."""
        try:
            body = await read_body(request, _MAX_BYTES)
        except BadBody as error:
            return PlainTextResponse(f"bad request: {error}", error.status, CLOSE)
        signatures = request.headers.getlist("x-pagerduty-signature")
        if not verify_pagerduty(self._secrets, signatures, body):
            self.refused += 1
            _log.warning("pagerduty webhook refused", reason="signature")
            return PlainTextResponse("no signature covers this request", 403)
        try:
            event = msgspec.json.decode(body, type=_Delivery).event
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return PlainTextResponse(f"bad request: {error}", 400)
        if event.event_type in (_TAKEN, _ENDED) and _is_a_person(event):
            try:
                with needed():
                    await self._apply(event)
            except Unavailable:
                return PlainTextResponse("try again", 503)
        return Response(status_code=202)

    async def _apply(self, event: _Event) -> None:
        key = event.data.incident_key if event.data is not None else None
        named = read_dedup_key(key or "")
        # An incident of somebody else's is nothing to us, and no reason to be sent it again.
        decision = await read_decision(self._pool, named[1]) if named else None
        if named is None or decision is None or decision.tenant_id != named[0]:
            self.unknown += 1
        elif event.event_type == _ENDED:
            await self._acknowledging.done(decision, _CHANNEL)
        else:
            await self._acknowledging.acknowledge(decision, _CHANNEL)


def _is_a_person(event: _Event) -> bool:
    return event.agent is not None and event.agent.type == "user_reference"
