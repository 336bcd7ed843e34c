"""`/hooks/slack`: somebody pressed Acknowledge or Done. Verified on the raw bytes first."""

from __future__ import annotations

from urllib.parse import parse_qs

import msgspec
from starlette.background import BackgroundTasks
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from services.common import logs
from services.common.errors import Unavailable
from services.common.http import CLOSE, BadBody, read_body
from services.intervention.answering.acknowledging import Acknowledging
from services.intervention.answering.links import LinkError
from services.intervention.answering.slack_reply import SlackReplies
from services.intervention.answering.visiting import Visit, Visiting
from services.intervention.clock import Clock
from services.intervention.database import needed
from services.intervention.sending.content import SLACK_ACTS
from services.intervention.sending.signatures import verify_slack
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
        self,
        visiting: Visiting,
        acknowledging: Acknowledging,
        replies: SlackReplies,
        clock: Clock,
        *,
        secret: str,
    ) -> None:
        self._visiting = visiting
        self._acknowledging = acknowledging
        self.replies = replies
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
            raw = form["payload"][0].encode()
            payload = msgspec.json.decode(raw, type=_Payload)
        except (ValueError, KeyError, msgspec.MsgspecError):
            return PlainTextResponse("bad request: expected a form with payload=JSON", 400)
        presses = [one for one in payload.actions if one.action_id in SLACK_ACTS]
        # Run once the answer is out: Slack waits for that, not for what its message then says.
        replies = BackgroundTasks()
        try:
            with needed():
                for press in presses:
                    visit = await self._apply(press)
                    replies.add_task(self.replies.start, raw, visit, press.action_id)
        except LinkError as error:
            self.unknown += 1
            return PlainTextResponse(str(error), 404)
        except Unavailable:
            return PlainTextResponse("try again", 503)
        return Response(status_code=200, background=replies)

    async def _apply(self, press: _Action) -> Visit:
        visit = await self._visiting.visit(press.value)
        if press.action_id == "done":
            await self._acknowledging.done(visit.decision, _CHANNEL, visit.person_id)
        else:
            await self._acknowledging.acknowledge(visit.decision, _CHANNEL, visit.person_id)
        return visit
