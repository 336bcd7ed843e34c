"""A page that sends much at once: others come in between, and nothing of it is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from websockets.frames import Frame, Opcode

from edge.websocket import WebSocket
from tests.unit.edge.stand_ins import Edge, acked, clicks, running_edge


@pytest_asyncio.fixture
async def edge() -> AsyncIterator[Edge]:
    async with running_edge() as running:
        yield running


async def test_a_page_that_sends_much_at_once_lets_others_in_between(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
):
    sockets: list[WebSocket] = []
    monkeypatch.setattr(edge.mesh.sockets, "add", sockets.append)
    page = await edge.page()
    frames = [Frame(Opcode.TEXT, clicks(seq).encode()).serialize(mask=True) for seq in range(1, 91)]
    sockets[0].data_received(b"".join(frames))
    taken = [len(edge.mesh.accepted)]
    while taken[-1] < len(frames):
        await asyncio.sleep(0)
        if len(edge.mesh.accepted) > taken[-1]:
            taken.append(len(edge.mesh.accepted))
    assert taken == [32, 64, 90]
    assert [accept.seq for accept in edge.mesh.accepted] == list(range(1, 91))
    await page.send(clicks(91))
    async with asyncio.timeout(5):
        while await acked(page) != 91:
            pass


async def test_a_pong_overtakes_nothing_that_rests(edge: Edge, monkeypatch: pytest.MonkeyPatch):
    sockets: list[WebSocket] = []
    monkeypatch.setattr(edge.mesh.sockets, "add", sockets.append)
    await edge.page()
    sent = [Frame(Opcode.TEXT, clicks(seq).encode()) for seq in range(1, 41)]
    sent.append(Frame(Opcode.PING, b"heard?"))
    sockets[0].data_received(b"".join(frame.serialize(mask=True) for frame in sent))
    assert len(edge.mesh.accepted) == 40, "the pong is written already"


@pytest.mark.parametrize("frames", [40, 90])
async def test_what_came_before_the_end_is_taken_whatever_rests(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, frames: int
):
    sockets: list[WebSocket] = []
    monkeypatch.setattr(edge.mesh.sockets, "add", sockets.append)
    await edge.page()
    said = [clicks(seq) for seq in range(1, frames + 1)] + ['{"type":"bye"}']
    sent = [Frame(Opcode.TEXT, text.encode()) for text in said]
    sent.append(Frame(Opcode.CLOSE, b"\x03\xe9"))
    sockets[0].data_received(b"".join(frame.serialize(mask=True) for frame in sent))
    sockets[0].connection_lost(None)  # at once, as when the client's end has come too
    assert [accept.seq for accept in edge.mesh.accepted] == list(range(1, frames + 1))
    assert edge.mesh.departures == [1000]
    assert len(edge.mesh.hub) == 0
    assert edge.mesh.closed == {"1000": 1}, "its bye was heard"
    await asyncio.sleep(0.05)  # what rested comes round, and finds nothing to do
    assert edge.mesh.departures == [1000]
    assert edge.mesh.counters["unexpected"] == 0
