"""`/hooks/slack`: somebody pressed Acknowledge or Done. Verified on the raw bytes first."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import msgspec
from sentientiq.intervention.v1 import intervention_pb2 as pb
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from services.common import logs
from services.common.errors import Unavailable
from services.common.http import CLOSE, BadBody, read_body
from services.intervention.acknowledging import Acknowledging
from services.intervention.clock import Clock
from services.intervention.content import SLACK_ACTS
from services.intervention.database import needed
from services.intervention.links import LinkError, Links
from services.intervention.signatures import verify_slack
from services.intervention.store.decisions import read_decision
from services.intervention.web.body import MAX_BYTES

_CHANNEL = "slack"
_log = logs.get(__name__)


class _Action(msgspec.Struct):
    action_id: str
    value: str = ""


class _Payload(msgspec.Struct):
    type: str
    actions: list[_Action] = []


class SlackHook:
    """Takes presses of buttons. A press of "Step in" comes too: Slack tells of links as well."""

    def __init__(
        self, pool: Any, links: Links, acknowledging: Acknowledging, clock: Clock, *, secret: str
    ) -> None:
        self._pool = pool
        self._links = links
        self._acknowledging = acknowledging
        self._clock = clock
        self._secret = secret
        self.refused = 0
        self.unknown = 0

    async def take(self, request: Request) -> Response:
        """POST: apply each press once; Slack waits three seconds for any 2xx."""
        try:
            body = await read_body(request, MAX_BYTES)
        except BadBody as error:
            return PlainTextResponse(f"bad request: {error}", error.status, CLOSE)
        if not verify_slack(
            self._secret,
            request.headers.getlist("x-slack-request-timestamp"),
            request.headers.getlist("x-slack-signature"),
            body,
            now_s=self._clock() // 1000,
        ):
            self.refused += 1
            _log.warning("slack callback refused", reason="signature")
            return PlainTextResponse("the signature does not cover this request", 403)
        try:
            form = parse_qs(body.decode(), strict_parsing=True, max_num_fields=10)
            payload = msgspec.json.decode(form["payload"][0], type=_Payload)
        except (ValueError, KeyError, msgspec.MsgspecError):
            return PlainTextResponse("bad request: expected a form with payload=JSON", 400)
        presses = [one for one in payload.actions if one.action_id in SLACK_ACTS]
        try:
            with needed():
                for press in presses:
                    await self._apply(press)
        except LinkError as error:
            self.unknown += 1
            return PlainTextResponse(str(error), 404)
        except Unavailable:
            return PlainTextResponse("try again", 503)
        return Response(status_code=200)

    async def _apply(self, press: _Action) -> None:
        decision = await self._decision(press.value)
        if press.action_id == "done":
            await self._acknowledging.done(decision, _CHANNEL)
        else:
            await self._acknowledging.acknowledge(decision, _CHANNEL)

    async def _decision(self, token: str) -> pb.Decision:
        link = self._links.read(token, now_ms=self._clock())
        decision = await read_decision(self._pool, link.decision_id)
        if decision is None or not decision.HasField("recommendation"):
            raise LinkError("This recommendation no longer exists.")
        if self._links.person_tag(decision.recommendation.person_id) != link.person_tag:
            raise LinkError("This recommendation now belongs to somebody else.")
        return decision
