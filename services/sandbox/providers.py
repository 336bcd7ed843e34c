"""The providers' own routes: what a connector calls, it finds here in the provider's form."""

from __future__ import annotations

import re
import secrets
import time
from collections import OrderedDict
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from services.sandbox import twilio
from services.sandbox.callbacks import Callbacks
from services.sandbox.faults import Fault, Faults
from services.sandbox.inbox import CAPACITY, Inbox

_MAX_BYTES = 256 * 1024
_TEAMS_BYTES = 28 * 1024
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_SIGNATURES = ("webhook-id", "webhook-timestamp", "webhook-signature", "content-type")


class TooLarge(Exception):
    """The body is larger than the sandbox takes."""


class _Card(msgspec.Struct):
    content: dict[str, Any]


class _Cards(msgspec.Struct):
    attachments: list[_Card]


class _Event(msgspec.Struct):
    routing_key: Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
    event_action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: Annotated[str, msgspec.Meta(max_length=255)] = ""
    payload: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.event_action == "trigger":
            named = self.payload or {}
            missing = [name for name in ("summary", "source", "severity") if not named.get(name)]
            if missing:
                raise ValueError(f"payload lacks {', '.join(missing)}")
        elif not self.dedup_key:
            raise ValueError("dedup_key is required")


class _Cut(Response):
    """Begins an answer and ends the connection in the middle of it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


class Providers:
    """Twilio, Slack, Teams, PagerDuty and any webhook."""

    def __init__(self, inbox: Inbox, faults: Faults, callbacks: Callbacks) -> None:
        self._inbox = inbox
        self._faults = faults
        self._callbacks = callbacks
        self._texts: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._incidents: OrderedDict[str, str] = OrderedDict()

    async def create_text(self, request: Request) -> Response:
        """POST /2010-04-01/Accounts/{sid}/Messages.json"""
        arrived_ms = time.time() * 1000
        account = request.path_params["sid"]
        form = dict(parse_qsl((await read_body(request)).decode("utf-8", "replace")))
        credentials = twilio.read_basic(request.headers.get("authorization", ""))
        fault = self._take("twilio", request, f"{form.get('To')} {form.get('Body')}")
        if isinstance(fault, Response):
            return fault
        if fault is not None and not fault.accepts:
            await fault.wait()
            code = fault.code or (20429 if fault.status == 429 else 20500)
            injected = twilio.Refusal(fault.status, code, "Fault injected by the sandbox")
            return JSONResponse(injected.as_json(), fault.status, _headers(fault))
        refusal = twilio.check(account, credentials, form)
        if refusal is not None:
            return JSONResponse(refusal.as_json(), refusal.status)
        resource = twilio.new_message(account, form)
        self._texts[resource["sid"]] = resource
        if len(self._texts) > CAPACITY:
            self._texts.popitem(last=False)
        self._inbox.add(
            "twilio",
            to=form["To"],
            sender=form.get("From") or form.get("MessagingServiceSid", ""),
            body=form["Body"],
            received_at_ms=arrived_ms,
            details={"sid": resource["sid"], "segments": int(resource["num_segments"])},
        )
        answer = dict(resource)
        callback = form.get("StatusCallback", "")
        silent = fault is not None and fault.silent
        if callback and credentials is not None and not silent:
            self._callbacks.report(callback, credentials[1], resource)
        return await _late(fault, JSONResponse(answer, 201))

    async def list_texts(self, request: Request) -> Response:
        """GET the same: newest first, by To and From; how a connector looks up a lost answer."""
        account = request.path_params["sid"]
        credentials = twilio.read_basic(request.headers.get("authorization", ""))
        if credentials is None or credentials[0] != account:
            return JSONResponse(twilio.Refusal(401, 20003, "Authenticate").as_json(), 401)
        query = request.query_params
        size = query.get("PageSize", "50")
        found = [
            one
            for one in reversed(self._texts.values())
            if one["account_sid"] == account
            and query.get("To", one["to"]) == one["to"]
            and query.get("From", one["from"]) == one["from"]
        ]
        limit = min(max(int(size), 1), 1000) if size.isascii() and size.isdigit() else 50
        return JSONResponse({"messages": found[:limit], "page": 0, "page_size": limit})

    async def slack(self, request: Request) -> Response:
        """POST /slack/{path}: plain text `ok`, as Slack answers."""
        arrived_ms = time.time() * 1000
        body = await read_body(request)
        fault = self._take("slack", request)
        if isinstance(fault, Response):
            return fault
        if fault is not None and not fault.accepts:
            await fault.wait()
            return PlainTextResponse(fault.body or "rollup_error", fault.status, _headers(fault))
        try:
            payload = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return PlainTextResponse("invalid_payload", 400)
        text = payload.get("text")
        if not isinstance(text, str) or not text:
            return PlainTextResponse("no_text", 400)
        self._inbox.add(
            "slack",
            to=request.path_params["path"],
            sender="",
            body=text,
            received_at_ms=arrived_ms,
            details={"payload": payload},
        )
        return await _late(fault, PlainTextResponse("ok"))

    async def teams(self, request: Request) -> Response:
        """POST /teams/{path}: a Workflows webhook. 202 without a body; one card a request."""
        arrived_ms = time.time() * 1000
        body = await read_body(request)
        fault = self._take("teams", request)
        if isinstance(fault, Response):
            return fault
        if fault is not None and not fault.accepts:
            await fault.wait()
            return PlainTextResponse(fault.body, fault.status, _headers(fault))
        if len(body) > _TEAMS_BYTES:
            return PlainTextResponse("request entity too large", 413)
        try:
            card = msgspec.json.decode(body, type=_Cards).attachments[0].content
        except (msgspec.MsgspecError, ValueError, RecursionError, IndexError):
            return PlainTextResponse("no card in attachments[0].content", 400)
        texts = [str(one.get("text", "")) for one in card.get("body", [])]
        self._inbox.add(
            "teams",
            to=request.path_params["path"],
            sender="",
            # As Teams shows it: a backslash before punctuation says that it is no markup.
            body=_ESCAPED.sub(r"\1", "\n".join(text for text in texts if text)),
            received_at_ms=arrived_ms,
            details={"card": card},
        )
        return await _late(fault, Response(status_code=202))

    async def page(self, request: Request) -> Response:
        """POST /v2/enqueue: PagerDuty's events. Each key has one routing key, as it has there."""
        arrived_ms = time.time() * 1000
        body = await read_body(request)
        fault = self._take("pagerduty", request)
        if isinstance(fault, Response):
            return fault
        if fault is not None and not fault.accepts:
            await fault.wait()
            return JSONResponse({"status": "error"}, fault.status, _headers(fault))
        try:
            event = msgspec.json.decode(body, type=_Event)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            refused = {"status": "invalid event", "message": "Event object is invalid"}
            return JSONResponse({**refused, "errors": [str(error)]}, 400)
        key = event.dedup_key or secrets.token_hex(16)
        first = self._incidents.setdefault(key, event.routing_key)
        if len(self._incidents) > CAPACITY:
            self._incidents.popitem(last=False)
        if first == event.routing_key or event.event_action == "trigger":
            self._inbox.add(
                "pagerduty",
                to=event.routing_key,
                sender="",
                body=str((event.payload or {}).get("summary", "")),
                received_at_ms=arrived_ms,
                details={"event_action": event.event_action, "dedup_key": key},
            )
        taken = {"status": "success", "message": "Event processed", "dedup_key": key}
        return await _late(fault, JSONResponse(taken, 202))

    async def webhook(self, request: Request) -> Response:
        """POST /webhook/{path}: takes anything, keeps the headers that sign it."""
        arrived_ms = time.time() * 1000
        body = (await read_body(request)).decode("utf-8", "replace")
        fault = self._take("webhook", request)
        if isinstance(fault, Response):
            return fault
        if fault is not None and not fault.accepts:
            await fault.wait()
            return PlainTextResponse(fault.body, fault.status, _headers(fault))
        kept = {name: request.headers[name] for name in _SIGNATURES if name in request.headers}
        self._inbox.add(
            "webhook",
            to=request.path_params["path"],
            sender=request.headers.get("user-agent", ""),
            body=body,
            received_at_ms=arrived_ms,
            details={"headers": kept},
        )
        status = fault.status if fault is not None and fault.status else 204
        return await _late(fault, Response(status_code=status))

    def _take(self, provider: str, request: Request, message: str = "") -> Fault | Response | None:
        try:
            return self._faults.take(provider, request.query_params, message)
        except msgspec.ValidationError as error:
            return PlainTextResponse(f"the query asks for an impossible fault: {error}", 400)


async def _late(fault: Fault | None, answer: Response) -> Response:
    """What a fault does to a request that was accepted."""
    if fault is None:
        return answer
    await fault.wait()
    if fault.lies:
        return PlainTextResponse(fault.body, fault.status or 200)
    return _Cut() if fault.drop else answer


async def read_body(request: Request) -> bytes:
    """The raw body, at most 256 KiB."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > _MAX_BYTES:
            raise TooLarge
        chunks.append(chunk)
    return b"".join(chunks)


def _headers(fault: Fault) -> dict[str, str]:
    if fault.retry_after_s is None:
        return {}
    return {"retry-after": str(fault.retry_after_s)}


async def too_large(_request: Request, _error: Exception) -> Response:
    """The answer to TooLarge."""
    return PlainTextResponse("the body is larger than 256 KiB", 413)
