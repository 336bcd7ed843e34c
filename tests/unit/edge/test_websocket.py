"""The WebSocket shell on a real socket: what nearly no client does, against a real session core."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol
from websockets.server import ServerProtocol

from edge import session as core
from edge import websocket as edge_websocket
from edge.page import Page as EdgePage
from edge.websocket import WebSocket
from tests.unit.edge.stand_ins import HELLO, Edge, acked, clicks, closed_with, running_edge


@pytest_asyncio.fixture
async def edge() -> AsyncIterator[Edge]:
    async with running_edge() as running:
        yield running


async def test_fragments_become_one_message(edge: Edge):
    page = await edge.page()
    text = clicks(1)
    await page.send([text[:10], text[10:30], text[30:]])
    assert await acked(page) == 1
    await page.send(clicks(2))  # whole frames after it are read as before
    assert await acked(page) == 2
    await page.close()


async def test_a_ping_is_answered_between_frames_and_fragments(edge: Edge):
    page = await edge.page()
    await (await page.ping(b"one"))
    await page.send([clicks(1)[:10], clicks(1)[10:]])
    await (await page.ping(b"two"))
    await page.send(clicks(2))
    assert await acked(page) in (1, 2)


async def test_a_ping_between_fragments_is_answered_before_the_message(edge: Edge):
    reader, writer = await edge.raw()
    page = Protocol(CLIENT)
    heard: list[Frame] = []

    async def hear(frames: int) -> None:
        async with asyncio.timeout(5):
            while len(heard) < frames:
                page.receive_data(await reader.read(1024))
                heard.extend(event for event in page.events_received() if isinstance(event, Frame))

    text = clicks(1).encode()
    parts = [
        Frame(Opcode.TEXT, text[:10], fin=False),
        Frame(Opcode.PING, b"1"),
        Frame(Opcode.CONT, text[10:], fin=False),
        Frame(Opcode.PING, b"2"),
        Frame(Opcode.CONT, b""),
    ]
    writer.write(Frame(Opcode.TEXT, HELLO.encode()).serialize(mask=True))
    await hear(1)
    writer.write(b"".join(part.serialize(mask=True) for part in parts))
    await hear(4)
    assert [frame.opcode for frame in heard[1:]] == [Opcode.PONG, Opcode.PONG, Opcode.TEXT]
    assert [bytes(frame.data) for frame in heard[1:3]] == [b"1", b"2"]
    writer.close()
    await writer.wait_closed()


async def test_bytes_that_come_one_by_one_are_frames_in_the_end(edge: Edge):
    page = await edge.page()
    for byte in Frame(Opcode.TEXT, clicks(1).encode()).serialize(mask=True):
        page.transport.write(bytes([byte]))
        await asyncio.sleep(0)
    assert await acked(page) == 1


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True), 1007),
        (Frame(Opcode.TEXT, b"x").serialize(mask=False), 1002),
        (b"\xc1\x80\x00\x00\x00\x00", 1002),
        (b"\x83\x80\x00\x00\x00\x00", 1002),
        (b"\x89\xfe\x00\x7e" + b"\x00" * 130, 1002),
        (Frame(Opcode.CONT, b"x").serialize(mask=True), 1002),
        (Frame(Opcode.TEXT, b"x" * 65_537).serialize(mask=True), 1009),
        (Frame(Opcode.CLOSE, b"\x03\xe9").serialize(mask=True), 1001),
    ],
    # The masks are random; names are not to be.
    ids=["utf8", "unmasked", "reserved", "opcode", "ping", "continued", "large", "close"],
)
async def test_what_breaks_the_protocol_is_told_so(edge: Edge, sent: bytes, code: int):
    page = await edge.page()
    page.transport.write(sent)
    assert await closed_with(page) == code
    await edge.mesh.sockets.all_gone()
    by_us = code != 1001  # which echoes the client's own
    assert edge.mesh.closed == ({str(code): 1} if by_us else {})


async def test_too_many_fragments_end_it(edge: Edge):
    page = await edge.page()
    page.transport.write(Frame(Opcode.TEXT, b"", fin=False).serialize(mask=True))
    page.transport.write(Frame(Opcode.CONT, b"", fin=False).serialize(mask=True) * 4_096)
    assert await closed_with(page) == 1009
    assert edge.mesh.closed == {"1009": 1}


@pytest.mark.parametrize("parts", [[b'{"type":"bye"}'], [b'{"type":', b'"bye"}']])
async def test_a_binary_message_is_none_of_the_protocol_however_it_comes(
    edge: Edge, parts: list[bytes]
):
    page = await edge.page()
    await page.send(parts)
    assert json.loads(await page.recv())["code"] == "bad_message"
    await page.send(clicks(1))
    assert await acked(page) == 1


async def test_whoever_goes_on_sending_hears_why_it_was_closed(edge: Edge):
    reader, writer = await edge.raw()
    frame = Frame(Opcode.TEXT, b"x" * 65_537).serialize(mask=True)

    async def send() -> None:
        for _ in range(200):
            writer.write(frame)
            await writer.drain()

    sending = asyncio.create_task(send())
    async with asyncio.timeout(10):
        said = await reader.read()
        await sending
    assert said[:4] == b"\x88" + bytes([len(said) - 2]) + b"\x03\xf1"  # a close frame, of 1009
    writer.close()
    await writer.wait_closed()


async def test_a_frame_of_64_kib_is_taken(edge: Edge):
    page = await edge.page()
    await page.send(clicks(1, unknown="x" * (65_536 - len(clicks(1, unknown="")))))
    assert await acked(page) == 1


async def test_what_comes_before_the_welcome_waits(edge: Edge):
    page = await edge.connect()
    frames = [HELLO, clicks(1), clicks(2)]
    page.transport.write(
        b"".join(Frame(Opcode.TEXT, text.encode()).serialize(mask=True) for text in frames)
    )
    assert json.loads(await page.recv())["type"] == "welcome"
    assert await acked(page) == 1
    assert await acked(page) == 2


async def test_a_full_buffer_holds_the_page_and_lets_it_go_on(edge: Edge):
    page = await edge.page()
    edge.mesh.writer.full = True
    await page.send(clicks(1))
    await page.send(clicks(2))
    assert await acked(page) == 1
    assert json.loads(await page.recv())["code"] == "slow"
    assert len(edge.mesh.accepted) == 1
    edge.mesh.writer.make_room()
    assert await acked(page) == 2


async def test_a_page_that_waits_for_us_is_not_given_up(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(edge_websocket, "_PING_AFTER_S", 0.1)
    monkeypatch.setattr(edge_websocket, "_PING_ANSWER_S", 0.1)
    page = await edge.page()
    edge.mesh.writer.full = True
    await page.send(clicks(1))
    assert await acked(page) == 1
    await asyncio.sleep(2.5)  # two looks at it
    edge.mesh.writer.make_room()
    await page.send(clicks(2))
    assert await acked(page) == 2


async def test_a_defect_ends_the_connection_and_is_counted(edge: Edge):
    async def broken(*_: Any) -> list[Any]:
        raise RuntimeError("a defect")

    edge.mesh.admit = broken  # type: ignore[method-assign]
    page = await edge.connect()
    await page.send(HELLO)
    assert await closed_with(page) == 1011
    assert edge.mesh.counters["unexpected"] == 1


async def test_whoever_does_not_read_is_cut_off(edge: Edge):
    page = await edge.page()
    page.transport.pause_reading()
    (live,) = edge.mesh.hub.sessions()
    (connection,) = live.connections.values()
    for _ in range(400):
        connection.send("x" * 60_000)
    assert edge.mesh.counters["slow_reader"] == 1
    assert edge.mesh.closed["1013"] == 1
    assert len(edge.mesh.hub) == 0
    async with asyncio.timeout(10):  # it never answers the close
        await edge.mesh.sockets.all_gone()


@pytest.mark.parametrize("usual", [True, False], ids=["frames", "library"])
async def test_whoever_pings_and_does_not_read_is_cut_off(edge: Edge, usual: bool):
    page = await edge.page()
    if not usual:  # from then on the library reads, and answers
        await page.send([clicks(1)[:10], clicks(1)[10:]])
        assert await acked(page) == 1
    page.transport.pause_reading()
    pings = Frame(Opcode.PING, b"x" * 125).serialize(mask=True) * 1_000
    async with asyncio.timeout(20):
        while not edge.mesh.counters["slow_reader"]:
            if page.transport.get_write_buffer_size() < 1 << 20:
                page.transport.write(pings)
            await asyncio.sleep(0)
    assert edge.mesh.closed["1013"] == 1
    async with asyncio.timeout(10):
        await edge.mesh.sockets.all_gone()


@pytest.mark.parametrize("usual", [True, False], ids=["frames", "library"])
async def test_whoever_sends_and_does_not_read_is_given_up(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, usual: bool
):
    monkeypatch.setattr(edge_websocket, "_PING_AFTER_S", 0.1)
    monkeypatch.setattr(edge_websocket, "_PING_ANSWER_S", 0.1)
    page = await edge.page()
    if not usual:
        await page.send([clicks(1)[:10], clicks(1)[10:]])
        assert await acked(page) == 1
    page.transport.pause_reading()
    seq = 2
    async with asyncio.timeout(10):
        while not edge.mesh.counters["silent"]:
            await page.send(clicks(seq))
            seq += 1
            await asyncio.sleep(0.05)
        await edge.mesh.sockets.all_gone()
    assert edge.mesh.departures == [1000]


@pytest.mark.parametrize("usual", [True, False], ids=["frames", "library"])
async def test_whoever_answers_pings_stays(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, usual: bool
):
    monkeypatch.setattr(edge_websocket, "_PING_AFTER_S", 0.1)
    monkeypatch.setattr(edge_websocket, "_PING_ANSWER_S", 0.1)
    page = await edge.page()
    if not usual:
        await page.send([clicks(1)[:10], clicks(1)[10:]])
        assert await acked(page) == 1
    await asyncio.sleep(3.5)  # three looks at it
    assert edge.mesh.counters["silent"] == 0
    await page.send(clicks(2))
    assert await acked(page) == 2


async def test_an_open_page_is_looked_at_when_its_ping_is_due(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
):
    sockets: list[WebSocket] = []
    monkeypatch.setattr(edge.mesh.sockets, "add", sockets.append)
    page = await edge.connect()
    (socket,) = sockets
    socket.check(time.monotonic())
    assert socket.due_s == 0.0, "its hello is waited for"
    await page.send(HELLO)
    await page.recv()
    now_s = time.monotonic()
    socket.check(now_s)
    assert now_s < socket.due_s < now_s + 21
    socket.check(now_s + 21)
    assert socket.due_s == 0.0, "its pong is waited for"
    await page.ping()
    await page.send(clicks(1))
    assert await acked(page) == 1
    socket.check(time.monotonic())
    assert socket.due_s > now_s
    socket.hang_up(1000, "")
    assert socket.due_s == 0.0, "its end is waited for"


async def test_a_lost_connection_leaves_the_hub(edge: Edge):
    page = await edge.page()
    page.transport.abort()
    await edge.mesh.sockets.all_gone()
    assert len(edge.mesh.hub) == 0
    assert edge.mesh.departures == [1000]


async def test_what_has_ended_is_freed_without_the_garbage_collector(edge: Edge):
    """The worker never collects what has grown old: a cycle left behind would stay for ever."""
    gc.collect()
    gc.disable()
    try:
        for number in range(8):
            page = await edge.page()
            await page.send(clicks(1))
            if number == 0:
                await page.send([clicks(2)[:10], clicks(2)[10:]])
            if number == 1:
                page.transport.write(b"\x83\x80\x00\x00\x00\x00")
            if number == 2:
                await page.send('{"type":"bye"}')
            if number == 3:
                page.transport.abort()
            if number == 4:
                edge.mesh.sockets.abort()
            await page.close()
        await edge.mesh.sockets.all_gone()
        await asyncio.sleep(0.05)
        kinds = (WebSocket, EdgePage, core.Session, ServerProtocol)
        assert [type(kept) for kept in gc.get_objects() if isinstance(kept, kinds)] == []
    finally:
        gc.enable()


async def test_plain_http_is_answered(edge: Edge):
    async def ask(request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()
        return answer

    get = b" HTTP/1.1\r\nHost: x\r\n\r\n"
    assert (await ask(b"GET /healthz" + get)).startswith(b"HTTP/1.1 200")
    assert (await ask(b"GET /" + get)).startswith(b"HTTP/1.1 400")
    assert await ask(b"nonsense\r\n\r\n") == b""
    assert (await ask(b"GET /" + b"x" * 20_000)).startswith(b"HTTP/1.1 414")
    edge.mesh.writer.well = False
    assert (await ask(b"GET /readyz" + get)).startswith(b"HTTP/1.1 503")
    assert (await ask(b"GET /healthz" + get)).startswith(b"HTTP/1.1 200")
    edge.mesh.draining = True
    assert (await ask(b"GET /readyz" + get)).startswith(b"HTTP/1.1 503")


async def test_a_request_that_never_ends_is_given_up(edge: Edge):
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(b"GET / HT")

    async def trickle() -> None:
        while True:
            writer.write(b"X")
            await asyncio.sleep(0.2)

    trickling = asyncio.create_task(trickle())
    try:
        async with asyncio.timeout(8):
            with contextlib.suppress(ConnectionError):  # as good as an end
                assert await reader.read() == b""
    finally:
        trickling.cancel()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
