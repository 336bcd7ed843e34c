"""`/hooks/twilio`: what became of a text message. Verified on the raw request before it is read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from sentientiq.intervention.v1 import intervention_pb2 as pb
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from services.common import logs, tracing
from services.common.errors import Unavailable
from services.common.http import CLOSE, BadBody, read_body
from services.intervention.channels.twilio import STATUS_RANK
from services.intervention.clock import Clock
from services.intervention.database import needed
from services.intervention.sending.signatures import verify_twilio
from services.intervention.store import messages
from services.intervention.web.body import MAX_BYTES

_DELIVERED = {"delivered", "read"}
_FAILED = {"undelivered", "failed", "canceled"}
_OPTED_OUT = "21610"
_log = logs.get(__name__)


class TwilioHook:
    """Takes status callbacks."""

    def __init__(
        self,
        pool: Any,
        clock: Clock,
        *,
        auth_token: str,
        public_url: str,
        committed: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._auth_token = auth_token
        self._public_url = public_url.rstrip("/")
        self._committed = committed
        self.refused = 0
        self.unknown = 0

    async def take(self, request: Request) -> Response:
        """POST: apply a status; older ones than the last change nothing."""
        try:
            body = await read_body(request, MAX_BYTES)
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100)
        except BadBody as error:
            return PlainTextResponse(f"bad request: {error}", error.status, CLOSE)
        except ValueError as error:
            return PlainTextResponse(f"bad request: {error}", 400)
        query = request.url.query
        url = f"{self._public_url}{request.url.path}" + (f"?{query}" if query else "")
        signatures = request.headers.getlist("x-twilio-signature")
        if not verify_twilio(self._auth_token, url, pairs, signatures, body):
            self.refused += 1
            _log.warning("twilio callback refused", reason="signature")
            return PlainTextResponse("the signature does not cover this request", 403)
        form = dict(pairs)
        message_id = request.query_params.get("m", "")
        try:
            with needed():
                found = await self._apply(form, message_id)
        except Unavailable:
            return PlainTextResponse("try again", 503)
        if not found:
            self.unknown += 1
            return PlainTextResponse("no such message", 404)
        return Response(status_code=204)

    async def _apply(self, form: dict[str, str], message_id: str) -> bool:
        sid = form.get("MessageSid") or form.get("SmsSid") or ""
        status = (form.get("MessageStatus") or form.get("SmsStatus") or "").lower()
        if "\x00" in sid + status + message_id:
            return False
        row = await messages.find(self._pool, message_id=message_id, provider_id=sid)
        if row is None:
            return False
        began_ns = time.time_ns()
        code = form.get("ErrorCode", "")[:16].replace("\x00", "")
        kind = None
        if status in _DELIVERED:
            kind = pb.OUTCOME_KIND_DELIVERED
        elif status in _FAILED:
            kind = pb.OUTCOME_KIND_FAILED
        changed = await messages.report(
            self._pool,
            row,
            provider_id=sid,
            rank=STATUS_RANK.get(status, 0),
            kind=kind,
            detail=code if kind == pb.OUTCOME_KIND_FAILED else "",
            now_ms=self._clock(),
            endpoint_off=code == _OPTED_OUT,
        )
        if above := tracing.parse(row.traceparent):
            tracing.record(
                "provider.callback",
                parent=tracing.of_message(above, row.id),
                start_ns=began_ns,
                kind="server",
                channel=row.channel,
                status=status,
                changed=changed,
            )
        if changed:
            self._committed()
        return True
