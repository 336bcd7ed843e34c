"""docs/errors.md, WebSocket: who is let in, and what is refused before anything is stored."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
from sentientiq.tenant.v1.tenant_service_pb2_grpc import TenantServiceStub
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from edge.tenants import TenantDirectory
from services.common import channels
from tests.integration.bad_input.frames import HELLOS
from tests.integration.bad_input.world import FOREIGN_ORIGIN, ORIGIN, World, answer, events

pytestmark = pytest.mark.asyncio(loop_scope="module")

WITHOUT_CONSENT: dict[str, dict[str, Any]] = {
    "W05": {"gpc": True},
    "W06": {"consent": {"analytics": False, "interventions": True}},
}


@pytest.mark.parametrize("row", HELLOS)
async def test_hello(world: World, row: str):
    hello, origin, expected = HELLOS[row]
    socket = await world.socket(origin)
    await socket.send(json.dumps(world.hello(**hello)))
    assert await answer(socket) == expected
    if not expected.isdigit():
        assert await answer(socket) == "4400"


async def said(world: World, word: str, **hello: Any) -> str:
    """Say hello and, without waiting, all that could be stored; how it was answered."""
    socket = await world.socket()
    outcome = {"type": "outcome", "seq": 3, "intervention": word, "kind": "shown"}
    for frame in (
        world.hello(stream=word, page=f"/{word}", **hello),
        events(1, [1, 0, f"/{word}", 0]),
        {"type": "identify", "seq": 2, "user_id": word},
        outcome,
    ):
        await socket.send(json.dumps(frame))
    first = await answer(socket)
    if first == "welcome":
        while json.loads(await socket.recv()) != {"type": "ack", "seq": 3}:
            pass
        await socket.close()
    return first


@pytest.mark.parametrize("row", WITHOUT_CONSENT)
async def test_without_consent_nothing_is_stored(world: World, row: str):
    yes, no = uuid.uuid4().hex, uuid.uuid4().hex
    assert await said(world, no, **WITHOUT_CONSENT[row]) == "4403"
    # The same frames of somebody who consents are found, so the search is worth something.
    assert await said(world, yes) == "welcome"
    assert [await world.mentions(word) for word in (yes, no)] == [True, False]


@pytest.mark.parametrize("row", ["W09", "W10", "W11"])
async def test_a_session_is_not_taken_over(world: World, row: str):
    victim, theirs = await world.opened(stream="victim")
    await victim.send(json.dumps(events(1)))
    assert await answer(victim) == "ack"
    _, own = await world.opened(stream="own")
    _, foreign = await world.opened(FOREIGN_ORIGIN, key=world.foreign_key, stream="victim")
    token = {
        "W09": None,
        "W10": own["resume"],
        # A token that is good, but for a session of another tenant, named with it.
        "W11": foreign["resume"],
    }[row]
    claimed = foreign["session"] if row == "W11" else theirs["session"]
    socket, welcome = await world.opened(stream="victim", session=claimed, resume=token)
    assert welcome["session"] not in (theirs["session"], own["session"], foreign["session"])
    assert welcome["acked"] == 0
    await socket.close()
    # And the rightful one is let in again.
    _, again = await world.opened(
        stream="victim", session=theirs["session"], resume=theirs["resume"]
    )
    assert (again["session"], again["acked"]) == (theirs["session"], 1)


async def test_w12_a_key_does_not_open_from_another_tenants_origin(world: World):
    socket = await world.socket(ORIGIN)
    await socket.send(json.dumps(world.hello(key=world.foreign_key)))
    assert await answer(socket) == "4401"


async def test_w13_a_revoked_key_closes_its_live_sockets(world: World):
    async with world.tenants() as tenants:
        key = await tenants.create_key("mine", [ORIGIN], "test")
        live = [(await world.opened(key=key, stream=f"p{n}"))[0] for n in range(3)]
        await tenants.revoke_key("mine", key)
    async with asyncio.timeout(8):  # promised: 5 s; the rest is a busy test machine
        assert [await answer(socket) for socket in live] == ["4401"] * 3


async def test_w14_a_revoked_key_opens_nothing_more(world: World):
    async with world.tenants() as tenants:
        key = await tenants.create_key("mine", [ORIGIN], "test")
        await (await world.opened(key=key))[0].close()
        await tenants.revoke_key("mine", key)
    async with asyncio.timeout(8):  # a worker trusts a key for 3 s
        while True:
            socket = await world.socket()
            await socket.send(json.dumps(world.hello(key=key)))
            if (said := await answer(socket)) != "welcome":
                break
            await socket.close()
            await asyncio.sleep(0.1)
    assert said == "4401"


async def test_w15_the_check_of_live_keys_believes_no_cache(world: World):
    """Else a key that was just used would outlive its revocation by more than 5 s."""
    address, token = world.mesh.env["SIQ_IDENTITY_ADDR"], world.token()
    async with world.tenants() as tenants, channels.connect(address, token) as channel:
        directory = TenantDirectory(TenantServiceStub(channel))
        key = await tenants.create_key("mine", [ORIGIN], "test")
        assert (await directory.resolve(key)).tenant == "mine"
        await tenants.revoke_key("mine", key)
        assert await directory.revoked([key, world.key]) == {key}


HANDSHAKES: dict[str, tuple[dict[str, Any], int]] = {
    "W57": ({"subprotocols": [Subprotocol("sentientiq.v2")]}, 400),
    "W58": ({}, 400),
    "W59": (
        {
            "subprotocols": [Subprotocol("sentientiq.v1")],
            "additional_headers": {"Sec-GPC": "1"},
        },
        403,
    ),
}


@pytest.mark.parametrize("row", HANDSHAKES)
async def test_handshake(world: World, row: str):
    more, status = HANDSHAKES[row]
    with pytest.raises(InvalidStatus) as raised:
        await connect(world.mesh.urls["ws"], origin=Origin(ORIGIN), **more)
    assert raised.value.response.status_code == status
