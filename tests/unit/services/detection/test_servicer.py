"""Detect, over a real connection."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from services.common.auth import Principal
from services.common.rpc.client import connect_plain
from services.common.rpc.server import Server
from services.detection import servicer
from services.detection.emotions import EmotionWriter
from tests.unit.services.common.rpc.rpc_line import as_it_is


def takes_no_more(size: int) -> None:
    """It reads what it said that it would, and no more."""


async def test_who_does_not_read_its_answers_is_cut_however_full_its_way_is(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(servicer, "principal", lambda: Principal("edge", "*", "mesh"))
    detection, server = (
        servicer.DetectionServicer(EmotionWriter(cast("Any", None))), Server(as_it_is),
    )  # fmt: skip
    servicer.add_to_server(detection, server)
    port = await server.start("127.0.0.1:0")
    channel = connect_plain(f"127.0.0.1:{port}")
    call = channel.stream_stream(
        f"/{servicer.SERVICE}/Detect", request_serializer=bytes, response_deserializer=bytes
    )()
    await call.initial_metadata()
    monkeypatch.setattr(call, "_give_room", takes_no_more)
    (stream,) = cast("Any", detection)._streams
    async with asyncio.timeout(20):
        for _ in range(40):  # megabytes
            stream.tell(b"\x0a\x80\x80\x40" + bytes(1 << 20))
            await asyncio.sleep(0.01)
        while cast("Any", detection)._streams:
            await asyncio.sleep(0.01)
    assert stream._bytes < 16 << 20
    await channel.close()
    await server.stop(0)
