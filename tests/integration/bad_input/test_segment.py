"""docs/errors.md, HTTP: Segment's API on the edge."""

from __future__ import annotations

import gzip
import json

import httpx
import pytest

from tests.integration.bad_input.world import DEEP, FOREIGN_ORIGIN, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

GOOD = b'{"type":"track","userId":"u","event":"Ping"}'
LONG = json.dumps({"userId": "u", "event": "Ping", "properties": {"a": "x" * 33_000}}).encode()
GZIP = {"Content-Encoding": "gzip"}
NO_KEY = {"Authorization": ""}


def batch(*calls: bytes) -> bytes:
    return b'{"batch":[' + b",".join(calls) + b"]}"


# Row: method, path, body, headers, status, what the answer says.
REQUESTS: dict[str, tuple[str, str, bytes, dict[str, str], int, str]] = {
    "H30": ("POST", "track", GOOD, NO_KEY, 401, "no_key"),
    "H31": ("POST", "track", GOOD, {"Authorization": "Basic cGtfbm86"}, 401, "unknown_key"),
    "H32": ("POST", "track", b"nonsense", {}, 400, "bad_json"),
    "H33": ("POST", "track", GOOD.replace(b"Ping", b"\xff\xfe"), {}, 400, "UTF-8"),
    "H34": ("POST", "track", b"[]", {}, 400, "bad_json"),
    "H35": ("POST", "track", DEEP.encode(), {}, 400, "bad_"),
    "H36": ("POST", "track", LONG, {}, 400, "32 KB"),
    "H37": ("POST", "batch", batch(GOOD, LONG), {}, 400, "32 KB"),
    "H38": ("POST", "batch", batch(*[LONG] * 16), {}, 400, "500 KB"),
    "H39": ("POST", "batch", batch(*[b"{}"] * 2_501), {}, 400, "2500 events"),
    "H40": ("POST", "batch", gzip.compress(b" " * 50_000_000), GZIP, 400, "500 KB"),
    "H41": ("POST", "batch", batch(GOOD), GZIP, 400, "bad_encoding"),
    "H42": ("POST", "batch", gzip.compress(batch(GOOD))[:-9], GZIP, 400, "bad_encoding"),
    "H43": ("POST", "batch", batch(GOOD), {"Content-Encoding": "br"}, 400, "bad_encoding"),
    "H44": ("POST", "batch", b"{}", {}, 400, "batch"),
    "H45": ("GET", "track", b"", {}, 405, ""),
    "H46": ("POST", "track", GOOD, {"Origin": FOREIGN_ORIGIN}, 401, "origin"),
    "H47": ("POST", "track", GOOD, {"Authorization": "Basic \x7f"}, 401, "no_key"),
    "H54": ("POST", "track", GOOD, {"Sec-GPC": "1"}, 403, "gpc"),
    "H48": (
        "POST",
        "batch",
        batch(b'{"userId":"u","properties":' + DEEP.encode() + b"}"),
        {},
        400,
        "",
    ),
    "H49": (
        "POST",
        "batch",
        batch(GOOD, GOOD.replace(b"Ping", b"\\ud800")),
        {},
        200,
        '{"success":true}',
    ),
}


@pytest.mark.parametrize("row", REQUESTS)
async def test_request(world: World, row: str):
    method, path, body, headers, status, said = REQUESTS[row]
    keyed = httpx.BasicAuth(world.key, "") if "Authorization" not in headers else None
    async with httpx.AsyncClient(auth=keyed) as client:
        response = await client.request(
            method, f"{world.mesh.urls['http']}/v1/{path}", content=body, headers=headers
        )
    assert response.status_code == status, response.text
    assert said in response.text
    if status in (400, 401):
        assert response.json()["success"] is False
