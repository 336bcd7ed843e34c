"""Read small request bodies; refuse large or malformed ones before they cost anything."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request

from services.common.http import BadBody, read_body

MAX_BYTES = 64 * 1024


async def read_json(request: Request) -> dict[str, Any]:
    """A JSON object. The content type must say so: a form of another site cannot.

    Raises:
        BadBody: it is none, or what `read_body` says.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadBody(400, "send content-type: application/json")
    try:
        return msgspec.json.decode(await read_body(request, MAX_BYTES), type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadBody(400, "the body is not a JSON object") from error
