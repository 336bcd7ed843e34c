"""Buttons of the inbox page: what Slack and PagerDuty call back with, signed as they sign.

Only to this machine. Slack's `response_url` leads back here and replaces the message, as there.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from services.common import logs
from services.sandbox.callbacks import is_loopback
from services.sandbox.inbox import CAPACITY, Inbox, Received
from services.sandbox.providers import read_body

# Slack's own bound: so often may one press be replied to.
_REPLIES = 5
_PAGERDUTY = {"acknowledge": "incident.acknowledged", "resolve": "incident.resolved"}
_WHO = "Ada"
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to call back, and with which secrets; empty: nobody."""

    base_url: str = ""
    """Where the sandbox itself is reached."""
    hooks_url: str = ""
    slack_secret: str = ""
    pagerduty_secret: str = ""


class _Press(msgspec.Struct):
    action: str


class _Reply(msgspec.Struct):
    text: str = ""
    blocks: list[dict[str, Any]] = []
    replace_original: bool = False


@dataclass(slots=True)
class _Open:
    """A press that may still be replied to."""

    message_id: int
    left: int = _REPLIES


class Refused(Exception):
    """The press leads nowhere; the message says what to mend."""


class Pressing:
    """Presses, and the replies to them."""

    def __init__(self, inbox: Inbox, client: httpx.AsyncClient, target: Target) -> None:
        self._inbox = inbox
        self._client = client
        self._target = target
        self._open: OrderedDict[str, _Open] = OrderedDict()

    async def press(self, request: Request) -> Response:
        """POST /api/messages/{id}/press {"action": "acknowledge"}: the hook's status."""
        message = self._inbox.find(int(request.path_params["id"]))
        if message is None:
            return JSONResponse({"error": "no such message"}, 404)
        try:
            action = msgspec.json.decode(await read_body(request), type=_Press).action
            if message.provider == "slack":
                path, body, headers = self._slack(message, action)
            elif message.provider == "pagerduty":
                path, body, headers = self._pagerduty(message, action)
            else:
                raise Refused(f"a message of {message.provider} has no buttons")
        except (msgspec.MsgspecError, Refused) as error:
            return JSONResponse({"error": str(error)}, 400)
        url = f"{self._target.hooks_url.rstrip('/')}{path}"
        if not is_loopback(url):
            return JSONResponse({"error": "set SIQ_HOOKS_URL to an address of this machine"}, 400)
        try:
            answer = await self._client.post(url, content=body, headers=headers)
        except httpx.HTTPError as error:
            _log.warning("press not delivered", error=repr(error))
            return JSONResponse({"error": f"the hook did not answer: {error!r}"}, 502)
        return JSONResponse({"status": answer.status_code})

    async def reply(self, request: Request) -> Response:
        """POST /actions/{token}: a press's `response_url`."""
        found = self._open.get(request.path_params["token"])
        if found is None:
            return PlainTextResponse("expired_url", 404)
        if not found.left:
            return PlainTextResponse("used_url", 404)
        try:
            reply = msgspec.json.decode(await read_body(request), type=_Reply)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return PlainTextResponse("invalid_payload", 400)
        found.left -= 1
        message = self._inbox.find(found.message_id)
        if message is not None and reply.replace_original:
            message.body = reply.text
            message.details["payload"] = {"text": reply.text, "blocks": reply.blocks}
            self._inbox.tell(message)
        return PlainTextResponse("ok")

    def _slack(self, message: Received, action: str) -> tuple[str, bytes, dict[str, str]]:
        secret = self._target.slack_secret
        if not secret:
            raise Refused("set SIQ_SLACK_SIGNING_SECRET of the sandbox and of intervention")
        payload = message.details["payload"]
        blocks: list[dict[str, Any]] = payload.get("blocks", [])
        elements = [one for block in blocks for one in block.get("elements", [])]
        pressed = next((one for one in elements if one.get("action_id") == action), None)
        if pressed is None:
            raise Refused("the message has no such button")
        token = secrets.token_urlsafe(16)
        self._open[token] = _Open(message.id)
        if len(self._open) > CAPACITY:
            self._open.popitem(last=False)
        now = time.time()
        said = {
            "type": "block_actions",
            "user": {"id": "U0SANDBOX", "username": _WHO.lower(), "name": _WHO},
            "response_url": f"{self._target.base_url}/actions/{token}",
            "message": {"type": "message", **payload},
            "actions": [
                {
                    "type": "button",
                    "action_id": action,
                    "value": pressed.get("value", ""),
                    "action_ts": f"{now:.6f}",
                }
            ],
        }
        body = urlencode({"payload": msgspec.json.encode(said).decode()}).encode()
        at = str(int(now))
        signed = b"v0:" + at.encode() + b":" + body
        return (
            "/hooks/slack",
            body,
            {
                "content-type": "application/x-www-form-urlencoded",
                "x-slack-request-timestamp": at,
                "x-slack-signature": f"v0={_hex(secret, signed)}",
            },
        )

    def _pagerduty(self, message: Received, action: str) -> tuple[str, bytes, dict[str, str]]:
        secret = self._target.pagerduty_secret
        if not secret:
            raise Refused(
                "set SIQ_PAGERDUTY_WEBHOOK_SECRET of the sandbox to one of intervention's"
                " SIQ_PAGERDUTY_WEBHOOK_SECRETS"
            )
        if action not in _PAGERDUTY:
            raise Refused("an incident can be acknowledged and resolved")
        event = {
            "id": secrets.token_hex(13),
            "event_type": _PAGERDUTY[action],
            "resource_type": "incident",
            "agent": {"id": "P0SANDBOX", "type": "user_reference", "summary": _WHO},
            "data": {"type": "incident", "incident_key": message.details["dedup_key"]},
        }
        body = msgspec.json.encode({"event": event})
        return (
            "/hooks/pagerduty",
            body,
            {
                "content-type": "application/json",
                "x-pagerduty-signature": f"v1={_hex(secret, body)}",
            },
        )


def _hex(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, sha256).hexdigest()
