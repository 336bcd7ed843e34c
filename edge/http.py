"""The HTTP shell: health, the SDK, and `POST /v1/batch` for pages that leave or have no socket."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from edge import protocol
from edge.effects import Accept, Admit, Effect, Hang, Send, Welcomed
from edge.headers import GPC, GPC_REFUSAL, asks_for_privacy
from edge.sdk import Sdk, routes
from edge.segment.routes import Segment
from edge.sources import FORWARDED
from edge.transactions import TransactionHook
from edge.worker import Worker
from services.common.http import CLOSE, BadBody, read_body

_APPEND_WITHIN_S = 5.0
_RETRY_AFTER_S = "3"

# Any origin may ask; whether it may write is decided by the key's own list. Of this route only: the
# SDK's answers are the same for whoever asks, and caches must know.
_FROM_ANYWHERE = Middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_methods=["POST"],
    allow_headers=["content-type"],
    expose_headers=["retry-after"],
)


class Batch(msgspec.Struct):
    """A hello and the frames after it, as on a socket."""

    hello: msgspec.Raw
    messages: list[msgspec.Raw] = []


_decoder = msgspec.json.Decoder(Batch)
_STATUS = {
    protocol.Close.KEY_OR_ORIGIN: 401,
    protocol.Close.CONSENT: 403,
    protocol.Close.TOO_MANY_EVENTS: 413,
    protocol.Close.TOO_LARGE: 413,
    protocol.Close.TOO_FAST: 429,
    protocol.Close.TRY_LATER: 503,
}


class _Beacon:
    """One request: runs its frames through a session and waits for the log."""

    def __init__(self, worker: Worker, origin: str | None, source: str) -> None:
        self._worker = worker
        self._source = source
        self._key = ""
        """The key that its frames count for, once it is let in."""
        self._session = worker.new_session(origin)
        self._refused: Hang | None = None
        self._welcome: dict[str, Any] = {}
        """What a socket would have been welcomed with: a page without one goes on by requests."""
        self.errors: list[str] = []

    async def run(self, batch: Batch) -> Response:
        if not await self._room():
            return self._slow()
        try:
            await self._feed(batch.hello)
            for message in batch.messages:
                if self._refused is None:
                    await self._feed(message)
        finally:
            self._worker.departed(self._session, self._refused.code if self._refused else None)
        refused = self._refused
        if refused is not None and refused.code != 1000:
            status = _STATUS.get(refused.code, 400)
            later = {"Retry-After": _RETRY_AFTER_S} if status in (429, 503) else None
            return JSONResponse({"error": refused.reason, "details": self.errors}, status, later)
        try:
            async with asyncio.timeout(_APPEND_WITHIN_S):
                await self._worker.writer.flushed()
        except TimeoutError:
            return self._slow()
        acked = self._session.record.acked
        return JSONResponse({**self._welcome, "acked": acked, "errors": self.errors})

    async def _room(self) -> bool:
        """Wait a moment where there is none: what is taken beyond the bound fills the memory."""
        writer = self._worker.writer
        if not writer.full:
            return True
        try:
            async with asyncio.timeout(_APPEND_WITHIN_S):
                await writer.room()
        except TimeoutError:
            return False
        return True

    def _slow(self) -> Response:
        return JSONResponse({"error": "slow"}, 503, {"Retry-After": _RETRY_AFTER_S})

    async def _feed(self, raw: msgspec.Raw) -> None:
        data = bytes(raw)
        if len(data) > protocol.MAX_FRAME_BYTES:
            self._refused = Hang(protocol.Close.TOO_LARGE, "at most 64 KiB a message")
            return
        refusal = self._worker.limits.frame(self._source, self._key, time.monotonic())
        if refusal:
            self._refuse(refusal)
            return
        await self._carry_out(self._session.receive(data.decode(), time.time() * 1000))

    def _refuse(self, refusal: str) -> None:
        self._refused = Hang(protocol.Close.TOO_FAST, f"over the limit: {refusal}")

    async def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Accept():
                    self._worker.accept(self._session, effect)
                case Admit():
                    refusal = self._worker.limits.hello(self._source, time.monotonic())
                    if refusal:
                        self._refuse(refusal)
                    else:
                        await self._carry_out(await self._worker.admit(self._session, effect))
                case Welcomed():
                    self._key = self._session.key
                case Hang():
                    if effect.code == protocol.Close.TOO_FAST:
                        self._worker.limits.refuse("frames_per_connection")
                    self._refused = effect
                case Send(text) if '"type":"error"' in text:
                    self.errors.append(text)
                case Send(text) if '"type":"welcome"' in text:
                    self._welcome = json.loads(text)
                    del self._welcome["type"]
                case _:
                    pass  # nothing can be pushed to who asks by requests


def application(worker: Worker, sdk: Sdk | None = None) -> Starlette:
    """The routes."""

    segment = Segment(worker)

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(_: Request) -> Response:
        well = not worker.draining and worker.writer.well
        return PlainTextResponse("ok\n" if well else "not ready\n", 200 if well else 503)

    async def batch(request: Request) -> Response:
        if asks_for_privacy(request.headers.getlist(GPC)):
            return JSONResponse({"error": GPC_REFUSAL}, 403)
        try:
            body = await read_body(request, protocol.MAX_FRAME_BYTES * 4)
            # As text: msgspec does not look into what it hands on as Raw.
            decoded = _decoder.decode(body.decode())
        except BadBody as error:
            return JSONResponse({"error": str(error)}, error.status, CLOSE)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return JSONResponse({"error": f"expected {{hello, messages}}: {error}"}, 400)
        worker.counters["beacons"] += 1
        peer = request.client.host if request.client else ""
        source = worker.sources.of(peer, request.headers.getlist(FORWARDED))
        return await _Beacon(worker, request.headers.get("Origin"), source).run(decoded)

    return Starlette(
        routes=[
            Route("/healthz", health),
            Route("/readyz", ready),
            Route(
                "/v1/batch",
                segment.either(batch),
                methods=["POST", "OPTIONS"],
                middleware=[_FROM_ANYWHERE],
            ),
            *segment.routes(),
            Route("/v1/transactions/{tenant}", TransactionHook(worker).take, methods=["POST"]),
            *routes(sdk),
        ]
    )
