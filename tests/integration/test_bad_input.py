"""Bad input, one row of docs/errors.md each: the documented answer, and the process lives.

All rows share one mesh; at its end every process still runs under the id it had at the start and
none has written a traceback.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
import pytest
import pytest_asyncio
from google.protobuf import message_factory
from sentientiq.accountability.v1 import accountability_service_pb2
from sentientiq.analytics.v1 import query_service_pb2
from sentientiq.detection.v1 import detection_service_pb2
from sentientiq.identity.v1 import identity_service_pb2
from sentientiq.intervention.v1 import intervention_service_pb2
from sentientiq.tenant.v1 import tenant_service_pb2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from cli import mesh as records
from cli.mesh import Mesh
from cli.smoke.private import private_mesh
from cli.tenants import open_tenants
from services.common import channels
from services.common.auth import make_token
from services.common.log import TOPICS, Append, Record, open_log

ORIGIN = "https://shop.example"
DOCUMENT = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()
SOURCE = Path(__file__).read_text()

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class World:
    """A running mesh and a tenant with a key."""

    data: Path
    mesh: Mesh
    secret: str
    key: str

    async def socket(self, origin: str | None = ORIGIN, protocol: str = "sentientiq.v1") -> Any:
        return await connect(
            self.mesh.urls["ws"],
            subprotocols=[Subprotocol(protocol)],
            origin=Origin(origin) if origin else None,
            compression=None,
        )

    def hello(self, **more: Any) -> dict[str, Any]:
        now_ms = time.time() * 1000
        return {"type": "hello", "key": self.key, "stream": "p1", "clock": now_ms, **more}

    async def opened(self) -> ClientConnection:
        socket = await self.socket()
        await socket.send(json.dumps(self.hello()))
        assert json.loads(await socket.recv())["type"] == "welcome"
        return socket

    async def still_works(self) -> None:
        """A good visitor is served as ever."""
        socket = await self.opened()
        await socket.send(json.dumps(events(1)))
        assert json.loads(await socket.recv()) == {"type": "ack", "seq": 1}
        await socket.close()


def events(seq: Any, *rows: Any, **more: Any) -> dict[str, Any]:
    t0 = time.time() * 1000
    return {"type": "events", "seq": seq, "t0": t0, "events": list(rows) or [[2, 0, 1, 1]], **more}


async def answer(socket: ClientConnection, within_s: float = 8.0) -> str:
    """The next error code, else the close code, else "ack" or another type."""
    try:
        async with asyncio.timeout(within_s):
            frame = json.loads(await socket.recv())
    except ConnectionClosed as closed:
        return str(closed.rcvd.code if closed.rcvd else 1006)
    return str(frame.get("code", frame["type"]))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world() -> AsyncIterator[World]:
    async with private_mesh() as (data, mesh):
        secret = json.loads((data / "secrets.json").read_text())["mesh"]
        async with open_tenants(mesh.env["SIQ_IDENTITY_ADDR"], secret) as tenants:
            for name in ("mine", "foreign"):
                await tenants.stub.PutTenant(
                    tenant_service_pb2.PutTenantRequest(
                        tenant=tenant_service_pb2.Tenant(tenant_id=name, name=name)
                    )
                )
            key = await tenants.create_key("mine", [ORIGIN], "test")
        before = {name: process.pid for name, process in mesh.processes.items()}
        made = World(data, mesh, secret, key)
        yield made
        await made.still_works()
        after = records.read(data)
        assert after is not None
        assert {name: process.pid for name, process in after.processes.items()} == before
        assert "Traceback" not in (data.parent / "up.log").read_text()


ADMISSION: dict[str, tuple[dict[str, Any], str | None, str]] = {
    "W01": ({"key": "pk_test_nobody"}, ORIGIN, "4401"),
    "W02": ({}, "https://evil.example", "4401"),
    "W03": ({}, "null", "4401"),
    "W04": ({}, None, "4401"),
    "W05": ({"gpc": True}, ORIGIN, "4403"),
    "W06": ({"consent": {"analytics": False, "interventions": True}}, ORIGIN, "4403"),
    "W07": ({"stream": ""}, ORIGIN, "bad_message"),
    "W08": ({"clock": -1}, ORIGIN, "bad_message"),
    "W09": ({"session": "someone-elses", "resume": "0" * 32}, ORIGIN, "welcome"),
}


@pytest.mark.parametrize("row", ADMISSION)
async def test_admission(world: World, row: str):
    hello, origin, expected = ADMISSION[row]
    socket = await world.socket(origin)
    await socket.send(json.dumps(world.hello(**hello)))
    assert await answer(socket) == expected


DEEP = "[" * 30_000 + "]" * 30_000
FRAMES: dict[str, tuple[Any, str]] = {
    "W20": ("nonsense", "bad_message"),
    "W21": ("[1, 2]", "bad_message"),
    "W22": (b"\x00\x01", "bad_message"),
    "W23": (DEEP, "bad_message"),
    "W24": ('{"type": "events", "seq": 1, "t0": 1, "events": ' + DEEP + "}", "bad_message"),
    "W25": ("x" * (64 * 1024 + 1), "1009"),
    "W26": (events(1, *[[2, 0, 1, 1]] * 501), "4413"),
    "W27": (events(1, [2, -5, 1, 1]), "bad_dt"),
    "W28": (events(1, [2, 0, "x", 1]), "bad_number"),
    "W29": ('{"type":"events","seq":1,"t0":1,"events":[[2,0,NaN,1]]}', "bad_message"),
    "W30": (events(1, [2, 0, 1e308, 1]), "bad_number"),
    "W31": (events(1, [3, 0, 1, 1, 77]), "bad_target"),
    "W32": (events(1, [13, 0, "s" * 513]), "bad_string"),
    "W33": (events(1, [21, 0, "name", {f"key{n}": "value" for n in range(300)}]), "bad_string"),
    "W34": (events(1, [2, 0]), "bad_arity"),
    "W35": (events(0), "bad_message"),
    "W36": (events(-3), "bad_message"),
    "W37": (events("one"), "bad_message"),
    "W38": ({"type": "hello", "key": "k", "stream": "p"}, "bad_message"),
    "W39": ({"type": "outcome", "seq": 1, "intervention": "i", "kind": "loved"}, "bad_kind"),
    "W40": ({"type": "identify", "seq": 1, "email": 7}, "bad_message"),
    "W41": ({"type": "consent", "seq": 1, "analytics": "maybe"}, "bad_message"),
    "W42": (events(1, [2, 0, 1, 1], targets=[[5000, "a", 0]]), "bad_message"),
    "W43": (events(1, t0=-1), "bad_message"),
}


@pytest.mark.parametrize("row", FRAMES)
async def test_frames(world: World, row: str):
    frame, expected = FRAMES[row]
    socket = await world.opened()
    await socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))
    assert await answer(socket) == expected
    if not expected.isdigit():  # one mistake is survived
        spent = expected != "bad_message"
        await socket.send(json.dumps(events(2 if spent else 1)))
        assert await answer(socket) == "ack"
    await socket.close()


async def test_w50_an_unknown_type_is_ignored(world: World):
    socket = await world.opened()
    await socket.send('{"type": "from-the-future", "seq": 9}')
    await socket.send(json.dumps(events(1)))
    assert await answer(socket) == "ack"


async def test_w51_a_replayed_seq_is_acknowledged_again(world: World):
    socket = await world.opened()
    for _ in range(2):
        await socket.send(json.dumps(events(1)))
        assert await answer(socket) == "ack"


async def test_w52_a_skipped_seq_ends_the_connection(world: World):
    socket = await world.opened()
    await socket.send(json.dumps(events(1)))
    assert await answer(socket) == "ack"
    await socket.send(json.dumps(events(3)))
    assert [await answer(socket), await answer(socket)] == ["seq_gap", "4400"]


async def test_w53_a_burst_of_bad_messages_ends_the_connection(world: World):
    socket = await world.opened()
    for _ in range(12):
        await socket.send("nonsense")
    answers = [await answer(socket) for _ in range(12)]
    assert answers == ["bad_message"] * 11 + ["4400"]


async def test_w54_too_many_frames_end_the_connection(world: World):
    socket = await world.opened()
    try:
        for seq in range(1, 500):
            await socket.send(json.dumps(events(seq)))
        while (said := await answer(socket)) == "ack":
            pass
    except ConnectionClosed as closed:
        said = str(closed.rcvd.code if closed.rcvd else 1006)
    assert said == "4429"


async def test_w55_events_before_hello(world: World):
    socket = await world.socket()
    await socket.send(json.dumps(events(1)))
    assert await answer(socket) == "4400"


async def test_w56_silence(world: World):
    assert await answer(await world.socket(), within_s=9) == "4408"


@pytest.mark.parametrize(
    ("row", "more", "status"),
    [
        ("W57", {"subprotocols": [Subprotocol("sentientiq.v2")]}, 400),
        ("W58", {}, 400),
        (
            "W59",
            {
                "subprotocols": [Subprotocol("sentientiq.v1")],
                "additional_headers": {"Sec-GPC": "1"},
            },
            403,
        ),
    ],
)
async def test_handshakes(world: World, row: str, more: dict[str, Any], status: int):
    with pytest.raises(InvalidStatus) as raised:
        await connect(world.mesh.urls["ws"], origin=Origin(ORIGIN), **more)
    assert raised.value.response.status_code == status, row


REQUESTS: dict[str, tuple[str, str, bytes, dict[str, str], int]] = {
    "H01": ("POST", "http:/v1/batch", b"nonsense", {}, 400),
    "H02": ("POST", "http:/v1/batch", b"{}", {}, 400),
    "H03": ("POST", "http:/v1/batch", b"\xff\xfe", {}, 400),
    "H04": ("POST", "http:/v1/batch", DEEP.encode(), {}, 400),
    "H05": ("POST", "http:/v1/batch", b"x" * 300_000, {}, 413),
    "H06": (
        "POST",
        "http:/v1/batch",
        b'{"hello":{"type":"hello","key":"pk_no","stream":"p"}}',
        {},
        401,
    ),
    "H07": ("POST", "http:/v1/batch", b"{}", {"Sec-GPC": "1"}, 403),
    "H08": ("GET", "http:/v1/batch", b"", {}, 405),
    "H09": ("GET", "http:/nowhere", b"", {}, 404),
    "H20": ("GET", "intervene:/i/no-such-token", b"", {}, 410),
    "H21": ("POST", "intervene:/i/no-such-token/act", b'{"act":"send_offer","nonce":"x"}', {}, 410),
    "H22": ("POST", "intervene:/i/no-such-token/seen", b"", {}, 410),
    "H23": ("POST", "intervene:/hooks/twilio", b"MessageSid=SM1&MessageStatus=delivered", {}, 403),
    "H24": ("POST", "intervene:/hooks/unknown", b"", {}, 404),
}


@pytest.mark.parametrize("row", REQUESTS)
async def test_requests(world: World, row: str):
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


SERVICES = {
    "SIQ_IDENTITY_ADDR": [
        identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"],
        tenant_service_pb2.DESCRIPTOR.services_by_name["TenantService"],
    ],
    "SIQ_INTERVENTION_ADDR": [
        intervention_service_pb2.DESCRIPTOR.services_by_name["InterventionService"]
    ],
    "SIQ_ACCOUNTABILITY_ADDR": [
        accountability_service_pb2.DESCRIPTOR.services_by_name["AccountabilityService"]
    ],
    "SIQ_PIPELINE_ADDR": [query_service_pb2.DESCRIPTOR.services_by_name["QueryService"]],
    "detection": [detection_service_pb2.DESCRIPTOR.services_by_name["DetectionService"]],
}
METHODS = [
    (address, f"/{service.full_name}/{method.name}", method)
    for address, services in SERVICES.items()
    for service in services
    for method in service.methods
]
# What any caller of the mesh may ask, whoever it is for.
PUBLIC = {"/sentientiq.identity.v1.IdentityService/GetSealingKey"}


def address_of(world: World, name: str) -> str:
    return world.mesh.env.get(name) or world.mesh.processes[name].address


async def status_of(
    address: str, path: str, body: bytes, token: str | None, streaming: bool
) -> str:
    """The status that answers one raw call."""
    channel: Any = channels.connect(address, token) if token else grpc.aio.insecure_channel(address)
    async with channel:
        try:
            if streaming:
                call: Any = channel.stream_stream(path)(iter_once(body), timeout=5)
                async for _ in call:
                    break
            else:
                await channel.unary_unary(path)(body, timeout=5)
        except grpc.aio.AioRpcError as error:
            return error.code().name
    return "OK"


async def iter_once(body: bytes) -> AsyncIterator[bytes]:
    yield body
    # Half-closing at once would race with the server's answer.
    await asyncio.sleep(5)


def fill_tenant(message: Any, tenant: str) -> Any:
    """Set every tenant_id in a message, however deep (two levels are all there are)."""
    for field in message.DESCRIPTOR.fields:
        if field.name == "tenant_id":
            message.tenant_id = tenant
        elif field.message_type and "tenant_id" in field.message_type.fields_by_name:
            fill_tenant(getattr(message, field.name), tenant)
    return message


def request_for(method: Any, tenant: str) -> bytes:
    made = message_factory.GetMessageClass(method.input_type)()
    return bytes(fill_tenant(made, tenant).SerializeToString())


@pytest.mark.parametrize(("address", "path", "method"), METHODS, ids=[m[1] for m in METHODS])
async def test_g01_to_g05_every_rpc(world: World, address: str, path: str, method: Any):
    where = address_of(world, address)
    streaming = bool(method.client_streaming or method.server_streaming)
    foreign = request_for(method, "foreign")
    other = make_token("another-secret-that-is-long-enough-to-sign", subject="x")
    expired = make_token(world.secret, subject="x", lifetime_s=-10)
    mine = make_token(world.secret, subject="x", tenant_id="mine", role="team")
    for token in (None, "garbage", other, expired):  # G01 G02 G03 G04
        assert await status_of(where, path, foreign, token, streaming) == "UNAUTHENTICATED"
    if path not in PUBLIC:  # G05
        assert await status_of(where, path, foreign, mine, streaming) == "PERMISSION_DENIED"
    mesh_token = make_token(world.secret, subject="x")
    garbage = await status_of(where, path, b"\xff\xff\xff\xff", mesh_token, streaming)  # G06
    assert garbage == "INVALID_ARGUMENT"


async def test_l01_records_that_do_not_parse_become_dead_letters(world: World):
    log = open_log(world.mesh.env["SIQ_LOG_URL"])
    garbage = Record(b"k", b"\xff\xff\xff\xff", {"schema": "none"})
    await log.append([Append(topic, 63, [garbage]) for topic in TOPICS])
    async with asyncio.timeout(20):
        for topic in TOPICS:
            while not await log.read(f"{topic}.dead", {63: 0}):
                await asyncio.sleep(0.1)
    dead = await log.read("emotion.v1.dead", {63: 0})
    assert dead[0].records[0].headers["reason"]
    await log.close()
    await world.still_works()


async def test_the_document_has_a_row_for_each_case():
    documented = set(re.findall(r"^\| ([WHGL]\d\d) \|", DOCUMENT, flags=re.MULTILINE))
    source = SOURCE
    tested = {*ADMISSION, *FRAMES, *REQUESTS}
    tested |= {name.upper() for name in re.findall(r"def test_([wl]\d\d)_", source)}
    tested |= {*re.findall(r'"(W\d\d)", \{', source), *re.findall(r'"(W59)"', source)}
    tested |= set(re.findall(r"\b(G\d\d)\b", source))
    assert documented == tested
