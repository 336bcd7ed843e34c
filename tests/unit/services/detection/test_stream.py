"""What a Detect stream is told: together, the newest of each partition, no more than is read."""

from __future__ import annotations

import asyncio

from sentientiq.detection.v1 import detection_service_pb2 as pb

from services.detection.stream import Stream

APPLIED = pb.PARTITION_STATUS_APPLIED
NOT_OWNER = pb.PARTITION_STATUS_NOT_OWNER


def wake(stream: str) -> bytes:
    return pb.DetectResponse(wakes=[pb.Wake(stream_id=stream, due_at_ms=5)]).SerializeToString()


async def told(stream: Stream) -> pb.DetectResponse:
    taken = await stream.take()
    assert taken is not None
    return pb.DetectResponse.FromString(taken)


async def test_answers_go_out_together_with_the_newest_of_each_partition():
    stream = Stream()
    stream.answer({1: (APPLIED, 7, 10), 2: (APPLIED, 7, 3)})
    stream.tell(wake("p1"))
    stream.answer({1: (APPLIED, 7, 11), 2: (NOT_OWNER, 8, 0)})
    stream.tell(wake("p2"))
    response = await told(stream)
    assert response.answered == 2
    results = {r.partition: (r.status, r.epoch, r.through_offset) for r in response.results}
    assert results == {1: (APPLIED, 7, 11), 2: (NOT_OWNER, 8, 0)}
    assert [w.stream_id for w in response.wakes] == ["p1", "p2"]


async def test_news_alone_answers_nothing_and_nothing_is_told_twice():
    stream = Stream()
    stream.tell(wake("p1"))
    assert (await told(stream)).answered == 0
    stream.answer({})
    response = await told(stream)
    assert (response.answered, len(response.wakes)) == (1, 0)


async def test_the_rest_is_told_before_the_end():
    stream = Stream()
    stream.tell(wake("p1"))
    stream.end()
    assert len((await told(stream)).wakes) == 1
    assert await stream.take() is None


async def test_who_does_not_read_is_given_up():
    stream = Stream()
    for _ in range(9):
        stream.tell(b"x" * (1 << 20))
    assert stream.too_slow.is_set()
    taken = await stream.take()
    assert taken is None or len(taken) < 1 << 20  # what waited is not kept for nobody


async def test_a_great_deal_can_wait_for_room():
    stream = Stream()
    stream.tell(pb.DetectResponse(wakes=[pb.Wake(session_id="s" * (2 << 20))]).SerializeToString())
    waiting = asyncio.create_task(stream.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await stream.take()
    await asyncio.wait_for(waiting, 5)
