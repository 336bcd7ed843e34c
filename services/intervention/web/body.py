"""Read small request bodies; refuse large or malformed ones before they cost anything."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request

MAX_BYTES = 64 * 1024


class BadBody(Exception):
    """The body is too large or not what the route takes."""


async def read_body(request: Request) -> bytes:
    """The raw body, at most 64 KiB."""
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_BYTES:
                raise BadBody("the body is larger than 64 KiB")
            chunks.append(chunk)
    except ClientDisconnect as error:
        raise BadBody("the body ended early") from error
    return b"".join(chunks)


async def read_json(request: Request) -> dict[str, Any]:
    """A JSON object. The content type must say so: a form of another site cannot."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadBody("send content-type: application/json")
    try:
        return msgspec.json.decode(await read_body(request), type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadBody("the body is not a JSON object") from error
