"""The routes of Segment's API, and how its answers look to Segment's libraries."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Awaitable, Callable, Mapping
from math import ceil

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.headers import GPC, GPC_REFUSAL, asks_for_privacy
from edge.seal import NoSealingKey
from edge.segment import body as bodies
from edge.segment.body import BadRequest, Request
from edge.segment.intake import Intake, NotYet
from edge.sources import FORWARDED
from edge.tenants import DirectoryUnavailable, UnknownKey, origin_allowed
from edge.worker import Worker
from services.common.http import CLOSE, BadBody, read_body

Handler = Callable[[HttpRequest], Awaitable[Response]]
_KINDS = ("identify", "track", "page", "screen", "group", "alias")
_AGAIN = {"Retry-After": "2"}


class Segment:
    """Segment's API of a worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._intake = Intake(worker)

    def routes(self) -> list[Route]:
        """Its paths, but for `/v1/batch`."""
        return [Route(f"/v1/{kind}", self._single(kind), methods=["POST"]) for kind in _KINDS]

    def either(self, beacon: Handler) -> Handler:
        """`/v1/batch`: Segment's batches, and our own beacons; the body tells them apart."""

        async def handle(request: HttpRequest) -> Response:
            return await self._batch(request, beacon)

        return handle

    async def _batch(self, request: HttpRequest, beacon: Handler) -> Response:
        # sendBeacon can state neither of them.
        stated = "authorization" in request.headers or "content-encoding" in request.headers
        try:
            body = await read_body(request, bodies.MAX_BODY_BYTES)
        except BadBody as error:
            return _bad_body(error) if stated else _bad_beacon(error)
        sender = bodies.whose(body)
        if sender == "beacon" or (sender == "nobody" and not stated):
            return await beacon(_again(request, body))
        return await self._serve(request, body, None)

    def _single(self, kind: str) -> Handler:
        async def handle(request: HttpRequest) -> Response:
            try:
                body = await read_body(request, bodies.MAX_BODY_BYTES)
            except BadBody as error:
                return _bad_body(error)
            return await self._serve(request, body, kind)

        return handle

    async def _serve(self, request: HttpRequest, body: bytes, kind: str | None) -> Response:
        # A browser's word about its user, with whose key and in whose format ever it comes.
        if asks_for_privacy(request.headers.getlist(GPC)):
            return _refusal(403, "gpc", GPC_REFUSAL)
        peer = request.client.host if request.client else ""
        source = self._worker.sources.of(peer, request.headers.getlist(FORWARDED))
        wait_s = self._worker.limits.request(source, time.monotonic())
        if wait_s:
            return _too_fast(wait_s)
        try:
            encoding = request.headers.get("content-encoding", "").strip().lower()
            text = bodies.unpack(body, encoding)
            read = bodies.read_single(text) if kind else bodies.read_batch(text)
        except BadRequest as error:
            return _refusal(400, error.code, str(error))
        key = _write_key(request) or read.write_key
        if not key:
            return _refusal(
                401,
                "no_key",
                "expected HTTP Basic with the publishable key as user name",
                {"WWW-Authenticate": 'Basic realm="sentientiq"'},
            )
        try:
            grant = await self._worker.tenants.resolve(key)
        except UnknownKey:
            return _refusal(401, "unknown_key", "unknown or revoked key")
        except DirectoryUnavailable:
            return _refusal(503, "slow", "keys cannot be checked now, try again", _AGAIN)
        origin = request.headers.get("origin")
        # Servers state none. A browser does, and then it is a page's.
        if origin is not None and not origin_allowed(origin, grant.origins):
            return _refusal(401, "origin", "this origin may not use the key")
        wait_s = self._worker.limits.calls(key, len(read.calls), time.monotonic())
        if wait_s:
            return _too_fast(wait_s)
        return await self._take(grant.tenant, read, kind)

    async def _take(self, tenant: str, read: Request, kind: str | None) -> Response:
        try:
            ignored = await self._intake.take(tenant, read, kind)
        except NotYet as error:
            return _refusal(503, "slow", f"{error}, send it again", _AGAIN)
        except NoSealingKey:
            return _refusal(503, "slow", "identity is starting, send it again", _AGAIN)
        return JSONResponse({"success": True, **({"ignored": ignored} if ignored else {})})


def _again(request: HttpRequest, body: bytes) -> HttpRequest:
    """The request, its body not read yet."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return HttpRequest(request.scope, receive)


def _write_key(request: HttpRequest) -> str:
    """The user name of HTTP Basic; empty: none was stated, or not in a readable form."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _refusal(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer with the fields that Segment's libraries look for."""
    content = {"success": False, "code": code, "message": message}
    return JSONResponse(content, status, headers)


def _too_fast(wait_s: float) -> Response:
    later = {"Retry-After": str(ceil(wait_s))}
    return _refusal(429, "too_fast", "too many events a second", later)


def _bad_body(error: BadBody) -> Response:
    if error.status == 413:
        return _refusal(400, "too_large", bodies.TOO_LARGE, CLOSE)
    return _refusal(error.status, "bad_body", str(error), CLOSE)


def _bad_beacon(error: BadBody) -> Response:
    return JSONResponse({"error": str(error)}, error.status, CLOSE)
