"""The sandbox's HTTP application. Stands in for providers; nothing leaves this machine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from services.sandbox.callbacks import Callbacks
from services.sandbox.faults import Fault, Faults
from services.sandbox.inbox import Inbox
from services.sandbox.pressing import Pressing, Target
from services.sandbox.providers import Providers, TooLarge, read_body, too_large

_STATIC = Path(__file__).parent / "static"
_LOOPBACK = r"^https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?$"
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Api:
    """What tests and pages ask the sandbox itself."""

    def __init__(self, inbox: Inbox, faults: Faults) -> None:
        self._inbox = inbox
        self._faults = faults

    async def list_messages(self, request: Request) -> Response:
        """GET /api/messages?provider=&to=&after_id="""
        query = request.query_params
        try:
            after_id = int(query.get("after_id") or 0)
        except ValueError:
            return JSONResponse({"error": "after_id is a number"}, 400)
        found = self._inbox.list(
            provider=query.get("provider", ""), to=query.get("to", ""), after_id=after_id
        )
        return JSONResponse({"messages": [one.as_json() for one in found]})

    async def delete_messages(self, _request: Request) -> Response:
        """DELETE /api/messages"""
        self._inbox.clear()
        return Response(status_code=204)

    async def stream(self, request: Request) -> Response:
        """GET /api/stream: server-sent events, one message a data line."""
        if self._inbox.crowded:
            return PlainTextResponse("too many follow already", 503)

        async def lines() -> AsyncIterator[str]:
            yield ": nothing leaves this machine\n\n"
            async for message in self._inbox.follow():
                yield f"data: {json.dumps(message.as_json(), ensure_ascii=False)}\n\n"

        return StreamingResponse(
            lines(), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    async def add_fault(self, request: Request) -> Response:
        """POST /api/faults {"provider": "twilio", "status": 500, "times": 1, "delay_ms": 0}"""
        try:
            fault = msgspec.json.decode(await read_body(request), type=Fault)
        except (msgspec.MsgspecError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        self._faults.add(fault)
        return JSONResponse(msgspec.to_builtins(fault), 201)

    async def list_faults(self, _request: Request) -> Response:
        """GET /api/faults"""
        return JSONResponse({"faults": msgspec.to_builtins(self._faults.list())})

    async def delete_faults(self, _request: Request) -> Response:
        """DELETE /api/faults"""
        self._faults.clear()
        return Response(status_code=204)


async def _home(_request: Request) -> Response:
    return FileResponse(
        _STATIC / "sandbox.html",
        headers={"content-security-policy": _POLICY, "cache-control": "no-store"},
    )


async def _healthy(_request: Request) -> Response:
    return PlainTextResponse("ok")


def build_app(
    inbox: Inbox, faults: Faults, callbacks: Callbacks, target: Target | None = None
) -> Starlette:
    """Put the routes together."""
    providers = Providers(inbox, faults, callbacks)
    pressing = Pressing(inbox, callbacks.client, target or Target())
    api = Api(inbox, faults)
    texts = "/2010-04-01/Accounts/{sid}/Messages.json"
    return Starlette(
        routes=[
            Route("/", _home),
            Route("/healthz", _healthy),
            Route(texts, providers.create_text, methods=["POST"]),
            Route(texts, providers.list_texts, methods=["GET"]),
            Route("/slack/{path:path}", providers.slack, methods=["POST"]),
            Route("/teams/{path:path}", providers.teams, methods=["POST"]),
            Route("/v2/enqueue", providers.page, methods=["POST"]),
            Route("/webhook/{path:path}", providers.webhook, methods=["POST"]),
            Route("/api/messages", api.list_messages, methods=["GET"]),
            Route("/api/messages", api.delete_messages, methods=["DELETE"]),
            Route("/api/messages/{id:int}/press", pressing.press, methods=["POST"]),
            Route("/actions/{token}", pressing.reply, methods=["POST"]),
            Route("/api/stream", api.stream, methods=["GET"]),
            Route("/api/faults", api.add_fault, methods=["POST"]),
            Route("/api/faults", api.list_faults, methods=["GET"]),
            Route("/api/faults", api.delete_faults, methods=["DELETE"]),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origin_regex=_LOOPBACK,
                allow_methods=["GET", "POST", "DELETE"],
                allow_headers=["content-type"],
            )
        ],
        exception_handlers={TooLarge: too_large},
    )
