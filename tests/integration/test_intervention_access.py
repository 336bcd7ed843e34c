"""Who may call, and what is refused, by the intervention service as a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from sentientiq.intervention.v1 import intervention_service_pb2 as service_pb2
from sentientiq.intervention.v1 import intervention_service_pb2_grpc as rpc

from services.common.auth import make_token
from services.common.channels import connect
from services.common.log.port import session_append
from tests.integration.intervention_line import (
    MESH,
    Directory,
    Line,
    Ports,
    process,
    until,
)


@pytest.fixture(scope="module")
def ports(
    postgres_url: str, state_url: str, log_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ports]:
    """The process, for all tests of the module."""
    made = Ports()
    folder: Path = tmp_path_factory.mktemp("access")
    environment = made.environment(postgres_url, state_url, log_url)
    with process("services.intervention", environment, folder / "intervention.log"):
        yield made


@pytest.fixture
async def line(ports: Ports, log_url: str) -> AsyncGenerator[Line, None]:
    directory = Directory()
    server = await directory.serve(ports.directory)
    made = Line(ports, directory, log_url)
    await directory.watched.wait()
    yield made
    await made.close()
    await server.stop(None)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"id": ""}, "emotion.id"),
        ({"session_id": "a\x00b"}, "NUL"),
        ({"rev": 0}, "rev"),
        ({"confidence": 101}, "confidence"),
        ({"detected_at_ms": 0}, "detected_at_ms"),
        ({"id": "x" * 129}, "longer"),
    ],
)
async def test_bad_emotion_is_refused_by_name(
    line: Line, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await line.decide(line.emotion("s1", **change))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert says in str(caught.value.details())


async def test_one_bad_decision_does_not_spoil_its_group(line: Line) -> None:
    emotion = line.emotion("s1")
    await line.decide(emotion)
    foreign = line.emotion("s2", id=emotion.id)  # another session's decision id
    answers = await asyncio.gather(
        *(line.decide(line.emotion(f"g{n}")) for n in range(10)),
        line.decide(foreign),
        *(line.decide(line.emotion(f"h{n}")) for n in range(10)),
        return_exceptions=True,
    )
    refused = [one for one in answers if isinstance(one, grpc.aio.AioRpcError)]
    assert [one.code() for one in refused] == [grpc.StatusCode.INVALID_ARGUMENT]
    assert len(answers) - len(refused) == 20


async def test_callers_without_the_right_token_are_refused(line: Line) -> None:
    request = service_pb2.DecideRequest(emotion=line.emotion("s1"))
    for token, code in (
        ("nonsense", grpc.StatusCode.UNAUTHENTICATED),
        (make_token("x" * 32, subject="x"), grpc.StatusCode.UNAUTHENTICATED),
        (make_token(MESH, subject="x", tenant_id="t9"), grpc.StatusCode.PERMISSION_DENIED),
        (
            make_token(MESH, subject="x", tenant_id=line.tenant, role="team"),
            grpc.StatusCode.PERMISSION_DENIED,
        ),
    ):
        channel = connect(f"127.0.0.1:{line.ports.grpc}", token)
        stub = rpc.InterventionServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Decide(request)
        assert caught.value.code() is code
        await channel.close()


async def test_impossible_emotion_in_the_log_is_set_aside(line: Line) -> None:
    bad = line.emotion("s1", rev=0)
    good = line.emotion("s1")
    await line.log.append(
        [
            session_append("emotion.v1", line.tenant, "s1", one.SerializeToString(), {})
            for one in (bad, good)
        ]
    )
    (decision,) = await until(line.decisions)
    assert decision.emotion.id == good.id

    async def buried() -> Any:
        return sum((await line.log.ends("emotion.v1.dead")).values())

    await until(buried)
