"""docs/errors.md, HTTP: the edge's /v1/batch and the intervene page."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.bad_input.frames import FRAMES, HELLOS, spends_seq
from tests.integration.bad_input.world import DEEP, ORIGIN, World, events

pytestmark = pytest.mark.asyncio(loop_scope="module")

BATCH = "http:/v1/batch"
HELLO = b'{"hello":{"type":"hello","key":"pk_no","stream":"p"}}'
# Row: method, where, body, headers, status.
REQUESTS: dict[str, tuple[str, str, bytes, dict[str, str], int]] = {
    "H01": ("POST", BATCH, b"nonsense", {}, 400),
    "H02": ("POST", BATCH, b"{}", {}, 400),
    "H03": ("POST", BATCH, b"\xff\xfe", {}, 400),
    "H04": ("POST", BATCH, DEEP.encode(), {}, 400),
    "H05": ("POST", BATCH, b"x" * 300_000, {}, 413),
    "H06": ("POST", BATCH, HELLO, {}, 401),
    "H07": ("POST", BATCH, b"{}", {"Sec-GPC": "1"}, 403),
    "H08": ("GET", BATCH, b"", {}, 405),
    "H09": ("GET", "http:/nowhere", b"", {}, 404),
    "H10": ("POST", BATCH, HELLO.replace(b"pk_no", b"\xff\xfe"), {}, 400),
    "H20": ("GET", "intervene:/i/no-such-token", b"", {}, 410),
    "H21": ("POST", "intervene:/i/no-such-token/act", b'{"act":"send_offer","nonce":"x"}', {}, 410),
    "H22": ("POST", "intervene:/i/no-such-token/seen", b"", {}, 410),
    "H23": ("POST", "intervene:/hooks/twilio", b"MessageSid=SM1&MessageStatus=delivered", {}, 403),
    "H24": ("POST", "intervene:/hooks/unknown", b"", {}, 404),
    "H25": ("POST", "intervene:/i/no-such-token/act", b"x" * 70_000, {}, 413),
    "H26": ("POST", "intervene:/hooks/twilio", b"x" * 70_000, {}, 413),
}


@pytest.mark.parametrize("row", REQUESTS)
async def test_request(world: World, row: str):
    method, where, body, headers, status = REQUESTS[row]
    base, _, path = where.partition(":")
    async with httpx.AsyncClient() as client:
        response = await client.request(
            method,
            world.mesh.urls[base] + path,
            content=body,
            headers={"Origin": ORIGIN, "Content-Type": "application/json", **headers},
        )
    assert response.status_code == status, response.text
    assert "Traceback" not in response.text


async def batch(
    world: World, hello: dict[str, Any], *messages: Any, origin: str | None = ORIGIN
) -> httpx.Response:
    """Post a batch as a page that goes away does."""
    async with httpx.AsyncClient() as client:
        return await client.post(
            f"{world.mesh.urls['http']}/v1/batch",
            content=json.dumps({"hello": world.hello(**hello), "messages": messages}),
            headers={"Origin": origin} if origin else {},
        )


STATUS_OF_CLOSE = {"4401": 401, "4413": 413, "1009": 413, "bad_message": 400}


async def test_h11_a_batch_is_answered_as_the_socket_answers(world: World):
    """The rows of `frames.py` that JSON can hold: same codes, and the close code's status."""
    wanted: dict[str, Any] = {}
    was: dict[str, Any] = {}
    for row, (hello, origin, expected) in HELLOS.items():
        wanted[row] = STATUS_OF_CLOSE[expected]
        was[row] = (await batch(world, hello, origin=origin)).status_code
    for row, (frame, expected) in FRAMES.items():
        if not isinstance(frame, dict):
            continue
        seq = 2 if spends_seq(expected) else 1
        response = await batch(world, {"stream": row}, frame, events(seq))
        if expected.isdigit():
            wanted[row] = STATUS_OF_CLOSE[expected]
            was[row] = response.status_code
        else:
            wanted[row] = (200, [expected], seq)
            codes = [json.loads(text)["code"] for text in response.json()["errors"]]
            was[row] = (response.status_code, codes, response.json()["acked"])
    assert was == wanted


async def test_h12_a_batch_without_consent_stores_nothing(world: World):
    no, yes = uuid.uuid4().hex, uuid.uuid4().hex
    refused = {"gpc": True}, {"consent": {"analytics": False, "interventions": False}}
    for hello in refused:
        answered = await batch(world, {**hello, "stream": no}, events(1, page=f"/{no}"))
        assert answered.status_code == 403
    assert (await batch(world, {"stream": yes}, events(1, page=f"/{yes}"))).status_code == 200
    assert [await world.mentions(word) for word in (yes, no)] == [True, False]


async def test_h15_a_client_that_goes_away_in_the_middle(world: World):
    for name, path in (("http", "/v1/batch"), ("intervene", "/hooks/twilio")):
        parts = urlsplit(world.mesh.urls[name])
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{{".encode())
        await writer.drain()
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 15)
        writer.close()
    await world.still_works()  # and no traceback: see conftest.py
