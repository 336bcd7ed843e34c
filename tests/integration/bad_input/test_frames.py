"""docs/errors.md, WebSocket: frames that are not of the protocol, and their order and number."""

from __future__ import annotations

import json

import pytest
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from websockets.exceptions import ConnectionClosed

from services.common.log import BEHAVIOR
from tests.integration.bad_input.frames import FRAMES, spends_seq
from tests.integration.bad_input.own_edge import own_edge
from tests.integration.bad_input.world import World, answer, events

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("row", FRAMES)
async def test_frame(world: World, row: str):
    frame, expected = FRAMES[row]
    socket, _ = await world.opened()
    await socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))
    assert await answer(socket) == expected
    if not expected.isdigit():  # one mistake is survived
        await socket.send(json.dumps(events(2 if spends_seq(expected) else 1)))
        assert await answer(socket) == "ack"
    await socket.close()


async def test_w48_a_text_frame_that_is_not_utf8(world: World):
    socket, _ = await world.opened()
    await socket.send(b'{"type": "\xff\xfe"}', text=True)
    assert await answer(socket) == "1007"


async def test_w50_an_unknown_type_is_ignored_and_counted(world: World):
    async with own_edge(world) as edge:
        socket, _ = await world.opened(url=edge.url)
        for _ in range(3):
            await socket.send('{"type": "from-the-future", "seq": 9}')
        await socket.send(json.dumps(events(1)))
        assert await answer(socket) == "ack"
        await socket.close()
        await edge.counts("unknown_type", 3)
        assert edge.worker.counters["bad_message"] == 0


async def test_w51_a_replayed_seq_is_dropped_counted_and_acknowledged(world: World):
    async with own_edge(world) as edge:
        socket, welcome = await world.opened(url=edge.url)
        for _ in range(3):
            await socket.send(json.dumps(events(1)))
            assert await answer(socket) == "ack"
        await socket.close()
        await edge.counts("duplicate", 2)
    batches = [BehaviorBatch.FromString(r.value) for r in await world.records(BEHAVIOR)]
    assert [b.seq for b in batches if b.session_id == welcome["session"]] == [1]


async def test_w52_a_skipped_seq_ends_the_connection(world: World):
    socket, _ = await world.opened()
    await socket.send(json.dumps(events(1)))
    assert await answer(socket) == "ack"
    await socket.send(json.dumps(events(3)))
    assert [await answer(socket), await answer(socket)] == ["seq_gap", "4400"]


async def test_w53_a_burst_of_bad_messages_ends_the_connection(world: World):
    socket, _ = await world.opened()
    for _ in range(12):
        await socket.send("nonsense")
    answers = [await answer(socket) for _ in range(12)]
    assert answers == ["bad_message"] * 11 + ["4400"]


async def test_w54_too_many_frames_end_the_connection(world: World):
    socket, _ = await world.opened()
    try:
        for seq in range(1, 500):
            await socket.send(json.dumps(events(seq)))
        said = await answer(socket, skip={"ack"})
    except ConnectionClosed as closed:
        said = str(closed.rcvd.code if closed.rcvd else 1006)
    assert said == "4429"


async def test_w55_events_before_hello(world: World):
    socket = await world.socket()
    await socket.send(json.dumps(events(1)))
    assert await answer(socket) == "4400"


async def test_w60_an_unknown_event_is_skipped_and_counted(world: World):
    async with own_edge(world) as edge:
        socket, welcome = await world.opened(url=edge.url)
        await socket.send(json.dumps(events(1, [2, 0, 1, 1], [999, 5, "x"], [2, 9, 2, 2])))
        assert await answer(socket) == "ack"
        await socket.close()
        await edge.counts("unknown_event", 1)
    batches = [BehaviorBatch.FromString(r.value) for r in await world.records(BEHAVIOR)]
    assert [b.count for b in batches if b.session_id == welcome["session"]] == [2]


async def test_w61_unknown_fields_are_ignored(world: World):
    socket, _ = await world.opened(mood="good")
    await socket.send(json.dumps(events(1, weather={"rain": [1, 2]})))
    assert await answer(socket) == "ack"
